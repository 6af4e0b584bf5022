// Documents
// Documents packed in one sequence: a token sees those before it in its own document.
// `ids` names the document of each token, and is an argument as a rule.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @documents(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : !t
  // Documents of 1, 2, 3, ... times 40 tokens.
  %ids = tensor.generate %s {
  ^bb0(%n: index):
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c9 = arith.constant 9 : index
    %c40 = arith.constant 40 : index
    %r:2 = scf.for %d = %c1 to %c9 step %c1 iter_args(%end = %c0, %id = %c0) -> (index, index) {
      %length = arith.muli %d, %c40 : index
      %next = arith.addi %end, %length : index
      %past = arith.cmpi sge, %n, %next : index
      %more = arith.addi %id, %c1 : index
      %now = arith.select %past, %more, %id : index
      scf.yield %next, %now : index, index
    }
    %id = arith.index_cast %r#1 : index to i32
    tensor.yield %id : i32
  } : tensor<?xi32>
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.causal) and(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<?xi32>,
                             %ids at affine_map<(b, h, i, j) -> (j)> : tensor<?xi32>) {
      ^bb0(%mine: i32, %other: i32, %b: index, %h: index, %i: index, %j: index):
        %same = arith.cmpi eq, %mine, %other : i32
        attn.yield %same : i1
      } -> !t
  return %o : !t
}
