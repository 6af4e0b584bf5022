// A prefix-LM: the first 200 tokens (the prompt) see each other, all others are causal.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
func.func @layer(
    %q: tensor<1x2x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x2x?x32xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x32xf32>
  %init = tensor.empty(%s) : tensor<1x2x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>)
      outs(%init : tensor<1x2x?x32xf32>) mask(#attn.causal or #attn.prefix<200>) -> tensor<1x2x?x32xf32>
  return %o : tensor<1x2x?x32xf32>
}
