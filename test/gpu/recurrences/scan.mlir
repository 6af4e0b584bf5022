func.func @scan(%u: tensor<?x?x4096xbf16>, %dt: tensor<?x?x4096xbf16>, %a: tensor<4096x16xf32>, %b: tensor<?x?x1x16xbf16>, %c: tensor<?x?x1x16xbf16>, %bias: tensor<4096xf32>, %d: tensor<4096xf32>, %z: tensor<?x?x4096xbf16>, %s0: tensor<?x4096x16xf32>) -> (tensor<?x?x4096xbf16>, tensor<?x4096x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %u, %c0 : tensor<?x?x4096xbf16>
  %s = tensor.dim %u, %c1 : tensor<?x?x4096xbf16>
  %o = tensor.empty(%n, %s) : tensor<?x?x4096xbf16>
  %y, %s1 = attn.ssm_scan ins(%u, %dt, %a, %b, %c : tensor<?x?x4096xbf16>, tensor<?x?x4096xbf16>, tensor<4096x16xf32>, tensor<?x?x1x16xbf16>, tensor<?x?x1x16xbf16>)
    dt_bias(%bias : tensor<4096xf32>) skip(%d : tensor<4096xf32>) gate(%z : tensor<?x?x4096xbf16>)
    outs(%o, %s0 : tensor<?x?x4096xbf16>, tensor<?x4096x16xf32>) {softplus} -> tensor<?x?x4096xbf16>, tensor<?x4096x16xf32>
  return %y, %s1 : tensor<?x?x4096xbf16>, tensor<?x4096x16xf32>
}
