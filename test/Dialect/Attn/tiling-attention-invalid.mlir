// RUN: attn-opt %s -split-input-file -transform-interpreter -verify-diagnostics=only-expected

// Tiles that cannot be expressed are refused with the reason.

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %o: tensor<2x8x64x32xf32>) -> tensor<2x8x64x32xf32> {
    // expected-error @below {{expected a tile of the heads to be whole groups of 4 heads that share keys, or to divide one evenly}}
    %r = attn.attention ins(%q, %k, %k : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>) outs(%o : tensor<2x8x64x32xf32>) mask(#attn.causal) -> tensor<2x8x64x32xf32>
    return %r : tensor<2x8x64x32xf32>
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<2x?x64x32xf32>, %k: tensor<2x2x64x32xf32>, %o: tensor<2x?x64x32xf32>) -> tensor<2x?x64x32xf32> {
    // expected-error @below {{expected static numbers of heads for a tile of the heads}}
    %r = attn.attention ins(%q, %k, %k : tensor<2x?x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>) outs(%o : tensor<2x?x64x32xf32>) mask(#attn.causal) -> tensor<2x?x64x32xf32>
    return %r : tensor<2x?x64x32xf32>
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 0, 0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %o: tensor<2x8x64x32xf32>, %l: tensor<2x8x64xf32>) -> tensor<2x8x64x32xf32> {
    // expected-error @below {{expected no tile of the value size with 'lse'}}
    %r:2 = attn.attention ins(%q, %k, %k : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>) outs(%o, %l : tensor<2x8x64x32xf32>, tensor<2x8x64xf32>) mask(#attn.causal) -> tensor<2x8x64x32xf32>, tensor<2x8x64xf32>
    return %r#0 : tensor<2x8x64x32xf32>
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [2, 0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %o: tensor<2x8x64x32xf32>, %n: tensor<2xi32>) -> tensor<2x8x64x32xf32> {
    // expected-error @below {{expected one batch a tile to tile the queries with 'kv_lens' and no 'offset', since each sequence has another offset}}
    %r = attn.attention ins(%q, %k, %k : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>) kv_lens(%n : tensor<2xi32>) outs(%o : tensor<2x8x64x32xf32>) mask(#attn.causal) -> tensor<2x8x64x32xf32>
    return %r : tensor<2x8x64x32xf32>
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %o: tensor<2x8x64x32xf32>, %c: tensor<3xf32>) -> tensor<2x8x64x32xf32> {
    // expected-error @below {{expected maps of captured operands to be increasing sums of b and h, for a tile of batches or heads, but got affine_map<(d0, d1, d2, d3) -> (d1 mod 3)>}}
    %r = attn.attention ins(%q, %k, %k : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>) outs(%o : tensor<2x8x64x32xf32>) mask(#attn.causal)
      score (%c at affine_map<(b, h, i, j) -> (h mod 3)> : tensor<3xf32>) {
      ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
        attn.yield %x : f32
      } -> tensor<2x8x64x32xf32>
    return %r : tensor<2x8x64x32xf32>
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: memref<2x8x64x32xf32>, %o: memref<2x8x64x32xf32>) {
    // expected-error @below {{expected tensors to tile; run attn-wrap-memrefs first}}
    attn.attention ins(%q, %q, %q : memref<2x8x64x32xf32>, memref<2x8x64x32xf32>, memref<2x8x64x32xf32>) outs(%o : memref<2x8x64x32xf32>)
    return
  }
}
