// RUN: attn-opt %s -split-input-file -transform-interpreter -canonicalize -cse | FileCheck %s

// Whole groups of heads, and queries with an offset: the first query stands at
// position Sk - Sq.
// CHECK-DAG: #[[HEAD:.*]] = affine_map<(d0) -> (d0 * 4)>
// CHECK-DAG: #[[QUERY:.*]] = affine_map<(d0) -> (d0 * 16)>
// CHECK-DAG: #[[POSITION:.*]] = affine_map<(d0) -> (d0 * 16 + 32)>
// CHECK-LABEL: func.func @groups
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<2x8x64x32xf32>, %[[K:[a-z0-9]+]]: tensor<2x2x96x32xf32>, %[[V:[a-z0-9]+]]: tensor<2x2x96x24xf32>, %[[SINK:[a-z0-9]+]]: tensor<8xf32>,
// CHECK: scf.forall (%[[B:.*]], %[[G:.*]], %[[T:.*]]) in (2, 2, 4) shared_outs(%[[OUT:.*]] = %{{.*}}, %[[LSE:.*]] = %{{.*}})
// CHECK-DAG: %[[H:.*]] = affine.apply #[[HEAD]](%[[G]])
// CHECK-DAG: %[[I:.*]] = affine.apply #[[QUERY]](%[[T]])
// CHECK-DAG: %[[OFFSET:.*]] = affine.apply #[[POSITION]](%[[T]])
// CHECK-DAG: %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], %[[I]], 0] [1, 4, 16, 32]
// CHECK-DAG: %[[KT:.*]] = tensor.extract_slice %[[K]][%[[B]], %[[G]], 0, 0] [1, 1, 96, 32]
// CHECK-DAG: %[[VT:.*]] = tensor.extract_slice %[[V]][%[[B]], %[[G]], 0, 0] [1, 1, 96, 24]
// CHECK-DAG: %[[OT:.*]] = tensor.extract_slice %[[OUT]][%[[B]], %[[H]], %[[I]], 0] [1, 4, 16, 24]
// CHECK-DAG: %[[LT:.*]] = tensor.extract_slice %[[LSE]][%[[B]], %[[H]], %[[I]]] [1, 4, 16]
// CHECK-DAG: %[[ST:.*]] = tensor.extract_slice %[[SINK]][%[[H]]] [4]
// CHECK: attn.attention ins(%[[QT]], %[[KT]], %[[VT]] : {{.*}}) offset(%[[OFFSET]]) sink(%[[ST]] : tensor<4xf32>) outs(%[[OT]], %[[LT]] : {{.*}}) mask(#attn.causal) -> tensor<1x4x16x24xf32>, tensor<1x4x16xf32>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 4, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @groups(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x96x32xf32>, %v: tensor<2x2x96x24xf32>, %sink: tensor<8xf32>, %o: tensor<2x8x64x24xf32>, %l: tensor<2x8x64xf32>) -> (tensor<2x8x64x24xf32>, tensor<2x8x64xf32>) {
    %r:2 = attn.attention ins(%q, %k, %v : tensor<2x8x64x32xf32>, tensor<2x2x96x32xf32>, tensor<2x2x96x24xf32>) sink(%sink : tensor<8xf32>)
      outs(%o, %l : tensor<2x8x64x24xf32>, tensor<2x8x64xf32>) mask(#attn.causal) -> tensor<2x8x64x24xf32>, tensor<2x8x64xf32>
    return %r#0, %r#1 : tensor<2x8x64x24xf32>, tensor<2x8x64xf32>
  }
}

// -----

// Two heads of a group of four share the key head of the group; the value size
// is tiled too, in bshd.
// CHECK-DAG: #[[GROUP:.*]] = affine_map<()[s0] -> (s0 floordiv 4)>
// CHECK-LABEL: func.func @part_of_group
// CHECK: scf.for %[[H:.*]] = %{{.*}} to %{{.*}} step %{{.*}}
// CHECK: scf.for %[[E:.*]] = %{{.*}} to %{{.*}} step %{{.*}}
// CHECK: %[[HK:.*]] = affine.apply #[[GROUP]]()[%[[H]]]
// CHECK-DAG: tensor.extract_slice %{{.*}}[0, 0, %[[H]], 0] [2, 64, 2, 32]
// CHECK-DAG: tensor.extract_slice %{{.*}}[0, 0, %[[HK]], 0] [2, 96, 1, 32]
// CHECK-DAG: tensor.extract_slice %{{.*}}[0, 0, %[[HK]], %[[E]]] [2, 96, 1, 8]
// CHECK: attn.attention ins({{.*}}) layout(bshd) outs(%{{.*}} : tensor<2x64x2x8xf32>) mask(#attn.causal) -> tensor<2x64x2x8xf32>
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [0, 2, 0, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @part_of_group(%q: tensor<2x64x8x32xf32>, %k: tensor<2x96x2x32xf32>, %v: tensor<2x96x2x24xf32>, %o: tensor<2x64x8x24xf32>) -> tensor<2x64x8x24xf32> {
    %r = attn.attention ins(%q, %k, %v : tensor<2x64x8x32xf32>, tensor<2x96x2x32xf32>, tensor<2x96x2x24xf32>) layout(bshd)
      outs(%o : tensor<2x64x8x24xf32>) mask(#attn.causal) -> tensor<2x64x8x24xf32>
    return %r : tensor<2x64x8x24xf32>
  }
}

// -----

// The score region counts from the start of the tile, and reads a slice of the
// bias that starts there; positions come with the offset.
// CHECK-LABEL: func.func @score
// CHECK-SAME: %{{.*}}: tensor<2x8x?x32xf32>, %[[BIAS:[a-z0-9]+]]: tensor<8x64xf32>, %[[OFF:[a-z0-9]+]]: index,
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %{{.*}}) in (2, 8, %{{.*}})
// CHECK: %[[SUM:.*]] = affine.apply {{.*}}[%[[OFF]]]
// CHECK: %[[BT:.*]] = tensor.extract_slice %[[BIAS]][%[[H]], 0] [%{{.*}}, 64] [1, 1] : tensor<8x64xf32> to tensor<?x64xf32>
// CHECK: attn.attention {{.*}} offset(%[[SUM]]) {{.*}} score (%[[BT]] at #{{.*}} : tensor<?x64xf32>) {
// CHECK: ^bb0(%{{.*}}: f32, %[[E:.*]]: f32, %[[RB:.*]]: index, %[[RH:.*]]: index, %{{.*}}: index, %{{.*}}: index):
// CHECK-DAG: arith.addi %[[RB]], %[[B]] : index
// CHECK-DAG: arith.addi %[[RH]], %[[H]] : index
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 1, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @score(%q: tensor<2x8x?x32xf32>, %bias: tensor<8x64xf32>, %off: index, %o: tensor<2x8x?x32xf32>) -> tensor<2x8x?x32xf32> {
    %r = attn.attention ins(%q, %q, %q : tensor<2x8x?x32xf32>, tensor<2x8x?x32xf32>, tensor<2x8x?x32xf32>) offset(%off) outs(%o : tensor<2x8x?x32xf32>)
      score(%bias at affine_map<(b, h, i, j) -> (h, (j - i) mod 64)> : tensor<8x64xf32>) {
      ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
        %s = arith.addi %b, %h : index
        %n = arith.index_cast %s : index to i32
        %f = arith.sitofp %n : i32 to f32
        %y = arith.addf %x, %e : f32
        %z = arith.addf %y, %f : f32
        attn.yield %z : f32
      } -> tensor<2x8x?x32xf32>
    return %r : tensor<2x8x?x32xf32>
  }
}

// -----

// Each sequence has its own default offset: kv_lens[b] - Sq.
// CHECK-LABEL: func.func @lengths
// CHECK-SAME: %[[LENS:[a-z0-9]+]]: tensor<2xi32>,
// CHECK: scf.forall (%[[B:.*]], %[[T:.*]]) in (2, 4)
// CHECK: %[[LEN:.*]] = tensor.extract %[[LENS]][%[[B]]]
// CHECK: %[[N:.*]] = arith.index_cast %[[LEN]]
// CHECK: %[[OFFSET:.*]] = affine.apply #{{.*}}(%[[T]])[%[[N]]]
// CHECK: %[[LT:.*]] = tensor.extract_slice %[[LENS]][%[[B]]] [1] [1]
// CHECK: attn.attention {{.*}} offset(%[[OFFSET]]) kv_lens(%[[LT]] : tensor<1xi32>)
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [1, 0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @lengths(%q: tensor<2x8x64x32xf32>, %lens: tensor<2xi32>, %o: tensor<2x8x64x32xf32>) -> tensor<2x8x64x32xf32> {
    %r = attn.attention ins(%q, %q, %q : tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>) kv_lens(%lens : tensor<2xi32>)
      outs(%o : tensor<2x8x64x32xf32>) mask(#attn.causal) -> tensor<2x8x64x32xf32>
    return %r : tensor<2x8x64x32xf32>
  }
}

// -----

// The ragged layout is tiled by heads; without a mask no offset is needed.
// CHECK-LABEL: func.func @thd
// CHECK: scf.forall (%[[T:.*]]) in (4)
// CHECK: attn.attention ins({{.*}} : tensor<?x2x32xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32>) layout(thd) cu_seqlens(%{{.*}}, %{{.*}} : {{.*}}) outs(%{{.*}} : tensor<?x2x32xf32>, tensor<2x?xf32>)
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @thd(%q: tensor<?x8x32xf32>, %k: tensor<?x4x32xf32>, %c: tensor<?xi32>, %o: tensor<?x8x32xf32>, %l: tensor<8x?xf32>) -> tensor<?x8x32xf32> {
    %r:2 = attn.attention ins(%q, %k, %k : tensor<?x8x32xf32>, tensor<?x4x32xf32>, tensor<?x4x32xf32>) layout(thd) cu_seqlens(%c, %c : tensor<?xi32>, tensor<?xi32>)
      outs(%o, %l : tensor<?x8x32xf32>, tensor<8x?xf32>) -> tensor<?x8x32xf32>, tensor<8x?xf32>
    return %r#0 : tensor<?x8x32xf32>
  }
}

// -----

// As a producer: the rows that a consumer reads.
// CHECK-LABEL: func.func @fuse
// CHECK: scf.forall (%{{.*}}, %[[T:.*]]) in (8, 4)
// CHECK: attn.attention {{.*}} outs(%{{.*}} : tensor<2x1x16x32xf32>) mask(#attn.causal)
// CHECK: linalg.exp
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %exp = transform.structured.match ops{["linalg.exp"]} in %root : (!transform.any_op) -> !transform.any_op
    %op = transform.structured.match ops{["attn.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %exp tile_sizes [0, 1, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused, %new = transform.structured.fuse_into_containing_op %op into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }

  func.func @fuse(%q: tensor<2x8x64x32xf32>, %o: tensor<2x8x64x32xf32>) -> tensor<2x8x64x32xf32> {
    %r = attn.attention ins(%q, %q, %q : tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>, tensor<2x8x64x32xf32>)
      outs(%o : tensor<2x8x64x32xf32>) mask(#attn.causal) -> tensor<2x8x64x32xf32>
    %e = linalg.exp ins(%r : tensor<2x8x64x32xf32>) outs(%o : tensor<2x8x64x32xf32>) -> tensor<2x8x64x32xf32>
    return %e : tensor<2x8x64x32xf32>
  }
}
