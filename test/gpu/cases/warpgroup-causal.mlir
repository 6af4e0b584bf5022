// Grouped heads, lse, a cache in front of the queries, lengths of no tile.
// TARGET: sm_90
// SIZES: --set b=1 --set sq=300 --set sk=300
// SIZES: --set b=2 --set sq=129 --set sk=777
// SIZES: --set b=3 --set sq=128 --set sk=128
// SIZES: --set b=1 --set sq=200 --set sk=70
// SIZES: --set b=0 --set sq=128 --set sk=128
// SIZES: --set b=1 --set sq=2000 --set sk=2000
func.func @f(%q: tensor<?x8x?x128xbf16> {attn.dims = ["b", "hq", "sq", "d"]},
             %k: tensor<?x2x?x128xbf16> {attn.dims = ["b", "hk", "sk", "d"]},
             %v: tensor<?x2x?x128xbf16> {attn.dims = ["b", "hk", "sk", "d"]})
    -> (tensor<?x8x?x128xbf16> {attn.name = "o"}, tensor<?x8x?xf32> {attn.name = "lse"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x?x128xbf16>
  %s = tensor.dim %q, %c2 : tensor<?x8x?x128xbf16>
  %i = tensor.empty(%b, %s) : tensor<?x8x?x128xbf16>
  %l = tensor.empty(%b, %s) : tensor<?x8x?xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : tensor<?x8x?x128xbf16>, tensor<?x2x?x128xbf16>, tensor<?x2x?x128xbf16>)
      outs(%i, %l : tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>) mask(#attn.causal)
      -> tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
  return %o, %lse : tensor<?x8x?x128xbf16>, tensor<?x8x?xf32>
}
