// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-expand-key-loop))' | FileCheck %s

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
!acc = tensor<1x64x32xf32>
!row = tensor<1x64xf32>

// One loop a segment, in their order; the last tile of each is as long as what
// is left. Full tiles have no mask.
// CHECK-LABEL: func.func @segments
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x64x32xf32>, %[[K:[a-z0-9]+]]: tensor<?x32xf32>, %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index, %[[C:[a-z0-9]+]]: index, %[[ACC:[a-z0-9]+]]: tensor<1x64x32xf32>, %[[MAX:[a-z0-9]+]]: tensor<1x64xf32>, %[[SUM:[a-z0-9]+]]: tensor<1x64xf32>
// CHECK-NOT: attn.key_loop
// CHECK: %[[STEP:.*]] = arith.constant 16 : index
// CHECK: %[[R:.*]]:3 = scf.for %[[J:.*]] = %[[A]] to %[[B]] step %[[STEP]] iter_args(%[[X:.*]] = %[[ACC]], %[[Y:.*]] = %[[MAX]], %[[Z:.*]] = %[[SUM]])
// CHECK: %[[LEFT:.*]] = arith.subi %[[B]], %[[J]]
// CHECK: %[[N:.*]] = arith.minsi %{{.*}}, %{{.*}}
// CHECK: %[[T:.*]] = tensor.extract_slice %[[K]][%[[J]], 0] [%[[N]], 32]
// CHECK: %[[S:.*]]:3 = attn.online_attention ins(%[[Q]], %[[T]], %[[T]] : {{.*}}) positions({{.*}}, %[[J]]) outs(%[[X]], %[[Y]], %[[Z]] : {{.*}}) mask(#attn.causal)
// CHECK: scf.yield %[[S]]#0, %[[S]]#1, %[[S]]#2
// CHECK: %[[R1:.*]]:3 = scf.for %[[J:.*]] = %[[B]] to %[[C]] step %[[STEP]] iter_args(%{{.*}} = %[[R]]#0, %{{.*}} = %[[R]]#1, %{{.*}} = %[[R]]#2)
// CHECK: attn.online_attention
// CHECK-NOT: mask(
// CHECK: scf.yield
func.func @segments(%q: tensor<1x64x32xf32>, %k: tensor<?x32xf32>, %a: index, %b: index, %c: index, %acc: !acc, %max: !row, %sum: !row) -> (!acc, !row, !row) {
  %step = arith.constant 16 : index
  %s:3 = attn.key_loop step(%step) segments(partial %a to %b, full %b to %c) iter_args(%acc, %max, %sum : !acc, !row, !row) {
  ^bb0(%j: index, %n: index, %x: !acc, %y: !row, %z: !row):
    %t = tensor.extract_slice %k[%j, 0] [%n, 32] [1, 1] : tensor<?x32xf32> to tensor<?x32xf32>
    %r:3 = attn.online_attention ins(%q, %t, %t : tensor<1x64x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) positions(%a, %a, %a, %j)
      outs(%x, %y, %z : !acc, !row, !row) mask(#attn.causal)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } -> !acc, !row, !row
  return %s#0, %s#1, %s#2 : !acc, !row, !row
}

// -----

// More segments are pairs of a partial and a full one, which share two loops.
// CHECK-LABEL: func.func @shared
// CHECK-SAME: %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index, %[[C:[a-z0-9]+]]: index, %[[D:[a-z0-9]+]]: index
// CHECK: scf.for %[[N:.*]] = %{{.*}} to %c2
// CHECK: %[[SECOND:.*]] = arith.cmpi eq, %[[N]], %c1
// CHECK: %[[LO:.*]] = arith.select %{{.*}}, %[[C]], %[[A]]
// CHECK: %[[HI:.*]] = arith.select %{{.*}}, %[[D]], %[[B]]
// CHECK: %[[FLO:.*]] = arith.select %{{.*}}, %{{.*}}, %[[B]]
// CHECK: %[[FHI:.*]] = arith.select %{{.*}}, %{{.*}}, %[[C]]
// CHECK: scf.for %{{.*}} = %[[LO]] to %[[HI]]
// CHECK: scf.for %{{.*}} = %[[FLO]] to %[[FHI]]
// CHECK-NOT: scf.for
// CHECK: return
func.func @shared(%a: index, %b: index, %c: index, %d: index, %m: memref<?xindex>) {
  %step = arith.constant 16 : index
  attn.key_loop step(%step) segments(partial %a to %b, full %b to %c, partial %c to %d) {
  ^bb0(%j: index, %n: index):
    memref.store %j, %m[%n] : memref<?xindex>
    attn.yield
  }
  return
}

// -----

// A segment that is empty for sure leaves nothing, and one without carried
// values a plain loop.
// CHECK-LABEL: func.func @effects
// CHECK-SAME: %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index,
// CHECK: scf.for %[[J:.*]] = %[[A]] to %[[B]] step
// CHECK: memref.store %[[J]],
// CHECK-NOT: scf.for
// CHECK: return
func.func @effects(%a: index, %b: index, %step: index, %m: memref<index>) {
  attn.key_loop step(%step) segments(full %a to %b, partial %b to %b) {
  ^bb0(%j: index, %n: index):
    memref.store %j, %m[] : memref<index>
    attn.yield
  }
  return
}

// -----

// Entries of a list are numbers of tiles; the last one ends at the limit.
// CHECK-LABEL: func.func @tiles
// CHECK-SAME: %[[LIST:[a-z0-9]+]]: tensor<?xi32>, %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: index)
// CHECK: %[[STEP:.*]] = arith.constant 64 : index
// CHECK: scf.for %[[E:.*]] = %[[A]] to %[[B]] step %c1 iter_args(%[[ACC:.*]] = %[[X]])
// CHECK: %[[T:.*]] = tensor.extract %[[LIST]][%[[E]]]
// CHECK: %[[I:.*]] = arith.index_cast %[[T]] : i32 to index
// CHECK: %[[K:.*]] = arith.muli %[[I]], %[[STEP]]
// CHECK: %[[LEFT:.*]] = arith.subi %[[N]], %[[K]]
// CHECK: %[[SIZE:.*]] = arith.minsi %[[LEFT]], %[[STEP]]
// CHECK: arith.addi %[[ACC]], %[[SIZE]]
func.func @tiles(%list: tensor<?xi32>, %a: index, %b: index, %n: index, %x: index) -> index {
  %step = arith.constant 64 : index
  %r = attn.key_loop step(%step) segments(full %a to %b) source(tiles) list(%list : tensor<?xi32>) limit(%n) iter_args(%x : index) {
  ^bb0(%k0: index, %size: index, %y: index):
    %z = arith.addi %y, %size : index
    attn.yield %z : index
  } -> index
  return %r : index
}

// -----

// Page by page: the first and the last page of a segment may be used in part.
// CHECK-LABEL: func.func @pages
// CHECK-SAME: %[[LIST:[a-z0-9]+]]: tensor<?xi32>, %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: index)
// CHECK: %[[FIRST:.*]] = arith.divui %[[A]], %c16
// CHECK: %[[NONE:.*]] = arith.cmpi sge, %[[A]], %[[B]]
// CHECK: %[[LAST:.*]] = arith.select %[[NONE]], %[[FIRST]], %{{.*}}
// CHECK: scf.for %[[N:.*]] = %[[FIRST]] to %[[LAST]] step %c1
// CHECK: %[[ENTRY:.*]] = tensor.extract %[[LIST]][%[[N]]]
// CHECK: %[[PAGE:.*]] = arith.index_cast %[[ENTRY]]
// CHECK: %[[START:.*]] = arith.muli %[[N]], %c16
// CHECK: %[[FROM:.*]] = arith.maxsi %[[START]], %[[A]]
// CHECK: %[[TO:.*]] = arith.minsi %{{.*}}, %[[B]]
// CHECK-NOT: scf.for
// CHECK: arith.subi %[[TO]], %[[FROM]]
// CHECK: arith.addi %{{.*}}, %[[PAGE]]
func.func @pages(%list: tensor<?xi32>, %a: index, %b: index, %x: index) -> index {
  %step = arith.constant 16 : index
  %r = attn.key_loop step(%step) segments(full %a to %b) source(pages) list(%list : tensor<?xi32>) iter_args(%x : index) {
  ^bb0(%k0: index, %size: index, %page: index, %y: index):
    %s = arith.addi %y, %size : index
    %z = arith.addi %s, %page : index
    attn.yield %z : index
  } {page_size = 16 : i64} -> index
  return %r : index
}

// -----

// CHECK-LABEL: func.func @long_pages
// CHECK: scf.for
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c64
func.func @long_pages(%list: tensor<?xi32>, %a: index, %b: index, %x: index) -> index {
  %step = arith.constant 64 : index
  %r = attn.key_loop step(%step) segments(full %a to %b) source(pages) list(%list : tensor<?xi32>) iter_args(%x : index) {
  ^bb0(%k0: index, %size: index, %page: index, %y: index):
    %s = arith.addi %y, %size : index
    attn.yield %s : index
  } {page_size = 100 : i64} -> index
  return %r : index
}

// -----

// Where steps divide pages, one loop goes over the tiles of all pages.
// CHECK-LABEL: func.func @steps_divide_pages
// CHECK-SAME: %[[LIST:[a-z0-9]+]]: tensor<?xi32>, %[[A:[a-z0-9]+]]: index
// CHECK: %[[FIRST:.*]] = arith.divui %[[A]], %c16
// CHECK: scf.for %[[N:.*]] = %[[FIRST]] to %{{.*}} step %c1
// CHECK: %[[NUMBER:.*]] = arith.divui %[[N]], %c4
// CHECK: tensor.extract %[[LIST]][%[[NUMBER]]]
// CHECK: arith.muli %[[N]], %c16
// CHECK-NOT: scf.for
func.func @steps_divide_pages(%list: tensor<?xi32>, %a: index, %b: index, %x: index) -> index {
  %step = arith.constant 16 : index
  %r = attn.key_loop step(%step) segments(full %a to %b) source(pages) list(%list : tensor<?xi32>) iter_args(%x : index) {
  ^bb0(%k0: index, %size: index, %page: index, %y: index):
    %s = arith.addi %y, %size : index
    %z = arith.addi %s, %page : index
    attn.yield %z : index
  } {page_size = 64 : i64} -> index
  return %r : index
}
