func.func @ids(%x: tensor<?x?x64x64xbf16>, %dt: tensor<?x?x64xf32>, %a: tensor<64xf32>, %bb: tensor<?x?x1x128xbf16>, %cc: tensor<?x?x1x128xbf16>, %bias: tensor<64xf32>, %d: tensor<64xf32>, %ids: tensor<?x?xi32>) -> tensor<?x?x64x64xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %x, %c0 : tensor<?x?x64x64xbf16>
  %s = tensor.dim %x, %c1 : tensor<?x?x64x64xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x?x64x64xbf16>
  %r = attn.ssd ins(%x, %dt, %a, %bb, %cc : tensor<?x?x64x64xbf16>, tensor<?x?x64xf32>, tensor<64xf32>, tensor<?x?x1x128xbf16>, tensor<?x?x1x128xbf16>)
     dt_bias(%bias : tensor<64xf32>) skip(%d : tensor<64xf32>) seq_ids(%ids : tensor<?x?xi32>)
     outs(%o : tensor<?x?x64x64xbf16>) {softplus} -> tensor<?x?x64x64xbf16>
  return %r : tensor<?x?x64x64xbf16>
}
