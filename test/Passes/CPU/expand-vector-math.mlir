// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-expand-vector-math))' | FileCheck %s
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-expand-vector-math{avx512}))' | FileCheck %s --check-prefix=AVX512

// 2^r p(x - r), r = round(x): 6 coefficients in f32, and 2^r as two factors made
// of bits. What is below the normal numbers is 0 by selection.
// CHECK-LABEL: func.func @exp2
// CHECK-SAME: %[[X:.*]]: vector<16xf32>
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-DAG: %[[LOW:.*]] = arith.constant dense<-1.260000e+02> : vector<16xf32>
// CHECK: %[[KEEP:.*]] = arith.cmpf uge, %[[X]], %[[LOW]]
// CHECK: %[[R:.*]] = math.roundeven
// CHECK: %[[F:.*]] = arith.subf %{{.*}}, %[[R]]
// CHECK-COUNT-5: vector.fma %{{.*}}, %[[F]], %{{.*}} : vector<16xf32>
// CHECK-NOT: vector.fma
// CHECK: arith.fptosi %[[R]] : vector<16xf32> to vector<16xi32>
// CHECK: %[[Y:.*]] = arith.select %[[KEEP]], %{{.*}}, %[[ZERO]]
// CHECK: return %[[Y]]
// AVX512-LABEL: func.func @exp2
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"
// AVX512-NOT: arith.fptosi
// AVX512: return
func.func @exp2(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp2 %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// AVX-512 has the instruction for whole registers, of f64 too.
// CHECK-LABEL: func.func @exp2_f64
// CHECK-COUNT-13: vector.fma %{{.*}} : vector<8xf64>
// CHECK-NOT: vector.fma
// CHECK: return
// AVX512-LABEL: func.func @exp2_f64
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.pd.512"
// AVX512-LABEL: func.func @half
// AVX512-NOT: llvm.call_intrinsic
// AVX512: arith.fptosi {{.*}} : vector<8xf32> to vector<8xi32>
// AVX512: return
func.func @exp2_f64(%x: vector<8xf64>) -> vector<8xf64> {
  %0 = math.exp2 %x : vector<8xf64>
  return %0 : vector<8xf64>
}
func.func @half(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp2 %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// CHECK-LABEL: func.func @others
// CHECK-NOT: math.{{exp|log|tanh}}
// CHECK: return
func.func @others(%x: vector<4x8xf32>, %y: vector<4xf64>) -> (vector<4x8xf32>, vector<4xf64>) {
  %0 = math.exp %x : vector<4x8xf32>
  %1 = math.log %0 : vector<4x8xf32>
  %2 = math.tanh %1 : vector<4x8xf32>
  %3 = math.exp %y : vector<4xf64>
  %4 = math.log %3 : vector<4xf64>
  %5 = math.tanh %4 : vector<4xf64>
  return %2, %5 : vector<4x8xf32>, vector<4xf64>
}

// Scalars, vectors of other types and of no fixed length stay.
// CHECK-LABEL: func.func @kept
// CHECK: math.exp2 %{{.*}} : f32
// CHECK: math.exp %{{.*}} : vector<8xf16>
// CHECK: math.log %{{.*}} : vector<[4]xf32>
// CHECK: math.sin %{{.*}} : vector<8xf32>
func.func @kept(%x: f32, %y: vector<8xf16>, %z: vector<[4]xf32>, %w: vector<8xf32>) -> (f32, vector<8xf16>, vector<[4]xf32>, vector<8xf32>) {
  %0 = math.exp2 %x : f32
  %1 = math.exp %y : vector<8xf16>
  %2 = math.log %z : vector<[4]xf32>
  %3 = math.sin %w : vector<8xf32>
  return %0, %1, %2, %3 : f32, vector<8xf16>, vector<[4]xf32>, vector<8xf32>
}
