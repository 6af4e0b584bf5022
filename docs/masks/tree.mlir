// Tree
// Speculative decoding: 31 drafted tokens form a binary tree, here beside 32 cached keys. A
// token sees the cache, its ancestors and itself. The drafted keys stand in front, so that
// `tree` is read at (i, j). Drawn pair by pair.
// explain: sizes=s=63 rows=1 keys=1
!q = tensor<1x8x31x64xf32>
!t = tensor<1x8x?x64xf32>
func.func @tree(
    %q: !q {attn.dims = ["b", "h", "draft", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !q {attn.dims = ["b", "h", "draft", "d"]}) -> !q {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  // The parent of node n is (n - 1) div 2.
  %tree = tensor.generate {
  ^bb0(%n: index, %ancestor: index):
    %self = arith.cmpi eq, %n, %ancestor : index
    %r:2 = scf.for %level = %c0 to %c5 step %c1 iter_args(%node = %n, %found = %self) -> (index, i1) {
      %0 = arith.subi %node, %c1 : index
      %1 = arith.maxsi %0, %c0 : index
      %parent = arith.divui %1, %c2 : index
      %2 = arith.cmpi eq, %parent, %ancestor : index
      %next = arith.ori %found, %2 : i1
      scf.yield %parent, %next : index, i1
    }
    tensor.yield %r#1 : i1
  } : tensor<31x31xi1>
  %o = attn.attention ins(%q, %k, %v : !q, !t, !t) offset(%c0) outs(%out : !q)
      mask(%tree at affine_map<(b, h, i, j) -> (i, j)> : tensor<31x31xi1>) {
      ^bb0(%ancestor: i1, %b: index, %h: index, %i: index, %j: index):
        %drafted = arith.constant 31 : index
        %cached = arith.cmpi sge, %j, %drafted : index
        %visible = arith.ori %cached, %ancestor : i1
        attn.yield %visible : i1
      } -> !q
  return %o : !q
}
