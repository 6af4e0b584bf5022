// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v3},canonicalize,cse))' | FileCheck %s --implicit-check-not=attn.

// A scale a key is read once a row, and is beside the codes of the next tile.
// CHECK-LABEL: func.func @int8
// CHECK: scf.for %[[N:.*]] =
// CHECK: memref.prefetch
// CHECK: %[[S:.*]] = memref.load %{{.*}}[%[[N]]] : memref<?xf32>
// CHECK: scf.for
// CHECK: vector.load %{{.*}} : {{.*}}, vector<8xi8>
// CHECK: arith.extsi %{{.*}} : vector<8xi8> to vector<8xi32>
// CHECK: arith.sitofp
// CHECK: arith.mulf
// CHECK: vector.store %{{.*}} : {{.*}}, vector<8xbf16>
func.func @int8(%c: memref<?x128xi8>, %s: memref<?xf32>, %o: memref<?x128xbf16>) {
  attn.kv_dequantize ins(%c : memref<?x128xi8>) scale(%s : memref<?xf32>) at affine_map<(n, d) -> (n)> outs(%o : memref<?x128xbf16>)
  return
}

// Two elements a byte, the first in its low half; with a zero codes have no
// sign. Scales of channels lie side by side.
// CHECK-LABEL: func.func @int4
// CHECK: vector.load %{{.*}} : {{.*}}, vector<4xi8>
// CHECK: arith.shrui
// CHECK: vector.interleave
// CHECK: arith.extui
// CHECK: vector.load %{{.*}} : memref<?x128xf32>, vector<8xf32>
// CHECK: vector.fma
func.func @int4(%c: memref<?x64xi8>, %s: memref<?x128xf32>, %o: memref<?x128xf32>) {
  attn.kv_dequantize ins(%c : memref<?x64xi8>) packed(int4) scale(%s : memref<?x128xf32>) zero(%s : memref<?x128xf32>) at affine_map<(n, d) -> (n floordiv 32, d)> outs(%o : memref<?x128xf32>)
  return
}

// The most of each scale first, then the codes.
// CHECK-LABEL: func.func @quantize
// CHECK: math.absf
// CHECK: vector.reduction <maxnumf>
// CHECK: arith.maxnumf %{{.*}}, %cst{{.*}} : f32
// CHECK: arith.divf
// CHECK: math.roundeven
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi8>
func.func @quantize(%x: memref<?x64xf32>, %c: memref<?x64xi8>, %s: memref<?xf32>) {
  attn.kv_quantize ins(%x : memref<?x64xf32>) at affine_map<(t, d) -> (t)> outs(%c, %s : memref<?x64xi8>, memref<?xf32>)
  return
}
