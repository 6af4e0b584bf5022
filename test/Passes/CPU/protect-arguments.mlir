// RUN: attn-opt %s -attn-protect-arguments | FileCheck %s
// RUN: attn-opt %s -attn-protect-arguments -one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFER

// A caller's tensor is not written, but for one that it donates; what somebody
// said already stays, and memrefs and scalars are no tensors.
// CHECK-LABEL: func.func @update
// CHECK-SAME: %{{.*}}: tensor<4xf32> {bufferization.writable = false}
// CHECK-SAME: %{{.*}}: tensor<4xf32> {attn.donated, bufferization.writable = true}
// CHECK-SAME: %{{.*}}: tensor<4xf32> {bufferization.writable = true}
// CHECK-SAME: %{{.*}}: memref<4xf32>, %{{.*}}: f32, %{{.*}}: index)
// BUFFER-LABEL: func.func @update
// BUFFER-SAME: %[[A:[a-z0-9]+]]: memref<4xf32{{[^%]*}}, %[[B:[a-z0-9]+]]: memref
// BUFFER-DAG: memref.copy %[[A]], %[[COPY:.*]] :
// BUFFER-DAG: memref.store %{{.*}}, %[[COPY]][
// BUFFER-DAG: memref.store %{{.*}}, %[[B]][
func.func @update(%a: tensor<4xf32>, %b: tensor<4xf32> {attn.donated}, %c: tensor<4xf32> {bufferization.writable = true}, %m: memref<4xf32>, %x: f32, %i: index) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = tensor.insert %x into %a[%i] : tensor<4xf32>
  %1 = tensor.insert %x into %b[%i] : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// Nobody outside calls a private function, and a declaration says itself what
// it does.
// CHECK-LABEL: func.func private @inner
// CHECK-NOT: writable
// CHECK: func.func private @outer(tensor<4xf32>)
func.func private @inner(%a: tensor<4xf32>) {
  return
}
func.func private @outer(tensor<4xf32>)
