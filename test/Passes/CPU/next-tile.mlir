// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v4},canonicalize,cse))' | FileCheck %s

// A tile that a table places is fetched by the table: K of the second next one,
// V of the next one, both to L2, and never beyond the last entry.
// CHECK-LABEL: func.func @pages
// CHECK-SAME: %[[KP:[a-z0-9]+]]: memref<?x2x16x64xf32>, %[[VP:[a-z0-9]+]]: memref<?x2x16x64xf32>, %[[TABLE:[a-z0-9]+]]: memref<?xi32>
// CHECK-SAME: %[[N:[a-z0-9]+]]: index)
// CHECK: scf.for %[[I:.*]] = %c0 to %[[N]] step %c1
// CHECK: memref.load %[[TABLE]][%[[I]]]
// CHECK: %[[LAST:.*]] = arith.subi %[[N]], %c1
// CHECK: %[[TWO:.*]] = arith.addi %[[I]], %c2
// CHECK: %[[K2:.*]] = arith.minsi %[[TWO]], %[[LAST]]
// CHECK: memref.load %[[TABLE]][%[[K2]]]
// CHECK: %[[KNEXT:.*]] = memref.subview %[[KP]]
// CHECK: %[[ONE:.*]] = arith.addi %[[I]], %c1
// CHECK: %[[V1:.*]] = arith.minsi %[[ONE]], %[[LAST]]
// CHECK: memref.load %[[TABLE]][%[[V1]]]
// CHECK: %[[VNEXT:.*]] = memref.subview %[[VP]]
// CHECK: memref.prefetch %[[VNEXT]]{{.*}} locality<2>
// CHECK: memref.prefetch %[[KNEXT]]{{.*}} locality<2>
func.func @pages(%q: memref<1x4x64xf32>, %kp: memref<?x2x16x64xf32>, %vp: memref<?x2x16x64xf32>, %table: memref<?xi32>,
                 %acc: memref<1x4x64xf32>, %max: memref<1x4xf32>, %sum: memref<1x4xf32>, %head: index, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  scf.for %i = %c0 to %n step %c1 {
    %entry = memref.load %table[%i] : memref<?xi32>
    %page = arith.index_cast %entry : i32 to index
    %key = arith.muli %i, %c16 : index
    %k = memref.subview %kp[%page, %head, 0, 0] [1, 1, 16, 64] [1, 1, 1, 1] : memref<?x2x16x64xf32> to memref<16x64xf32, strided<[64, 1], offset: ?>>
    %v = memref.subview %vp[%page, %head, 0, 0] [1, 1, 16, 64] [1, 1, 1, 1] : memref<?x2x16x64xf32> to memref<16x64xf32, strided<[64, 1], offset: ?>>
    attn.online_attention ins(%q, %k, %v : memref<1x4x64xf32>, memref<16x64xf32, strided<[64, 1], offset: ?>>, memref<16x64xf32, strided<[64, 1], offset: ?>>)
        positions(%c0, %c0, %c0, %key) outs(%acc, %max, %sum : memref<1x4x64xf32>, memref<1x4xf32>, memref<1x4xf32>)
        {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>,
                          affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
         max_keys = 16 : i64, row_map = affine_map<(g, m) -> (m mod 4, g + m floordiv 4)>, scale = 0.125 : f32}
  }
  return
}
