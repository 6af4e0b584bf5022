// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0, d1, d2, d3) -> (d2 floordiv 64, 0)>
// CHECK-DAG: #[[SECOND:.*]] = affine_map<(d0, d1, d2, d3) -> (d2 floordiv 64, 1)>
// CHECK-DAG: #[[HEADS:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2 floordiv 128, 0)>
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 64, 0)>

!t = tensor<1x4x512x32xf32>

// Lists of blocks make the expression a region: the lists at the block of the
// query, compared with the block of the key.
// CHECK-LABEL: func.func @with_sets
// CHECK-SAME: %[[LISTS:[a-z0-9]+]]: tensor<8x2xi32>, %[[N:[a-z0-9]+]]: index
// CHECK: mask(%[[LISTS]] at #[[FIRST]] : tensor<8x2xi32>, %[[LISTS]] at #[[SECOND]] : tensor<8x2xi32>) {
// CHECK: ^bb0(%[[A:.*]]: i32, %[[B:.*]]: i32, %{{.*}}: index, %{{.*}}: index, %[[I:.*]]: index, %[[J:.*]]: index):
// CHECK: arith.cmpi sge
// CHECK: %[[OF:.*]] = arith.floordivsi %[[J]], %{{.*}}
// CHECK: %[[BLOCK:.*]] = arith.index_cast %[[OF]] : index to i32
// CHECK: arith.cmpi eq, %[[A]], %[[BLOCK]] : i32
// CHECK: arith.cmpi eq, %[[B]], %[[BLOCK]] : i32
// CHECK: arith.ori
// CHECK: arith.ori
// CHECK: arith.xori
// CHECK: arith.andi
// CHECK: attn.yield
#short = #attn.set<affine_map<(b, h, q, k)[n] -> (n - k)>>
func.func @with_sets(%q: !t, %lists: tensor<8x2xi32>, %n: index) -> !t {
  %r = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask((#attn.window<20, 20> or #attn.blocks<64>(%lists : tensor<8x2xi32>)) and not #short[%n]) -> !t
  return %r : !t
}

// Lists of a head, and of a head of a sequence.
// CHECK-LABEL: func.func @by_head
// CHECK: mask(%{{.*}} at #[[HEADS]] : tensor<4x4x1xindex>, %{{.*}} at #[[ALL]] : tensor<1x4x8x1xi64>) {
func.func @by_head(%q: !t, %x: tensor<4x4x1xindex>, %y: tensor<1x4x8x1xi64>) -> !t {
  %r = attn.attention ins(%q, %q, %q : !t, !t, !t) outs(%q : !t)
      mask(#attn.blocks<128>(%x : tensor<4x4x1xindex>) or #attn.blocks<64>(%y : tensor<1x4x8x1xi64>)) -> !t
  return %r : !t
}
