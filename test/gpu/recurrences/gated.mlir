func.func @gated(%x: tensor<?x?x64x64xbf16>, %dt: tensor<?x?x64xf32>, %a: tensor<64xf32>, %bb: tensor<?x?x1x128xbf16>, %cc: tensor<?x?x1x128xbf16>, %bias: tensor<64xf32>, %d: tensor<64xf32>, %z: tensor<?x?x64x64xbf16>, %s0: tensor<?x64x64x128xf32>) -> (tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x64x64xbf16>
  %s = tensor.dim %x, %c1 : tensor<?x?x64x64xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x?x64x64xbf16>
  %r, %s1 = attn.ssd ins(%x, %dt, %a, %bb, %cc : tensor<?x?x64x64xbf16>, tensor<?x?x64xf32>, tensor<64xf32>, tensor<?x?x1x128xbf16>, tensor<?x?x1x128xbf16>)
     dt_bias(%bias : tensor<64xf32>) skip(%d : tensor<64xf32>) gate(%z : tensor<?x?x64x64xbf16>)
     outs(%o, %s0 : tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>) {softplus, dt_limit = array<f64: 1.0e-03, 1.0e-01>} -> tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>
  return %r, %s1 : tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>
}
