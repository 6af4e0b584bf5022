// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-lower-copies))' | FileCheck %s

// Contiguous buffers are memcpy's.
// CHECK-LABEL: func.func @contiguous
// CHECK: memref.copy
func.func @contiguous(%a: memref<?x4xf32>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  return
}

// A part of a larger buffer.
// CHECK-LABEL: func.func @into
// CHECK-SAME: %[[A:.*]]: memref<2x1x4xf32>, %[[B:.*]]: memref
// CHECK-NOT: memref.copy
// CHECK: linalg.generic {{.*}} ins(%[[A]] : memref<2x1x4xf32>) outs(%[[B]] :
func.func @into(%a: memref<2x1x4xf32>, %b: memref<2x1x4xf32, strided<[?, 4, 1], offset: ?>>) {
  memref.copy %a, %b : memref<2x1x4xf32> to memref<2x1x4xf32, strided<[?, 4, 1], offset: ?>>
  return
}

// A slice with the strides of its shape is contiguous.
// CHECK-LABEL: func.func @rows
// CHECK: memref.copy
func.func @rows(%a: memref<2x4xf32>, %b: memref<2x4xf32, strided<[4, 1], offset: 8>>) {
  memref.copy %a, %b : memref<2x4xf32> to memref<2x4xf32, strided<[4, 1], offset: 8>>
  return
}
