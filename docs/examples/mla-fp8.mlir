// Absorbed decode of multi-head latent attention on a latent cache of fp8, in pages: 16 heads
// read keys of 576, whose first 512 elements are the values, with a scale a token and group of
// 64 elements. A key is decoded once for its scores and its value. Random scales make scores large, and with
// them the bound.
//
// RUN: attn-run %s --set b=2,pages=16,columns=8 --random 1 --check --tolerance 4
func.func @step(
    %q: tensor<?x16x1x576xf32> {attn.dims = ["b", "hq", "one", "d"]},
    %latent: tensor<?x1x64x576xf8E4M3FN> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %scales: tensor<?x64x9xf32> {attn.dims = ["pages", "slots", "groups"]},
    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]})
    -> (tensor<?x16x1x512xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x16x1x576xf32>
  %pages = tensor.dim %latent, %c0 : tensor<?x1x64x576xf8E4M3FN>
  %whole = tensor.empty(%pages) : tensor<?x1x64x576xf32>
  %k = attn.kv_dequantize ins(%latent : tensor<?x1x64x576xf8E4M3FN>) scale(%scales : tensor<?x64x9xf32>)
      at affine_map<(p, h, n, d) -> (p, n, d floordiv 64)> outs(%whole : tensor<?x1x64x576xf32>) -> tensor<?x1x64x576xf32>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%pages, 1, 64, 512] [1, 1, 1, 1]
      : tensor<?x1x64x576xf32> to tensor<?x1x64x512xf32>
  %init = tensor.empty(%b) : tensor<?x16x1x512xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x16x1x576xf32>, tensor<?x1x64x576xf32>, tensor<?x1x64x512xf32>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>)
      outs(%init : tensor<?x16x1x512xf32>) mask(#attn.causal) {scale = 7.2168784e-02 : f32} -> tensor<?x16x1x512xf32>
  return %o : tensor<?x16x1x512xf32>
}
