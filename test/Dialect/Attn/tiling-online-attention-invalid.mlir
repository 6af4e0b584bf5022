// RUN: attn-opt %s -split-input-file -transform-interpreter -verify-diagnostics=only-expected

// Tiles that cannot be expressed are refused with the reason.

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.online_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 0, 0, 0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
    // expected-error @below {{expected a tile of rows and keys only, but iterator 4 is the value size, which max and sum lack}}
    %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
      outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
      -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
    return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  }
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.online_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [0, 0, 0, 64] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
    // expected-error @below {{expected a tile of rows and keys only, but iterator 3 is the contraction inside of the softmax}}
    %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
      outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
      -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
    return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  }
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.online_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [0, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
    // expected-error @below {{expected 'row_map' to be linear for a tile of the rows under a mask or score, but got affine_map<(d0, d1) -> (d1 mod 4, d0 * 2 + d1 floordiv 4)>}}
    %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
      outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (m mod 4, g * 2 + m floordiv 4)>, scale = 0.125 : f32}
      -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
    return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  }
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.online_attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %init:3, %tiled, %merge, %loop = transform.structured.tile_reduction_using_for %op reduction_dims = [3] by tile_sizes = [0, 0, 0, 2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @f(%q: tensor<4x6x128xbf16>, %k: tensor<8x128xbf16>, %v: tensor<8x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x6x64xf32>, %max: tensor<4x6xf32>, %sum: tensor<4x6xf32>) -> (tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
    // expected-error @below {{expected tensors, and the keys (iterator 2) as the reduction to split}}
    %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x6x128xbf16>, tensor<8x128xbf16>, tensor<8x64xbf16>) positions(%b, %h, %i, %j)
      outs(%acc, %max, %sum : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>) mask(#attn.causal)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
      -> tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
    return %r#0, %r#1, %r#2 : tensor<4x6x64xf32>, tensor<4x6xf32>, tensor<4x6xf32>
  }
}
