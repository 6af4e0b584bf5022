// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3 rows=64 keys=32 split=256},canonicalize,cse))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3}))' --remarks-filter=attn-tile-attention 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

!q = tensor<1x8x512x64xf32>

// Four classes of 128 rows, two tiles each, on strided slices. The window is
// one of 32 keys of the class, without remainders.
// REMARK: "4 residue classes: what the dilation hides is not read"
// CHECK: #[[WINDOW:.*]] = affine_map<(d0, d1, d2, d3) -> (d2 - d3, -d2 + d3 + 31)>
// CHECK-LABEL: func.func @dilated
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[V:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK: scf.forall (%[[H:.*]], %[[N:.*]]) in (8, 8) shared_outs(%[[OUT:.*]] = %[[O]])
// CHECK: %[[CLASS:.*]] = arith.divui %[[N]], %[[C2]]
// CHECK: %[[WHOLE:.*]] = arith.floordivsi %[[CLASS]], %[[C4]]
// CHECK: %[[TIMES:.*]] = arith.muli %[[WHOLE]], %[[C4]]
// CHECK: %[[RESIDUE:.*]] = arith.subi %[[CLASS]], %[[TIMES]]
// CHECK: tensor.extract_slice %[[Q]][0, %[[H]], %[[ROW:.*]], 0] [1, 1, %[[M:.*]], 64] [1, 1, 4, 1]
// CHECK: attn.key_loop step(%{{.*}}) segments(partial {{[^,]*}}, full {{[^,]*}}, partial {{[^,]*}}) iter_args
// CHECK: ^bb0(%[[J:.*]]: index, %[[KEYS:.*]]: index,
// CHECK: %[[APART:.*]] = arith.muli %[[J]], %[[C4]]
// CHECK: %[[KEY:.*]] = arith.addi %[[RESIDUE]], %[[APART]]
// CHECK: tensor.extract_slice %[[K]][0, %[[H]], %[[KEY]], 0] [1, 1, %[[KEYS]], 64] [1, 1, 4, 1]
// CHECK: tensor.extract_slice %[[V]][0, %[[H]], %[[KEY]], 0] [1, 1, %[[KEYS]], 64] [1, 1, 4, 1]
// CHECK: attn.online_attention {{.*}} mask(#attn.set<#[[WINDOW]]>)
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[OUT]][0, %[[H]], %[[ROW]], 0] [1, 1, %[[M]], 64] [1, 1, 4, 1]
func.func @dilated(%q: !q, %k: !q, %v: !q, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !q, !q) outs(%o : !q)
      mask(#attn.and<#attn.dilated<4>, #attn.window<127, 0>>) -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x1x64xf32>
!k = tensor<1x8x1024x64xf32>

// A query has one class: chunks of its keys, and no mask.
// CHECK-LABEL: func.func @decode
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (8, 2)
// CHECK: tensor.extract_slice %{{.*}} [1, 1, %{{.*}}, 64] [1, 1, 3, 1] : tensor<1x8x1024x64xf32>
// CHECK: attn.online_attention
// CHECK-NOT: mask
// CHECK: attn.merge_states
func.func @decode(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q)
      mask(#attn.dilated<3>) -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>
!bias = tensor<8x1023xf32>

// The score region sees positions of the sequence; a tensor that it reads at a
// distance is read at four times the distance of the class.
// CHECK: #[[APART:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3 * 4 - d2 * 4 + 511)>
// CHECK-LABEL: func.func @score
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[WHOLE:.*]] = arith.floordivsi
// CHECK: arith.muli %[[WHOLE]], %[[C4]]
// CHECK-NEXT: %[[RESIDUE:.*]] = arith.subi
// CHECK: attn.online_attention {{.*}} score{{ ?}}(%{{.*}} at #[[APART]] : tensor<8x1023xf32>)
// CHECK: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: index, %{{.*}}: index, %[[I:.*]]: index, %{{.*}}: index):
// CHECK: %[[TIMES:.*]] = arith.muli %[[I]], %[[C4]]
// CHECK: arith.addi %[[TIMES]], %[[RESIDUE]]
func.func @score(%q: !q, %k: !q, %v: !q, %bias: !bias, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !q, !q) outs(%o : !q)
      mask(#attn.dilated<4>)
      score(%bias at affine_map<(b, h, i, j) -> (h, j - i + 511)> : !bias) {
  ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
    %n = arith.index_cast %i : index to i64
    %p = arith.sitofp %n : i64 to f32
    %y = arith.addf %x, %e : f32
    %z = arith.addf %y, %p : f32
    attn.yield %z : f32
  } -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>
!ids = tensor<512xf32>

// REMARK: no residue classes, each pair is tested: the score region reads a tensor at a position, and not at a distance
// CHECK-LABEL: func.func @position
// CHECK: attn.online_attention {{.*}} mask(#attn.dilated<4>)
func.func @position(%q: !q, %k: !q, %v: !q, %bias: !ids, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !q, !q) outs(%o : !q)
      mask(#attn.dilated<4>)
      score(%bias at affine_map<(b, h, i, j) -> (j)> : !ids) {
  ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
    %y = arith.addf %x, %e : f32
    attn.yield %y : f32
  } -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>

// REMARK: no residue classes, each pair is tested: the mask has a region beside the dilation
// CHECK-LABEL: func.func @region
// CHECK: attn.online_attention {{.*}} mask(#attn.dilated<4>)
func.func @region(%q: !q, %k: !q, %v: !q, %ids: tensor<512xi32>, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !q, !q) outs(%o : !q)
      mask(#attn.dilated<4>) and(%ids at affine_map<(b, h, i, j) -> (j)> : tensor<512xi32>) {
  ^bb0(%id: i32, %b: index, %h: index, %i: index, %j: index):
    %c0 = arith.constant 0 : i32
    %shown = arith.cmpi sgt, %id, %c0 : i32
    attn.yield %shown : i1
  } -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>
!k = tensor<1x4x512x64xf32>

// Two of four pairs of heads are dilated: a loop for each kind, one behind the
// other in the same result.
// REMARK: "4 residue classes: what the dilation hides is not read; heads 4 to 7"
// CHECK-LABEL: func.func @heads
// CHECK-SAME: %[[O:[a-z0-9]+]]: tensor<1x8x512x64xf32>) ->
// CHECK: %[[NEAR:.*]] = scf.forall (%{{.*}}, %{{.*}}) in (4, 8) shared_outs(%{{.*}} = %[[O]])
// CHECK: attn.key_loop {{.*}} segments(partial {{[^,]*}}, full {{[^,]*}}, partial {{[^,]*}}) iter_args
// CHECK: [1, 1, 1, 1]
// CHECK: scf.forall (%[[IV:.*]], %{{.*}}) in (4, 8) shared_outs(%{{.*}} = %[[NEAR]])
// CHECK: arith.addi %[[IV]], %{{.*}}
// CHECK: attn.key_loop {{.*}} segments(partial {{[^,]*}}, full {{[^,]*}}, partial {{[^,]*}}) iter_args
// CHECK: [1, 1, 4, 1]
func.func @heads(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q)
      mask(#attn.or<
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (3 - h)>>, #attn.window<99, 0>>,
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (h - 4)>>, #attn.dilated<4>, #attn.window<399, 0>>>) -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>
!k = tensor<1x4x512x64xf32>

// REMARK: no residue classes, each pair is tested: the heads that are dilated share key heads with others
func.func @group(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q)
      mask(#attn.or<
          #attn.set<affine_map<(b, h, q, k) -> (2 - h)>>,
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (h - 3)>>, #attn.dilated<4>>>) -> !q
  return %r : !q
}

// -----

!q = tensor<1x8x512x64xf32>

// REMARK: no residue classes, each pair is tested: a term of the mask is not dilated
func.func @union(%q: !q, %k: !q, %v: !q, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !q, !q) outs(%o : !q)
      mask(#attn.or<#attn.dilated<4>, #attn.global<5>>) -> !q
  return %r : !q
}
