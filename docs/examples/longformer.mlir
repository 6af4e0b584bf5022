// Longformer: a window of 128 keys to each side, and 16 global tokens, which see all
// and which all see.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// Five loops over the keys of a row tile: the global keys, the three of a window, and
// all others where queries of the tile are global. Their bounds are arithmetic on the
// position of the tile.
func.func @layer(
    %q: tensor<1x2x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x2x?x32xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x32xf32>
  %init = tensor.empty(%s) : tensor<1x2x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>)
      outs(%init : tensor<1x2x?x32xf32>) mask(#attn.window<128, 128> or #attn.global<16>) -> tensor<1x2x?x32xf32>
  return %o : tensor<1x2x?x32xf32>
}
