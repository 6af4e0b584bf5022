// Absorbed latent attention: one query of 40 heads, which are the rows of a
// tile, V a part of K, lse. Lengths of no step, of one and of several chunks.
// TARGET: sm_90
// SIZES: --set b=3 --set s=200
// SIZES: --set b=1 --set s=1
// SIZES: --set b=2 --set s=0
// SIZES: --set b=0 --set s=64
// SIZES: --set b=1 --set s=5000
// SIZES: --set b=150 --set s=300
func.func @f(%q: tensor<?x40x1x576xbf16> {attn.dims = ["b", "h", "one", "d"]},
             %k: tensor<?x1x?x576xbf16> {attn.dims = ["b", "hk", "s", "d"]})
    -> (tensor<?x40x1x512xbf16> {attn.name = "o"}, tensor<?x40x1xf32> {attn.name = "lse"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %k, %c0 : tensor<?x1x?x576xbf16>
  %s = tensor.dim %k, %c2 : tensor<?x1x?x576xbf16>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, 1, %s, 512] [1, 1, 1, 1]
      : tensor<?x1x?x576xbf16> to tensor<?x1x?x512xbf16>
  %i = tensor.empty(%b) : tensor<?x40x1x512xbf16>
  %l = tensor.empty(%b) : tensor<?x40x1xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : tensor<?x40x1x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16>)
      outs(%i, %l : tensor<?x40x1x512xbf16>, tensor<?x40x1xf32>) {scale = 7.2168784e-02 : f32}
      -> tensor<?x40x1x512xbf16>, tensor<?x40x1xf32>
  return %o, %lse : tensor<?x40x1x512xbf16>, tensor<?x40x1xf32>
}
