// Absorbed latent attention on fp8: values are the first 512 of 576 elements of a key, with a
// scale for 64 of them, in two blocks of 256 columns.
// TARGET: sm_90
// SIZES: --set b=2,s=300
// SIZES: --set b=1,s=2500
// SIZES: --set b=3,s=1
func.func @f(%q: tensor<?x16x1x576xbf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x1x?x576xbf16> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<?x16x1x512xbf16> {attn.name = "o"}, tensor<?x1x?x576xf8E4M3FN> {attn.name = "codes"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x16x1x576xbf16>
  %s = tensor.dim %k, %c2 : tensor<?x1x?x576xbf16>
  %codes = tensor.empty(%b, %s) : tensor<?x1x?x576xf8E4M3FN>
  %si = tensor.empty(%b, %s) : tensor<?x?x9xf32>
  %kc, %ks = attn.kv_quantize ins(%k : tensor<?x1x?x576xbf16>)
      at affine_map<(b, h, n, d) -> (b, n, d floordiv 64)>
      outs(%codes, %si : tensor<?x1x?x576xf8E4M3FN>, tensor<?x?x9xf32>)
      -> tensor<?x1x?x576xf8E4M3FN>, tensor<?x?x9xf32>
  %whole = tensor.empty(%b, %s) : tensor<?x1x?x576xbf16>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x1x?x576xf8E4M3FN>) scale(%ks : tensor<?x?x9xf32>)
      at affine_map<(b, h, n, d) -> (b, n, d floordiv 64)> outs(%whole : tensor<?x1x?x576xbf16>) -> tensor<?x1x?x576xbf16>
  %v = tensor.extract_slice %kd[0, 0, 0, 0] [%b, 1, %s, 512] [1, 1, 1, 1]
      : tensor<?x1x?x576xbf16> to tensor<?x1x?x512xbf16>
  %init = tensor.empty(%b) : tensor<?x16x1x512xbf16>
  %o = attn.attention ins(%q, %kd, %v : tensor<?x16x1x576xbf16>, tensor<?x1x?x576xbf16>, tensor<?x1x?x512xbf16>)
      outs(%init : tensor<?x16x1x512xbf16>) {scale = 7.2168784e-02 : f32} -> tensor<?x16x1x512xbf16>
  return %o, %kc : tensor<?x16x1x512xbf16>, tensor<?x1x?x576xf8E4M3FN>
}
