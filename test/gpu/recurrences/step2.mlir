func.func @step2(%x: tensor<?x64x64xbf16>, %dt: tensor<?x64xf32>, %a: tensor<64xf32>, %b: tensor<?x1x128xbf16>, %c: tensor<?x1x128xbf16>, %bias: tensor<64xf32>, %d: tensor<64xf32>,
                 %z: tensor<?x64x64xbf16>, %s0: tensor<?x64x64x128xf32> {attn.donated}) -> (tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64x64xbf16>
  %o = tensor.empty(%n) : tensor<?x64x64xbf16>
  %y, %s1 = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<?x64x64xbf16>, tensor<?x64xf32>, tensor<64xf32>, tensor<?x1x128xbf16>, tensor<?x1x128xbf16>)
    dt_bias(%bias : tensor<64xf32>) skip(%d : tensor<64xf32>) gate(%z : tensor<?x64x64xbf16>)
    outs(%o, %s0 : tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>) {softplus} -> tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>
  return %y, %s1 : tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>
}
