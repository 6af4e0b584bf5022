// RUN: attn-opt %s -attn-return-arguments | FileCheck %s

// The buffer of an argument is returned as it is.
// CHECK-LABEL: func.func @returned
// CHECK-SAME: (%[[OUT:.*]]: memref<4xf32>)
// CHECK-NEXT: return %[[OUT]]
func.func @returned(%out: memref<4xf32>) -> memref<4xf32> {
  %0 = bufferization.clone %out : memref<4xf32> to memref<4xf32>
  return %0 : memref<4xf32>
}

// A clone with another use is a buffer of its own.
// CHECK-LABEL: func.func @written
// CHECK: bufferization.clone
func.func @written(%out: memref<4xf32>, %x: f32) -> memref<4xf32> {
  %0 = bufferization.clone %out : memref<4xf32> to memref<4xf32>
  %c0 = arith.constant 0 : index
  memref.store %x, %0[%c0] : memref<4xf32>
  return %0 : memref<4xf32>
}

// So is one that a caller in the module frees.
// CHECK-LABEL: func.func @called
// CHECK: bufferization.clone
func.func @called(%out: memref<4xf32>) -> memref<4xf32> {
  %0 = bufferization.clone %out : memref<4xf32> to memref<4xf32>
  return %0 : memref<4xf32>
}
func.func @caller(%out: memref<4xf32>) {
  %0 = call @called(%out) : (memref<4xf32>) -> memref<4xf32>
  memref.dealloc %0 : memref<4xf32>
  return
}
