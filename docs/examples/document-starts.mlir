// Packed documents of 341 tokens by where each one starts: causal, and no key in front
// of the document. `starts` holds, for each token, the first token of its document.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// `ascending` promises that `starts` does not decrease, so that the range of a row tile
// is that of its ends: two loads bound the keys of the tile.
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  // Starts are made here; as a rule they are an argument.
  %starts = tensor.generate %s {
  ^bb0(%n: index):
    %c341 = arith.constant 341 : index
    %d = arith.divui %n, %c341 : index
    %start = arith.muli %d, %c341 : index
    %i32 = arith.index_cast %start : index to i32
    tensor.yield %i32 : i32
  } : tensor<?xi32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>)
      mask(#attn.causal) and(%starts at affine_map<(b, h, i, j) -> (i)> ascending : tensor<?xi32>) {
      ^bb0(%start: i32, %b: index, %h: index, %i: index, %j: index):
        %first = arith.index_cast %start : i32 to index
        %visible = arith.cmpi sge, %j, %first : index
        attn.yield %visible : i1
      } -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
