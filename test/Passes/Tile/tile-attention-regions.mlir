// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3 rows=64 keys=32}))' --remark-format=emitRemark --remarks-filter=attn-tile-attention -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=sm_80 rows=64 keys=32}))' | FileCheck %s --check-prefix=GPU

!t = tensor<1x4x1000x64xf32>

// Comparisons with the key are bounds of the segments: two loads a row tile.
// REMARK: mask region: bounds of segments{{.*}}; by ascending loads
// CHECK-LABEL: func.func @bounds
// CHECK-SAME: %[[START:[a-z0-9]+]]: tensor<1000xi32>
// CHECK: scf.forall
// CHECK-COUNT-2: tensor.extract %[[START]]
// CHECK-NOT: tensor.extract
// CHECK: attn.key_loop {{.*}} segments(partial {{.*}}, full {{.*}}, partial {{.*}}, partial {{.*}})
// CHECK: attn.online_attention {{.*}} mask(#attn.causal) and(%[[START]] at #{{.*}} ascending : tensor<1000xi32>) {
func.func @bounds(%q: !t, %start: tensor<1000xi32>) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
    mask(#attn.causal) and(%start at affine_map<(b, h, i, j) -> (i)> ascending : tensor<1000xi32>) {
    ^bb0(%s: i32, %b: index, %h: index, %i: index, %j: index):
      %first = arith.index_cast %s : i32 to index
      %c = arith.cmpi sge, %j, %first : index
      attn.yield %c : i1
    } -> !t
  return %o : !t
}

// Equal ids: a table of the least and largest id of each 32 keys, then lists of
// tiles for each row tile, which all heads share.
// REMARK: mask region: lists of tiles{{.*}}; by loads of the rows, zone maps of the keys
// CHECK-LABEL: func.func @lists
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<1000xi32>
// CHECK: %[[TABLE:.*]] = scf.forall (%{{.*}}) in (32) shared_outs(%{{.*}} = %{{.*}}) -> (tensor<32x2xi32>)
// CHECK: %[[LISTS:.*]]:2 = scf.forall (%{{.*}}, %{{.*}}, %{{.*}}) in (1, 1, 16) {{.*}} -> (tensor<1x1x16x32xi32>, tensor<1x1x16x2xi32>)
// CHECK: tensor.extract %[[IDS]]
// CHECK: tensor.extract %[[TABLE]]
// CHECK: scf.forall (%{{.*}}, %{{.*}}, %{{.*}}) in (1, 4, 16)
// CHECK: %[[LIST:.*]] = tensor.extract_slice %[[LISTS]]#0
// CHECK: attn.key_loop {{.*}} segments(full %{{.*}} to %{{.*}}, partial %{{.*}} to %c32{{.*}}) source(tiles) list(%[[LIST]] : tensor<32xi32>) limit(%{{.*}})
// For a GPU the kinds of all pairs of tiles are found first, and the row tiles of
// all heads taken in the order of what they see, by steps of 8 tiles.
// GPU-LABEL: func.func @lists
// GPU: scf.forall (%{{.*}}) in (32) {{.*}} -> (tensor<32x2xi32>)
// GPU: %[[KINDS:.*]] = scf.forall (%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) in (1, 1, 16, 32) {{.*}} -> (tensor<1x1x16x32xi8>)
// GPU: scf.if
// GPU: %[[COUNTS:.*]] = scf.forall {{.*}} in (1, 1, 16, 1, 2) {{.*}} -> (tensor<1x1x16x1x2xi32>)
// GPU: tensor.extract %[[KINDS]]
// GPU: %[[LISTS:.*]] = scf.forall {{.*}} in (1, 1, 16, 32) {{.*}} -> (tensor<1x1x16x32xi32>)
// GPU: tensor.extract %[[KINDS]]
// GPU: tensor.extract %[[COUNTS]]
// GPU: tensor.parallel_insert_slice {{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %[[PLACE:.*]]] [1, 1, 1, 1]
// GPU: %[[ORDER:.*]] = scf.forall {{.*}} in (1, 1, 16) {{.*}} -> (tensor<1x1x16xi32>)
// GPU: tensor.extract %[[COUNTS]]
// GPU: arith.divui %{{.*}}, %c8
// GPU: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%{{.*}}, %{{.*}}, %[[RANK:.*]]] [1, 1, 1]
// GPU: scf.forall (%[[N:.*]], %{{.*}}, %{{.*}}) in (16, 1, 4)
// GPU: tensor.extract %[[ORDER]][%{{.*}}, %{{.*}}, %[[N]]]
func.func @lists(%q: !t, %ids: tensor<1000xi32>) -> !t {
  %o = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
    mask(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<1000xi32>, %ids at affine_map<(b, h, i, j) -> (j)> : tensor<1000xi32>) {
    ^bb0(%x: i32, %y: i32, %b: index, %h: index, %i: index, %j: index):
      %c = arith.cmpi eq, %x, %y : i32
      attn.yield %c : i1
    } -> !t
  return %o : !t
}

// A zone map as an op is the loop that makes tables of blocks.
// CHECK-LABEL: func.func @summary
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<4x1000xf32>
// CHECK-NOT: attn.block_summary
// CHECK: %[[TABLE:.*]] = scf.forall (%[[H:.*]], %[[N:.*]]) in (4, 8) {{.*}} -> (tensor<4x8x2xf32>)
// CHECK: scf.for
// CHECK: tensor.extract %[[X]][%[[H]], %{{.*}}]
// CHECK: arith.minimumf
// CHECK: arith.maximumf
// CHECK: tensor.parallel_insert_slice {{.*}}[%[[H]], %[[N]], 0] [1, 1, 2]
// CHECK: return %[[TABLE]]
func.func @summary(%x: tensor<4x1000xf32>) -> tensor<4x8x2xf32> {
  %r = attn.block_summary %x dim(1) block(128) : tensor<4x1000xf32> -> tensor<4x8x2xf32>
  return %r : tensor<4x8x2xf32>
}
