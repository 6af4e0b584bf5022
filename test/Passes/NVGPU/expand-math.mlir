// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(gpu.module(attn-gpu-expand-math))' | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: func.func @f32
  // CHECK-NOT: math.exp
  // CHECK: llvm.nvvm.ex2.approx.ftz
  // CHECK: llvm.nvvm.lg2.approx.f
  // CHECK: arith.maximumf
  // CHECK: arith.minimumf
  // CHECK-COUNT-7: math.fma
  // CHECK: llvm.nvvm.rcp.approx.ftz.f
  func.func @f32(%x: f32) -> (f32, f32, f32) {
    %0 = math.exp %x : f32
    %1 = math.log %x : f32
    %2 = math.tanh %x : f32
    return %0, %1, %2 : f32, f32, f32
  }
  // Where an approximation will do, an instruction.
  // CHECK-LABEL: func.func @approximate
  // CHECK: llvm.intr.tanh(%{{.*}}) {fastmathFlags = #llvm.fastmath<afn>}
  func.func @approximate(%x: f32) -> f32 {
    %0 = math.tanh %x fastmath<afn> : f32
    return %0 : f32
  }
  // CHECK-LABEL: func.func @f64
  // CHECK-NOT: math.exp2
  // CHECK: math.roundeven
  // CHECK-COUNT-13: math.fma
  func.func @f64(%x: f64) -> f64 {
    %0 = math.exp2 %x : f64
    return %0 : f64
  }
  // Halves of the angle until a series holds.
  // CHECK-LABEL: func.func @atan
  // CHECK-NOT: math.atan
  // CHECK-COUNT-3: math.sqrt
  // CHECK: math.copysign
  func.func @atan(%x: f64) -> f64 {
    %0 = math.atan %x : f64
    return %0 : f64
  }
  // Only by a constant: its inverse is one more rounding.
  // CHECK-LABEL: func.func @quotient
  // CHECK: %[[INVERSE:.*]] = arith.constant 0.0333333351 : f32
  // CHECK: arith.mulf %{{.*}}, %[[INVERSE]]
  // CHECK: arith.divf
  func.func @quotient(%x: f32, %y: f32) -> f32 {
    %cap = arith.constant 3.0e+01 : f32
    %0 = arith.divf %x, %cap : f32
    %1 = arith.divf %0, %y : f32
    return %1 : f32
  }
}

// -----

gpu.module @kernels {
  func.func @unknown(%x: f64) -> f64 {
    // expected-error @below {{'math.erf' op has no lowering for GPUs}}
    %0 = math.erf %x : f64
    return %0 : f64
  }
}
