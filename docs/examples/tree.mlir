// Speculative decoding: 63 drafted tokens form a tree over a cache of keys. A token sees
// the whole cache, its ancestors and itself.
//
// RUN: attn-run %s --set cache=937 --random 1 --check
// RUN: attn-run %s --set cache=4033 --random 1 --check
// RUN: attn-run %s --set cache=638 --random 1 --check
// RUN: sed 's/xbf16>/xf32>/g' %s | attn-run - --set cache=937 --random 1 --check --tolerance 2
// RUN: sed 's/xbf16>/xf32>/g' %s | attn-run - --set cache=4033 --random 1 --check --tolerance 2
// RUN: sed 's/xbf16>/xf32>/g' %s | attn-run - --set cache=638 --random 1 --check --tolerance 2
//
// The drafted keys stand in front of the cache, with positions 0 to 62 as their queries
// (the order of keys does not matter to a softmax), so that `tree` is read at (i, j).
// Indices past its end read its last column, which does not matter to a cached key.
func.func @layer(
    %q: tensor<1x8x63x128xbf16> {attn.dims = ["b", "hq", "draft", "d"]},
    %k: tensor<1x2x63x128xbf16> {attn.dims = ["b", "hkv", "draft", "d"]},
    %v: tensor<1x2x63x128xbf16> {attn.dims = ["b", "hkv", "draft", "d"]},
    %cached_k: tensor<1x2x?x128xbf16> {attn.dims = ["b", "hkv", "cache", "d"]},
    %cached_v: tensor<1x2x?x128xbf16> {attn.dims = ["b", "hkv", "cache", "d"]})
    -> (tensor<1x8x63x128xbf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c6 = arith.constant 6 : index
  // A binary tree as a heap: the parent of node n is (n - 1) div 2.
  %tree = tensor.generate {
  ^bb0(%n: index, %ancestor: index):
    %self = arith.cmpi eq, %n, %ancestor : index
    %r:2 = scf.for %level = %c0 to %c6 step %c1 iter_args(%node = %n, %found = %self) -> (index, i1) {
      %0 = arith.subi %node, %c1 : index
      %1 = arith.maxsi %0, %c0 : index
      %parent = arith.divui %1, %c2 : index
      %2 = arith.cmpi eq, %parent, %ancestor : index
      %next = arith.ori %found, %2 : i1
      scf.yield %parent, %next : index, i1
    }
    tensor.yield %r#1 : i1
  } : tensor<63x63xi1>
  %all_k = tensor.concat dim(2) %k, %cached_k : (tensor<1x2x63x128xbf16>, tensor<1x2x?x128xbf16>) -> tensor<1x2x?x128xbf16>
  %all_v = tensor.concat dim(2) %v, %cached_v : (tensor<1x2x63x128xbf16>, tensor<1x2x?x128xbf16>) -> tensor<1x2x?x128xbf16>
  %init = tensor.empty() : tensor<1x8x63x128xbf16>
  %o = attn.attention ins(%q, %all_k, %all_v : tensor<1x8x63x128xbf16>, tensor<1x2x?x128xbf16>, tensor<1x2x?x128xbf16>)
      offset(%c0) outs(%init : tensor<1x8x63x128xbf16>)
      mask(%tree at affine_map<(b, h, i, j) -> (i, j)> : tensor<63x63xi1>) {
      ^bb0(%ancestor: i1, %b: index, %h: index, %i: index, %j: index):
        %drafted = arith.constant 63 : index
        %cached = arith.cmpi sge, %j, %drafted : index
        %visible = arith.ori %cached, %ancestor : i1
        attn.yield %visible : i1
      } -> tensor<1x8x63x128xbf16>
  return %o : tensor<1x8x63x128xbf16>
}
