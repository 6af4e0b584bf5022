// Multi-head latent attention in its absorbed form (DeepSeek-V2-Lite): keys of
// 576, shared by 16 heads, and values that are their first 512 elements.
//
// RUN: attn-run %s --set n=5,s=200 --random 1 --check --tolerance 2
//
// The scale is that of the head size before absorption, 1 / sqrt(192), so random
// scores are larger than usual, and with them the bound.
func.func @layer(
    %q: tensor<1x16x?x576xf32> {attn.dims = ["b", "hq", "n", "d"]},
    %latent: tensor<1x1x?x576xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x16x?x512xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %n = tensor.dim %q, %c2 : tensor<1x16x?x576xf32>
  %s = tensor.dim %latent, %c2 : tensor<1x1x?x576xf32>
  %v = tensor.extract_slice %latent[0, 0, 0, 0] [1, 1, %s, 512] [1, 1, 1, 1]
      : tensor<1x1x?x576xf32> to tensor<1x1x?x512xf32>
  %init = tensor.empty(%n) : tensor<1x16x?x512xf32>
  %o = attn.attention ins(%q, %latent, %v : tensor<1x16x?x576xf32>, tensor<1x1x?x576xf32>, tensor<1x1x?x512xf32>)
      outs(%init : tensor<1x16x?x512xf32>) mask(#attn.causal) {scale = 7.2168784e-02 : f32}
      -> tensor<1x16x?x512xf32>
  return %o : tensor<1x16x?x512xf32>
}
