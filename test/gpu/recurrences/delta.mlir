func.func @delta(%q: tensor<?x16x?x128xbf16>, %k: tensor<?x16x?x128xbf16>, %v: tensor<?x16x?x128xbf16>, %beta: tensor<?x16x?xf32>, %s0: tensor<?x16x128x128xf32>) -> (tensor<?x16x?x128xbf16>, tensor<?x16x128x128xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %v, %c0 : tensor<?x16x?x128xbf16>
  %s = tensor.dim %v, %c2 : tensor<?x16x?x128xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x16x?x128xbf16>
  %r, %s1 = attn.linear_attention ins(%q, %k, %v : tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>)
     beta(%beta : tensor<?x16x?xf32>) outs(%o, %s0 : tensor<?x16x?x128xbf16>, tensor<?x16x128x128xf32>) {scale = 8.8388347648318447e-02 : f64} -> tensor<?x16x?x128xbf16>, tensor<?x16x128x128xf32>
  return %r, %s1 : tensor<?x16x?x128xbf16>, tensor<?x16x128x128xf32>
}
