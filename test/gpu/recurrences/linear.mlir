func.func @linear(%q: tensor<?x16x?x128xbf16>, %k: tensor<?x16x?x128xbf16>, %v: tensor<?x16x?x128xbf16>) -> tensor<?x16x?x128xbf16> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %v, %c0 : tensor<?x16x?x128xbf16>
  %s = tensor.dim %v, %c2 : tensor<?x16x?x128xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x16x?x128xbf16>
  %r = attn.linear_attention ins(%q, %k, %v : tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>)
     outs(%o : tensor<?x16x?x128xbf16>) {scale = 8.8388347648318447e-02 : f64} -> tensor<?x16x?x128xbf16>
  return %r : tensor<?x16x?x128xbf16>
}
