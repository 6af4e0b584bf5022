// Documents packed in one sequence: a query sees the keys of its own document up to
// itself. `ids` names the document of each token.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// The region is evaluated for whole tiles of pairs at once: by the least and largest
// ids of each block of keys (zone maps), most tiles are known to be empty or full.
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  // 12 documents; as a rule the ids are an argument.
  %ids = tensor.generate %s {
  ^bb0(%n: index):
    %c12 = arith.constant 12 : index
    %scaled = arith.muli %n, %c12 : index
    %d = arith.divui %scaled, %s : index
    %id = arith.index_cast %d : index to i32
    tensor.yield %id : i32
  } : tensor<?xi32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>)
      mask(#attn.causal) and(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<?xi32>,
                             %ids at affine_map<(b, h, i, j) -> (j)> : tensor<?xi32>) {
      ^bb0(%mine: i32, %other: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %mine, %other : i32
        attn.yield %same : i1
      } -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
