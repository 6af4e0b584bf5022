// What recurrences are compared with by length (crossover.py).
func.func @causal(%q: tensor<?x16x?x128xbf16>, %k: tensor<?x16x?x128xbf16>, %v: tensor<?x16x?x128xbf16>) -> tensor<?x16x?x128xbf16> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x16x?x128xbf16>
  %s = tensor.dim %q, %c2 : tensor<?x16x?x128xbf16>
  %i = tensor.empty(%b, %s) : tensor<?x16x?x128xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>, tensor<?x16x?x128xbf16>) outs(%i : tensor<?x16x?x128xbf16>) mask(#attn.causal) -> tensor<?x16x?x128xbf16>
  return %o : tensor<?x16x?x128xbf16>
}
