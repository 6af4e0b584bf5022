// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v3},canonicalize,cse))' | FileCheck %s --implicit-check-not=attn.

// cos and sin in f64, once a token for all heads; then whole vectors of a head.
// CHECK-LABEL: func.func @rope
// CHECK: scf.for
// CHECK: math.roundeven %{{.*}} : vector<4xf64>
// CHECK: arith.truncf %{{.*}} : vector<4xf64> to vector<4xf32>
// CHECK: scf.for
// CHECK: vector.load %{{.*}} : {{.*}}, vector<8xbf16>
// CHECK: math.fma %{{.*}} : vector<8xf32>
// CHECK: vector.store %{{.*}} : {{.*}}, vector<8xbf16>
func.func @rope(%x: memref<1x4x?x32xbf16>, %f: memref<1x16xf64>) {
  attn.rope ins(%x : memref<1x4x?x32xbf16>) frequencies(%f : memref<1x16xf64>) outs(%x : memref<1x4x?x32xbf16>)
  return
}

// A slot that is negative or too large, compared without sign, is skipped. A part
// of the pages takes the tokens that are its own, in their order.
// CHECK-LABEL: func.func @append
// CHECK: scf.forall (%[[PART:.*]]) in (%[[PARTS:.*]]) {
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[SLOT:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult, %[[SLOT]], %{{.*}}
// CHECK: %[[PAGE:.*]] = arith.divui %[[SLOT]], %c16
// CHECK: %[[OF:.*]] = arith.remui %[[PAGE]], %[[PARTS]]
// CHECK: %[[MINE:.*]] = arith.cmpi eq, %[[OF]], %[[PART]]
// CHECK: %[[BOTH:.*]] = arith.andi %[[INSIDE]], %[[MINE]]
// CHECK: scf.if %[[BOTH]]
// CHECK: vector.store %{{.*}}, %{{.*}}[%[[PAGE]], %{{.*}}, %{{.*}}, %{{.*}}] : memref<?x16x2x32xf32>, vector<8xf32>
func.func @append(%k: memref<?x2x32xf32>, %s: memref<?xi64>, %kp: memref<?x16x2x32xf32>, %vp: memref<?x16x2x32xf32>) {
  attn.kv_append ins(%k, %k : memref<?x2x32xf32>, memref<?x2x32xf32>) slots(%s : memref<?xi64>) outs(%kp, %vp : memref<?x16x2x32xf32>, memref<?x16x2x32xf32>, nhd)
  return
}

// CHECK-LABEL: func.func @gather
// CHECK: arith.divui
// CHECK: memref.load %{{.*}} : memref<2x?xi32>
// CHECK: vector.load
// CHECK: vector.store
func.func @gather(%p: memref<?x2x5x32xf32>, %t: memref<2x?xi32>, %l: memref<2xi32>, %o: memref<2x2x?x32xf32>) {
  attn.kv_gather ins(%p : memref<?x2x5x32xf32>) pages(%t : memref<2x?xi32>) kv_lens(%l : memref<2xi32>) outs(%o : memref<2x2x?x32xf32>)
  return
}
