// Tiles that divide groups of heads, and rows that do not divide evenly.
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %ragged = transform.structured.match ops{["attn.attention"]} attributes {layout = #attn<layout thd>} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %ragged tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %bhsd = transform.structured.match ops{["attn.attention"]} attributes {layout = #attn<layout bhsd>} in %root : (!transform.any_op) -> !transform.any_op
    %tiled1, %loops1:3 = transform.structured.tile_using_for %bhsd tile_sizes [1, 1, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    %bshd = transform.structured.match ops{["attn.attention"]} attributes {layout = #attn<layout bshd>} in %root : (!transform.any_op) -> !transform.any_op
    %tiled2, %loop2 = transform.structured.tile_using_forall %bshd tile_sizes [1, 2, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
