// Full attention: no mask, every query sees every key, as encoders have it.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
func.func @layer(
    %q: tensor<1x2x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x2x?x32xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x32xf32>
  %init = tensor.empty(%s) : tensor<1x2x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>)
      outs(%init : tensor<1x2x?x32xf32>) -> tensor<1x2x?x32xf32>
  return %o : tensor<1x2x?x32xf32>
}
