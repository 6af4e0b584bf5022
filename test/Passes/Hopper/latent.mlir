// RUN: attn-opt %s -split-input-file --attn-graph --attn-tile=target=sm_90 --attn-gpu-outline-kernels --attn-gpu-lower-kernels=target=sm_90 | FileCheck %s

// V is the first columns of K: one ring of keys, whose stages serve both. Rows
// are heads of one query, in a box of the heads; the page of a step is read from
// the table. The assistant has the upper half of V's columns, and gets
// probabilities and what they are relative to through rings of their own.
// CHECK-LABEL: llvm.func @pages_0
// CHECK: %[[Q:.*]] = warpgroup.ring consumers 1 tags 0 : <1x64x576xbf16>
// CHECK: %[[TILES:.*]] = warpgroup.ring consumers 2 tags {{[0-9]+}} : <2x8x0xbf16>
// CHECK: %[[K:.*]] = warpgroup.ring consumers 2 tags 3 : <2x64x576xbf16>
// CHECK: %[[P:.*]] = warpgroup.ring consumers 1 tags 0 writers 4 : <1x64x64xbf16>
// CHECK: %[[R:.*]] = warpgroup.ring consumers 1 tags 0 writers 4 : <1x2x64xf32>
// CHECK: warpgroup.roles consumers 1 registers(40, 232, 232) producer {
// CHECK: warpgroup.load {{.*}} to %[[Q]]
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
// CHECK: warpgroup.load {{.*}} to %[[K]]{{.*}} panel 8
// CHECK: } assist {
// CHECK: warpgroup.await %[[K]]
// CHECK: warpgroup.await %[[R]]
// CHECK: warpgroup.vector %[[R]]
// CHECK: warpgroup.await %[[P]]
// CHECK: %[[TP:.*]] = warpgroup.tile %[[P]]
// CHECK: %[[TV:.*]] = warpgroup.tile %[[K]]{{.*}} panel {{.*}} -> <64x64x256xbf16>
// CHECK: warpgroup.mma %[[TP]], %[[TV]], {{.*}} : (!warpgroup.tile<64x64x64xbf16>, <64x64x256xbf16>) -> <64x256xf32>
// CHECK: warpgroup.release %[[K]]
// CHECK: warpgroup.write_rows {{.*}} columns 256 {{.*}} as bf16
// CHECK: } consumer {
// CHECK: warpgroup.mma {{.*}} transposed : (!warpgroup.tile<64x64x576xbf16>, <64x64x576xbf16>) -> <64x64xf32>
// CHECK: warpgroup.softmax speculative
// CHECK: warpgroup.reserve %[[R]]
// CHECK: warpgroup.publish %[[R]]
// CHECK: warpgroup.write {{.*}} to %[[P]]
// CHECK: warpgroup.publish %[[P]]
// CHECK: warpgroup.mma {{.*}} : (!warpgroup.operand<64x64xbf16>, <64x64x256xbf16>) -> <64x256xf32>
// CHECK: warpgroup.release %[[K]]
// CHECK: warpgroup.write_rows {{.*}} columns 256 {{.*}} as bf16
// Sequences in chunks leave parts.
// CHECK-LABEL: llvm.func @pages_1
// CHECK: warpgroup.write_rows {{.*}} columns 256 {{.*}} as f32
// CHECK-LABEL: func.func @pages
// CHECK: scf.if
// Sixteen heads of the box of 64 are there, the others read as zeros.
// CHECK: warpgroup.tensor_map {{.*}} order [3, 2, 1, 0] box [64, 1, 64, 1] : memref<?x16x1x576xbf16>
// CHECK: warpgroup.tensor_map {{.*}} order [3, 1, 2, 0] box [64, 64, 1, 1] : memref<?x64x1x576xbf16>
func.func @pages(%q: tensor<?x16x1x576xbf16>, %pool: tensor<?x64x1x576xbf16>, %tables: tensor<?x?xi32>, %lens: tensor<?xi32>, %out: tensor<?x16x1x512xbf16>) -> tensor<?x16x1x512xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %pool, %c0 : tensor<?x64x1x576xbf16>
  %v = tensor.extract_slice %pool[0, 0, 0, 0] [%n, 64, 1, 512] [1, 1, 1, 1] : tensor<?x64x1x576xbf16> to tensor<?x64x1x512xbf16>
  %r = attn.attention ins(%q, %pool, %v : tensor<?x16x1x576xbf16>, tensor<?x64x1x576xbf16>, tensor<?x64x1x512xbf16>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>, nhd)
      outs(%out : tensor<?x16x1x512xbf16>) -> tensor<?x16x1x512xbf16>
  return %r : tensor<?x16x1x512xbf16>
}

// -----

// Pages of fewer slots than a step has keys are copied by threads.
// CHECK-LABEL: llvm.func @small_0
// CHECK-NOT: warpgroup.roles
func.func @small(%q: tensor<?x16x1x576xbf16>, %pool: tensor<?x16x1x576xbf16>, %tables: tensor<?x?xi32>, %lens: tensor<?xi32>, %out: tensor<?x16x1x512xbf16>) -> tensor<?x16x1x512xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %pool, %c0 : tensor<?x16x1x576xbf16>
  %v = tensor.extract_slice %pool[0, 0, 0, 0] [%n, 16, 1, 512] [1, 1, 1, 1] : tensor<?x16x1x576xbf16> to tensor<?x16x1x512xbf16>
  %r = attn.attention ins(%q, %pool, %v : tensor<?x16x1x576xbf16>, tensor<?x16x1x576xbf16>, tensor<?x16x1x512xbf16>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>, nhd)
      outs(%out : tensor<?x16x1x512xbf16>) -> tensor<?x16x1x512xbf16>
  return %r : tensor<?x16x1x512xbf16>
}

// -----

// Prefill: rows are queries of one head, results leave in the type of q.
// CHECK-LABEL: llvm.func @prefill_0
// CHECK: warpgroup.roles consumers 1 registers(40, 232, 232)
// CHECK: warpgroup.write_rows {{.*}} columns 128 {{.*}} as f16
// CHECK: } consumer {
// CHECK: warpgroup.clear_rows
// CHECK: warpgroup.write_rows {{.*}} columns 128 {{.*}} as f16
func.func @prefill(%q: tensor<1x4x300x320xf16>, %k: tensor<1x1x300x320xf16>, %out: tensor<1x4x300x256xf16>) -> tensor<1x4x300x256xf16> {
  %v = tensor.extract_slice %k[0, 0, 0, 0] [1, 1, 300, 256] [1, 1, 1, 1] : tensor<1x1x300x320xf16> to tensor<1x1x300x256xf16>
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x300x320xf16>, tensor<1x1x300x320xf16>, tensor<1x1x300x256xf16>)
      outs(%out : tensor<1x4x300x256xf16>) mask(#attn.causal) -> tensor<1x4x300x256xf16>
  return %r : tensor<1x4x300x256xf16>
}

// -----

// Four queries of 16 heads: a box of both.
// CHECK-LABEL: llvm.func @queries_0
// CHECK: warpgroup.roles consumers 1 registers(40, 232, 232)
// CHECK-LABEL: func.func @queries
// CHECK: warpgroup.tensor_map {{.*}} order [3, 1, 2, 0] box [64, 4, 16, 1] : memref<2x4x16x576xbf16>
func.func @queries(%q: tensor<2x4x16x576xbf16>, %k: tensor<2x300x1x576xbf16>, %out: tensor<2x4x16x512xbf16>) -> tensor<2x4x16x512xbf16> {
  %v = tensor.extract_slice %k[0, 0, 0, 0] [2, 300, 1, 512] [1, 1, 1, 1] : tensor<2x300x1x576xbf16> to tensor<2x300x1x512xbf16>
  %r = attn.attention ins(%q, %k, %v : tensor<2x4x16x576xbf16>, tensor<2x300x1x576xbf16>, tensor<2x300x1x512xbf16>) layout(bshd)
      outs(%out : tensor<2x4x16x512xbf16>) mask(#attn.causal) -> tensor<2x4x16x512xbf16>
  return %r : tensor<2x4x16x512xbf16>
}

// -----

// Prefill on pages: the full keys end where a whole step does.
// CHECK-LABEL: llvm.func @prefill_pages_
// CHECK: warpgroup.roles consumers 1 registers(40, 232, 232)
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr<1> -> i32
// CHECK: warpgroup.load
func.func @prefill_pages(%q: tensor<2x300x16x576xbf16>, %pool: tensor<?x64x1x576xbf16>, %tables: tensor<2x?xi32>, %lens: tensor<2xi32>, %out: tensor<2x300x16x512xbf16>) -> tensor<2x300x16x512xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %pool, %c0 : tensor<?x64x1x576xbf16>
  %v = tensor.extract_slice %pool[0, 0, 0, 0] [%n, 64, 1, 512] [1, 1, 1, 1] : tensor<?x64x1x576xbf16> to tensor<?x64x1x512xbf16>
  %r = attn.attention ins(%q, %pool, %v : tensor<2x300x16x576xbf16>, tensor<?x64x1x576xbf16>, tensor<?x64x1x512xbf16>)
      layout(bshd) kv_lens(%lens : tensor<2xi32>) pages(%tables : tensor<2x?xi32>, nhd)
      outs(%out : tensor<2x300x16x512xbf16>) mask(#attn.causal) -> tensor<2x300x16x512xbf16>
  return %r : tensor<2x300x16x512xbf16>
}

// -----

// A window starts anywhere in a page.
// CHECK-LABEL: llvm.func @window_pages_0
// CHECK-NOT: warpgroup.roles
func.func @window_pages(%q: tensor<2x1x16x576xbf16>, %pool: tensor<?x64x1x576xbf16>, %tables: tensor<2x?xi32>, %lens: tensor<2xi32>, %out: tensor<2x1x16x512xbf16>) -> tensor<2x1x16x512xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %pool, %c0 : tensor<?x64x1x576xbf16>
  %v = tensor.extract_slice %pool[0, 0, 0, 0] [%n, 64, 1, 512] [1, 1, 1, 1] : tensor<?x64x1x576xbf16> to tensor<?x64x1x512xbf16>
  %r = attn.attention ins(%q, %pool, %v : tensor<2x1x16x576xbf16>, tensor<?x64x1x576xbf16>, tensor<?x64x1x512xbf16>)
      layout(bshd) kv_lens(%lens : tensor<2xi32>) pages(%tables : tensor<2x?xi32>, nhd)
      outs(%out : tensor<2x1x16x512xbf16>) mask(#attn.window<100, 0>) -> tensor<2x1x16x512xbf16>
  return %r : tensor<2x1x16x512xbf16>
}
