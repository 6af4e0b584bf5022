// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --attn-gpu-outline-kernels | FileCheck %s

// A kernel for the scf.forall, a buffer for each result, a block for each point.
// CHECK-LABEL: gpu.module @prefill_kernels
// CHECK: gpu.func @prefill_0(%[[Q:[a-z0-9]+]]: memref<2x4x256x64xbf16>, {{.*}}) kernel
// CHECK-DAG: bufferization.to_tensor %[[Q]] restrict
// CHECK-DAG: gpu.block_id x
// CHECK: attn.key_loop
// CHECK: attn.finalize_state
// CHECK: bufferization.materialize_in_destination
// CHECK: gpu.return
// CHECK-LABEL: func.func @prefill
// CHECK-SAME: memref<2x4x256x64xbf16>
// CHECK: %[[OUT:.*]] = memref.alloc() {alignment = 256 : i64} : memref<2x4x256x64xbf16>
// CHECK: gpu.launch_func @prefill_kernels::@prefill_0 blocks in (%c16, %c1, %c1)
// CHECK: return %[[OUT]]
func.func @prefill(%q: tensor<2x4x256x64xbf16>, %k: tensor<2x4x256x64xbf16>, %v: tensor<2x4x256x64xbf16>) -> tensor<2x4x256x64xbf16> {
  %init = tensor.empty() : tensor<2x4x256x64xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<2x4x256x64xbf16>, tensor<2x4x256x64xbf16>, tensor<2x4x256x64xbf16>)
      outs(%init : tensor<2x4x256x64xbf16>) mask(#attn.causal) -> tensor<2x4x256x64xbf16>
  return %o : tensor<2x4x256x64xbf16>
}

// -----

// Variants for the number of queries write one buffer; the size of the parts is
// arithmetic of the host.
// CHECK-LABEL: func.func @variants
// CHECK: %[[OUT:.*]] = memref.alloc(%{{.*}}) {alignment = 256 : i64} : memref<1x8x?x64xf16>
// CHECK: scf.if
// CHECK: arith.divui
// CHECK: %[[PARTS:.*]] = memref.alloc(%{{.*}}) {alignment = 256 : i64} : memref<?x1x8x?x64xf32>
// CHECK: gpu.launch_func @variants_kernels::@variants_0
// CHECK: gpu.launch_func @variants_kernels::@variants_1 {{.*}} %[[OUT]]
// CHECK: return %[[OUT]]
func.func @variants(%q: tensor<1x8x?x64xf16>, %k: tensor<1x2x?x64xf16>, %v: tensor<1x2x?x64xf16>, %init: tensor<1x8x?x64xf16>) -> tensor<1x8x?x64xf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x?x64xf16>, tensor<1x2x?x64xf16>, tensor<1x2x?x64xf16>)
      outs(%init : tensor<1x8x?x64xf16>) -> tensor<1x8x?x64xf16>
  return %o : tensor<1x8x?x64xf16>
}

// -----

// A donated argument is the result.
// CHECK-LABEL: func.func @donated
// CHECK-SAME: %[[INIT:[a-z0-9]+]]: memref<1x1x128x64xf32> {attn.donated}
// CHECK-NOT: memref.alloc
// CHECK: return %[[INIT]]
func.func @donated(%q: tensor<1x1x128x64xf32>, %k: tensor<1x1x128x64xf32>, %init: tensor<1x1x128x64xf32> {attn.donated}) -> tensor<1x1x128x64xf32> {
  %o = attn.attention ins(%q, %k, %k : tensor<1x1x128x64xf32>, tensor<1x1x128x64xf32>, tensor<1x1x128x64xf32>)
      outs(%init : tensor<1x1x128x64xf32>) -> tensor<1x1x128x64xf32>
  return %o : tensor<1x1x128x64xf32>
}

// -----

// Memrefs of the caller are written in place.
// CHECK-LABEL: func.func @memrefs
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: memref<1x1x128x64xf16>)
// CHECK-NOT: memref.alloc
// CHECK: gpu.launch_func @memrefs_kernels::@memrefs_0 {{.*}} args(%[[OUT]]
func.func @memrefs(%q: memref<1x1x128x64xf16>, %k: memref<1x1x128x64xf16>, %out: memref<1x1x128x64xf16>) {
  attn.attention ins(%q, %k, %k : memref<1x1x128x64xf16>, memref<1x1x128x64xf16>, memref<1x1x128x64xf16>)
      outs(%out : memref<1x1x128x64xf16>)
  return
}

// -----

// Heads with masks of two kinds are two kernels, one behind the other in the
// same buffer, by strided tiles in the second.
// CHECK-LABEL: gpu.module @kinds_kernels
// CHECK: gpu.func @kinds_0
// CHECK: gpu.func @kinds_1
// CHECK: tensor.extract_slice {{.*}} [1, 1, 2, 1]
// CHECK-LABEL: func.func @kinds
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: memref<1x4x512x64xf16>)
// CHECK-NOT: memref.alloc
// CHECK: gpu.launch_func @kinds_kernels::@kinds_0 {{.*}}%[[OUT]]
// CHECK: gpu.launch_func @kinds_kernels::@kinds_1 {{.*}}%[[OUT]]
func.func @kinds(%q: memref<1x4x512x64xf16>, %k: memref<1x4x512x64xf16>, %o: memref<1x4x512x64xf16>) {
  attn.attention ins(%q, %k, %k : memref<1x4x512x64xf16>, memref<1x4x512x64xf16>, memref<1x4x512x64xf16>)
      outs(%o : memref<1x4x512x64xf16>)
      mask(#attn.or<
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (1 - h)>>, #attn.causal>,
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (h - 2)>>, #attn.dilated<2>>>)
  return
}

// CHECK-LABEL: func.func @kinds_result
// CHECK: %[[OUT:.*]] = memref.alloc() {alignment = 256 : i64} : memref<1x4x512x64xf16>
// CHECK: gpu.launch_func @kinds_result_kernels::@kinds_result_0 {{.*}}%[[OUT]]
// CHECK-NOT: memref.alloc
// CHECK: gpu.launch_func @kinds_result_kernels::@kinds_result_1 {{.*}}%[[OUT]]
// CHECK: return %[[OUT]]
func.func @kinds_result(%q: tensor<1x4x512x64xf16>, %k: tensor<1x4x512x64xf16>) -> tensor<1x4x512x64xf16> {
  %init = tensor.empty() : tensor<1x4x512x64xf16>
  %r = attn.attention ins(%q, %k, %k : tensor<1x4x512x64xf16>, tensor<1x4x512x64xf16>, tensor<1x4x512x64xf16>)
      outs(%init : tensor<1x4x512x64xf16>)
      mask(#attn.or<
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (1 - h)>>, #attn.causal>,
          #attn.and<#attn.set<affine_map<(b, h, q, k) -> (h - 2)>>, #attn.dilated<2>>>) -> tensor<1x4x512x64xf16>
  return %r : tensor<1x4x512x64xf16>
}

// -----

// A product is an op of the host on buffers, and so are views of all of one. It
// overwrites where it starts as zeros; else a copy is what it adds to.
// CHECK-LABEL: func.func @products
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x8x8xf32>, %[[W:[a-z0-9]+]]: memref<64x64xf32>, %[[R:[a-z0-9]+]]: memref<?x64xf32>)
// CHECK: %[[FLAT:.*]] = memref.collapse_shape %[[X]] {{\[\[}}0], [1, 2]]
// CHECK: %[[A:.*]] = memref.alloc(%{{.*}}) {alignment = 256 : i64} : memref<?x64xf32>
// CHECK: linalg.matmul {attn.overwrites} ins(%[[FLAT]], %[[W]] : {{.*}}) outs(%[[A]] : memref<?x64xf32>)
// CHECK: %[[Y:.*]] = memref.alloc(%{{.*}}) {alignment = 256 : i64} : memref<?x64xf32>
// CHECK: memref.copy %[[R]], %[[Y]]
// CHECK: linalg.matmul ins(%[[A]], %[[W]] : {{.*}}) outs(%[[Y]] : memref<?x64xf32>)
// CHECK: %[[WIDE:.*]] = memref.expand_shape %[[Y]] {{\[\[}}0], [1, 2]]
// CHECK: return %[[WIDE]]
func.func @products(%x: tensor<?x8x8xf32>, %w: tensor<64x64xf32>, %r: tensor<?x64xf32>) -> tensor<?x8x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %x, %c0 : tensor<?x8x8xf32>
  %e = tensor.empty(%s) : tensor<?x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %flat = tensor.collapse_shape %x [[0], [1, 2]] : tensor<?x8x8xf32> into tensor<?x64xf32>
  %a = linalg.matmul ins(%flat, %w : tensor<?x64xf32>, tensor<64x64xf32>) outs(%f : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = linalg.matmul ins(%a, %w : tensor<?x64xf32>, tensor<64x64xf32>) outs(%r : tensor<?x64xf32>) -> tensor<?x64xf32>
  %wide = tensor.expand_shape %y [[0], [1, 2]] output_shape [%s, 8, 8] : tensor<?x64xf32> into tensor<?x8x8xf32>
  return %wide : tensor<?x8x8xf32>
}
