func.func @slots1(%x: tensor<?x4096xbf16>, %dt: tensor<?x4096xbf16>, %a: tensor<4096x16xf32>, %b: tensor<?x1x16xbf16>, %c: tensor<?x1x16xbf16>, %bias: tensor<4096xf32>, %d: tensor<4096xf32>,
                 %z: tensor<?x4096xbf16>, %slots: tensor<?xi32>, %s0: tensor<?x4096x16xf32> {attn.donated}) -> (tensor<?x4096xbf16>, tensor<?x4096x16xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4096xbf16>
  %o = tensor.empty(%n) : tensor<?x4096xbf16>
  %y, %s1 = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<?x4096xbf16>, tensor<?x4096xbf16>, tensor<4096x16xf32>, tensor<?x1x16xbf16>, tensor<?x1x16xbf16>)
    dt_bias(%bias : tensor<4096xf32>) skip(%d : tensor<4096xf32>) gate(%z : tensor<?x4096xbf16>) slots(%slots : tensor<?xi32>)
    outs(%o, %s0 : tensor<?x4096xbf16>, tensor<?x4096x16xf32>) {softplus} -> tensor<?x4096xbf16>, tensor<?x4096x16xf32>
  return %y, %s1 : tensor<?x4096xbf16>, tensor<?x4096x16xf32>
}
