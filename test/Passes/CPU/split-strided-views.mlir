// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-split-strided-views),canonicalize)' | FileCheck %s

// One head, each third row: the strides of rows and heads are equal.
// CHECK-LABEL: func.func @one_head
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<3x64x1x5xf64>, %[[B:.*]]: index, %[[I:.*]]: index, %[[N:.*]]: index
// CHECK: %[[STEP:.*]] = memref.subview %[[A]][%[[B]], %[[I]], 0, 0] [1, %[[N]], 1, 5] [1, 3, 1, 1] : memref<3x64x1x5xf64> to memref<1x?x1x5xf64, strided<[320, 15, 5, 1], offset: ?>>
// CHECK: %[[DROP:.*]] = memref.subview %[[STEP]][0, 0, 0, 0] [1, %[[N]], 1, 5] [1, 1, 1, 1] : {{.*}} to memref<?x1x5xf64, strided<[15, 5, 1], offset: ?>>
// CHECK: return %[[N]]
func.func @one_head(%a: memref<3x64x1x5xf64>, %b: index, %i: index, %n: index) -> (index, memref<?x1x5xf64, strided<[15, 5, 1], offset: ?>>) {
  %0 = memref.subview %a[%b, %i, 0, 0] [1, %n, 1, 5] [1, 3, 1, 1] : memref<3x64x1x5xf64> to memref<?x1x5xf64, strided<[15, 5, 1], offset: ?>>
  %c0 = arith.constant 0 : index
  %dim = memref.dim %0, %c0 : memref<?x1x5xf64, strided<[15, 5, 1], offset: ?>>
  return %dim, %0 : index, memref<?x1x5xf64, strided<[15, 5, 1], offset: ?>>
}

// What steps and keeps its rank stays, and so does what drops without a step.
// CHECK-LABEL: func.func @kept
// CHECK-COUNT-2: memref.subview
// CHECK-NOT: memref.subview
func.func @kept(%a: memref<8x64xf32>, %n: index) -> (memref<?x64xf32, strided<[128, 1]>>, memref<64xf32, strided<[1], offset: ?>>) {
  %0 = memref.subview %a[0, 0] [%n, 64] [2, 1] : memref<8x64xf32> to memref<?x64xf32, strided<[128, 1]>>
  %1 = memref.subview %a[%n, 0] [1, 64] [1, 1] : memref<8x64xf32> to memref<64xf32, strided<[1], offset: ?>>
  return %0, %1 : memref<?x64xf32, strided<[128, 1]>>, memref<64xf32, strided<[1], offset: ?>>
}
