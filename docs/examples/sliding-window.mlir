// A sliding window of 512 keys, the query itself counted, as the local layers of
// Gemma-3-1B have it: 4 query heads, 1 key head, head size 256.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// `window<l, r>` is q - l <= k <= q + r, so a window of n keys is <n - 1, 0>.
func.func @layer(
    %q: tensor<1x4x?x256xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x256xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x256xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x256xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x256xf32>
  %init = tensor.empty(%s) : tensor<1x4x?x256xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x256xf32>, tensor<1x1x?x256xf32>, tensor<1x1x?x256xf32>)
      outs(%init : tensor<1x4x?x256xf32>) mask(#attn.window<511, 0>) -> tensor<1x4x?x256xf32>
  return %o : tensor<1x4x?x256xf32>
}
