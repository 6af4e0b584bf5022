// Several queries at once, as for tokens that are guessed: 4 of 16 heads are the
// rows of a tile, under a causal mask.
// TARGET: sm_90
// SIZES: --set b=3 --set s=200
// SIZES: --set b=1 --set s=4
// SIZES: --set b=1 --set s=2
// SIZES: --set b=2 --set s=3000
func.func @f(%q: tensor<?x4x16x576xbf16> {attn.dims = ["b", "n", "h", "d"]},
             %k: tensor<?x?x1x576xbf16> {attn.dims = ["b", "s", "hk", "d"]})
    -> (tensor<?x4x16x512xbf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %k, %c0 : tensor<?x?x1x576xbf16>
  %s = tensor.dim %k, %c1 : tensor<?x?x1x576xbf16>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, %s, 1, 512] [1, 1, 1, 1]
      : tensor<?x?x1x576xbf16> to tensor<?x?x1x512xbf16>
  %i = tensor.empty(%b) : tensor<?x4x16x512xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x4x16x576xbf16>, tensor<?x?x1x576xbf16>, tensor<?x?x1x512xbf16>)
      layout(bshd) outs(%i : tensor<?x4x16x512xbf16>) mask(#attn.causal) {scale = 7.2168784e-02 : f32}
      -> tensor<?x4x16x512xbf16>
  return %o : tensor<?x4x16x512xbf16>
}
