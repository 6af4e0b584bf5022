// A window whose sides are arguments: one compiled module serves all of them, since the
// bounds of the loops over keys are arithmetic on `left` and `right`.
//
// RUN: attn-run %s --set s=1000,left=100,right=3 --random 1 --check
// RUN: attn-run %s --set s=701,left=100,right=3 --random 1 --check
// RUN: attn-run %s --set s=4096,left=1000,right=0 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000,left=100,right=3 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701,left=100,right=3 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096,left=1000,right=0 --random 1 --check
#near = #attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + l)>>
func.func @layer(
    %q: tensor<1x2x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %left: index, %right: index)
    -> (tensor<1x2x?x32xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x32xf32>
  %init = tensor.empty(%s) : tensor<1x2x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>)
      outs(%init : tensor<1x2x?x32xf32>) mask(#near[%left, %right]) -> tensor<1x2x?x32xf32>
  return %o : tensor<1x2x?x32xf32>
}
