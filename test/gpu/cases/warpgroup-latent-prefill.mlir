// Prefill of absorbed latent attention, behind a cache: tiles of 64 rows.
// TARGET: sm_90
// SIZES: --set b=1 --set sq=200 --set sk=200
// SIZES: --set b=2 --set sq=100 --set sk=333
// SIZES: --set b=1 --set sq=100 --set sk=40
// SIZES: --set b=1 --set sq=900 --set sk=900
func.func @f(%q: tensor<?x16x?x576xbf16> {attn.dims = ["b", "h", "sq", "d"]},
             %k: tensor<?x1x?x576xbf16> {attn.dims = ["b", "hk", "sk", "d"]})
    -> (tensor<?x16x?x512xbf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %k, %c0 : tensor<?x1x?x576xbf16>
  %n = tensor.dim %q, %c2 : tensor<?x16x?x576xbf16>
  %s = tensor.dim %k, %c2 : tensor<?x1x?x576xbf16>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, 1, %s, 512] [1, 1, 1, 1]
      : tensor<?x1x?x576xbf16> to tensor<?x1x?x512xbf16>
  %i = tensor.empty(%b, %n) : tensor<?x16x?x512xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x16x?x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16>)
      outs(%i : tensor<?x16x?x512xbf16>) mask(#attn.causal) {scale = 7.2168784e-02 : f32}
      -> tensor<?x16x?x512xbf16>
  return %o : tensor<?x16x?x512xbf16>
}
