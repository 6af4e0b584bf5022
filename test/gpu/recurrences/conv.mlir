func.func @conv(%x: tensor<?x?x4096xbf16>, %w: tensor<4096x4xf32>, %bias: tensor<4096xf32>, %s0: tensor<?x3x4096xbf16>) -> (tensor<?x?x4096xbf16>, tensor<?x3x4096xbf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x?x4096xbf16>
  %s = tensor.dim %x, %c1 : tensor<?x?x4096xbf16>
  %o = tensor.empty(%n, %s) : tensor<?x?x4096xbf16>
  %y, %s1 = attn.causal_conv1d ins(%x, %w : tensor<?x?x4096xbf16>, tensor<4096x4xf32>) bias(%bias : tensor<4096xf32>)
    outs(%o, %s0 : tensor<?x?x4096xbf16>, tensor<?x3x4096xbf16>) {silu} -> tensor<?x?x4096xbf16>, tensor<?x3x4096xbf16>
  return %y, %s1 : tensor<?x?x4096xbf16>, tensor<?x3x4096xbf16>
}
