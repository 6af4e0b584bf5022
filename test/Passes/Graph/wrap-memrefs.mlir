// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-wrap-memrefs))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-wrap-memrefs),one-shot-bufferize,cse,canonicalize)' | FileCheck %s --check-prefix=BACK

// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<1x4x?x32xf32>, %[[K:[a-z0-9]+]]: memref<1x2x?x32xf32, strided<[?, ?, ?, 1], offset: ?>>, %[[V:[a-z0-9]+]]: memref<1x2x?x32xf32>, %[[SINK:[a-z0-9]+]]: memref<4xf32>, %[[O:[a-z0-9]+]]: memref<1x4x?x32xf32>, %[[L:[a-z0-9]+]]: memref<1x4x?xf32>)
// CHECK: %[[TQ:.*]] = bufferization.to_tensor %[[Q]] restrict :
// CHECK: %[[TK:.*]] = bufferization.to_tensor %[[K]] restrict :
// CHECK: %[[TV:.*]] = bufferization.to_tensor %[[V]] restrict :
// CHECK: %[[TS:.*]] = bufferization.to_tensor %[[SINK]] restrict :
// CHECK: %[[TO:.*]] = bufferization.to_tensor %[[O]] restrict writable :
// CHECK: %[[TL:.*]] = bufferization.to_tensor %[[L]] restrict writable :
// CHECK: %[[R:.*]]:2 = attn.attention ins(%[[TQ]], %[[TK]], %[[TV]] : {{.*}}) sink(%[[TS]] : tensor<4xf32>) outs(%[[TO]], %[[TL]] : {{.*}}) mask(#attn.causal)
// CHECK: bufferization.materialize_in_destination %[[R]]#0 in restrict writable %[[O]]
// CHECK: bufferization.materialize_in_destination %[[R]]#1 in restrict writable %[[L]]
// BACK-LABEL: func.func @attention(
// BACK-SAME: %[[Q:[a-z0-9]+]]: memref<1x4x?x32xf32>, %[[K:[a-z0-9]+]]: memref<1x2x?x32xf32, strided<[?, ?, ?, 1], offset: ?>>, %[[V:[a-z0-9]+]]: memref<1x2x?x32xf32>, %[[SINK:[a-z0-9]+]]: memref<4xf32>, %[[O:[a-z0-9]+]]: memref<1x4x?x32xf32>, %[[L:[a-z0-9]+]]: memref<1x4x?xf32>)
// BACK-NOT: memref.alloc
// BACK-NOT: memref.copy
// BACK: attn.attention ins(%[[Q]], %[[K]], %[[V]] : {{.*}}) sink(%[[SINK]] : memref<4xf32>) outs(%[[O]], %[[L]] :
// BACK-NOT: memref.copy
// BACK: return
func.func @attention(%q: memref<1x4x?x32xf32>, %k: memref<1x2x?x32xf32, strided<[?, ?, ?, 1], offset: ?>>, %v: memref<1x2x?x32xf32>, %sink: memref<4xf32>, %o: memref<1x4x?x32xf32>, %l: memref<1x4x?xf32>) {
  attn.attention ins(%q, %k, %v : memref<1x4x?x32xf32>, memref<1x2x?x32xf32, strided<[?, ?, ?, 1], offset: ?>>, memref<1x2x?x32xf32>) sink(%sink : memref<4xf32>) outs(%o, %l : memref<1x4x?x32xf32>, memref<1x4x?xf32>) mask(#attn.causal)
  return
}

// -----

// Packed q, k and v: slices of one tensor, and views of one buffer again.
// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %[[QKV:[a-z0-9]+]]: memref<1x64x12x32xbf16>,
// CHECK: %[[T:.*]] = bufferization.to_tensor %[[QKV]] restrict : memref<1x64x12x32xbf16>
// CHECK-DAG: %[[Q:.*]] = tensor.extract_slice %[[T]][0, 0, 0, 0] [1, 64, 4, 32] [1, 1, 1, 1]
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %[[T]][0, 0, 4, 0] [1, 64, 4, 32] [1, 1, 1, 1]
// CHECK-DAG: %[[V:.*]] = tensor.extract_slice %[[T]][0, 0, 8, 0] [1, 64, 4, 32] [1, 1, 1, 1]
// CHECK: attn.attention ins(%[[Q]], %[[K]], %[[V]]
// BACK-LABEL: func.func @packed(
// BACK-NOT: memref.alloc
// BACK-NOT: memref.copy
// BACK: %[[Q:.*]] = memref.subview %{{.*}}[0, 0, 0, 0]
// BACK: %[[K:.*]] = memref.subview %{{.*}}[0, 0, 4, 0]
// BACK: %[[V:.*]] = memref.subview %{{.*}}[0, 0, 8, 0]
// BACK: attn.attention ins(%[[Q]], %[[K]], %[[V]]
// BACK-NOT: memref.copy
// BACK: return
func.func @packed(%qkv: memref<1x64x12x32xbf16>, %o: memref<1x64x4x32xbf16>) {
  %q = memref.subview %qkv[0, 0, 0, 0] [1, 64, 4, 32] [1, 1, 1, 1] : memref<1x64x12x32xbf16> to memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1]>>
  %k = memref.subview %qkv[0, 0, 4, 0] [1, 64, 4, 32] [1, 1, 1, 1] : memref<1x64x12x32xbf16> to memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1], offset: 128>>
  %v = memref.subview %qkv[0, 0, 8, 0] [1, 64, 4, 32] [1, 1, 1, 1] : memref<1x64x12x32xbf16> to memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1], offset: 256>>
  attn.attention ins(%q, %k, %v : memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1]>>, memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1], offset: 128>>, memref<1x64x4x32xbf16, strided<[24576, 384, 32, 1], offset: 256>>) layout(bshd) outs(%o : memref<1x64x4x32xbf16>)
  return
}

// -----

// v is the first part of k, k itself is the buffer.
// CHECK-LABEL: func.func @latent(
// CHECK-SAME: %{{.*}}: memref<1x16x1x576xbf16>, %[[K:[a-z0-9]+]]: memref<1x1x?x576xbf16>,
// CHECK: %[[TK:.*]] = bufferization.to_tensor %[[K]] restrict
// CHECK-NOT: bufferization.to_tensor %[[K]]
// CHECK: %[[TV:.*]] = tensor.extract_slice %[[TK]][0, 0, 0, 0]
// CHECK: attn.attention ins(%{{.*}}, %[[TK]], %[[TV]]
// BACK-LABEL: func.func @latent(
// BACK-NOT: memref.copy
// BACK: return
func.func @latent(%q: memref<1x16x1x576xbf16>, %k: memref<1x1x?x576xbf16>, %n: index, %o: memref<1x16x1x512xbf16>) {
  %v = memref.subview %k[0, 0, 0, 0] [1, 1, %n, 512] [1, 1, 1, 1] : memref<1x1x?x576xbf16> to memref<1x1x?x512xbf16, strided<[?, ?, 576, 1]>>
  attn.attention ins(%q, %k, %v : memref<1x16x1x576xbf16>, memref<1x1x?x576xbf16>, memref<1x1x?x512xbf16, strided<[?, ?, 576, 1]>>) outs(%o : memref<1x16x1x512xbf16>)
  return
}

// -----

// The output is a view of its own buffer: no slice, and nothing else is read.
// CHECK-LABEL: func.func @merge(
// CHECK: %[[VIEW:.*]] = memref.subview
// CHECK: bufferization.to_tensor %[[VIEW]] restrict writable
// CHECK: %[[R:.*]] = attn.merge_states
// CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[VIEW]]
// BACK-LABEL: func.func @merge(
// BACK: %[[VIEW:.*]] = memref.subview
// BACK-NOT: memref.copy
// BACK: attn.merge_states ins(%{{.*}}) outs(%[[VIEW]]
// BACK-NOT: memref.copy
// BACK: return
func.func @merge(%parts: memref<4x8x16xf32>, %lses: memref<4x8xf32>, %o: memref<16x16xf32>) {
  %view = memref.subview %o[8, 0] [8, 16] [1, 1] : memref<16x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 128>>
  attn.merge_states ins(%parts, %lses : memref<4x8x16xf32>, memref<4x8xf32>) outs(%view : memref<8x16xf32, strided<[16, 1], offset: 128>>)
  return
}

// -----

// In place over q: the one case that needs a copy, made by bufferization.
// CHECK-LABEL: func.func @in_place(
// CHECK: %[[T:.*]] = bufferization.to_tensor %arg0 restrict writable
// CHECK: attn.attention ins(%[[T]], %{{.*}}, %{{.*}} : {{.*}}) outs(%[[T]] :
// BACK-LABEL: func.func @in_place(
// BACK: memref.alloc
// BACK: attn.attention
// BACK: memref.copy
func.func @in_place(%q: memref<1x4x8x32xf32>, %k: memref<1x4x8x32xf32>, %v: memref<1x4x8x32xf32>) {
  attn.attention ins(%q, %k, %v : memref<1x4x8x32xf32>, memref<1x4x8x32xf32>, memref<1x4x8x32xf32>) outs(%q : memref<1x4x8x32xf32>)
  return
}
