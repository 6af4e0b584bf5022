// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v3},canonicalize,cse))' | FileCheck %s --implicit-check-not=attn.

// Sequences and key heads side by side; a vector of keys at a time.
// CHECK-LABEL: func.func @score
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (3, 2)
// CHECK: vector.reduction <add>
// CHECK: math.exp2 %{{.*}} : vector<8xf32>
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: memref.store
func.func @score(%q: memref<3x8x5x64xbf16>, %k: memref<3x2x?x64xbf16>, %lse: memref<3x8x5xf32>, %l: memref<3xi32>, %s: memref<3x2x?xf32>) {
  attn.kv_score ins(%q, %k : memref<3x8x5x64xbf16>, memref<3x2x?x64xbf16>) lse(%lse : memref<3x8x5xf32>) kv_lens(%l : memref<3xi32>) outs(%s : memref<3x2x?xf32>) {queries = 3 : i64}
  return
}

// The last score that wins is found in 33 halvings of the range of a float;
// then the keys are written in their order.
// CHECK-LABEL: func.func @evict
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (3, 2)
// CHECK: arith.bitcast %{{.*}} : f32 to i32
// CHECK: scf.for %{{.*}} = %c0 to %c33
// CHECK: arith.cmpi sge
// CHECK: memref.store %{{.*}} : memref<3x2x9xi32>
// CHECK: memref.store %c-1_i32
func.func @evict(%s: memref<3x2x?xf32>, %l: memref<3xi32>, %c: memref<3x2x9xi32>, %n: memref<3x2xi32>) {
  attn.kv_evict scores(%s : memref<3x2x?xf32>) kv_lens(%l : memref<3xi32>) outs(%c, %n : memref<3x2x9xi32>, memref<3x2xi32>) {recent = 4 : i64}
  return
}

// Heads that share a budget are one contest.
// CHECK-LABEL: func.func @shared
// CHECK: scf.forall (%{{[a-z0-9]+}}) in (3)
func.func @shared(%s: memref<3x2x?xf32>, %l: memref<3xi32>, %c: memref<3x2x9xi32>, %n: memref<3x2xi32>) {
  attn.kv_evict scores(%s : memref<3x2x?xf32>) kv_lens(%l : memref<3xi32>) outs(%c, %n : memref<3x2x9xi32>, memref<3x2xi32>) {shared, budget = 5 : i64}
  return
}
