// 8 query heads over 2 key heads, 512 tokens, each seeing itself and the 127
// tokens before it.
//
// RUN: attn-run %s --random 1 --check
func.func @f(%q: tensor<1x8x512x64xf32>, %k: tensor<1x2x512x64xf32>, %v: tensor<1x2x512x64xf32>)
    -> (tensor<1x8x512x64xf32> {attn.name = "o"}) {
  %init = tensor.empty() : tensor<1x8x512x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x512x64xf32>, tensor<1x2x512x64xf32>, tensor<1x2x512x64xf32>)
      outs(%init : tensor<1x8x512x64xf32>) mask(#attn.window<127, 0>) -> tensor<1x8x512x64xf32>
  return %o : tensor<1x8x512x64xf32>
}
