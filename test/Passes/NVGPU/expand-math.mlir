// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(gpu.module(attn-gpu-expand-math))' | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: func.func @f32
  // CHECK-NOT: math.exp
  // CHECK: llvm.nvvm.ex2.approx.ftz
  // CHECK: llvm.nvvm.lg2.approx.f
  // CHECK: llvm.nvvm.rcp.approx.ftz.f
  // CHECK: math.copysign
  func.func @f32(%x: f32) -> (f32, f32, f32) {
    %0 = math.exp %x : f32
    %1 = math.log %x : f32
    %2 = math.tanh %x : f32
    return %0, %1, %2 : f32, f32, f32
  }
  // CHECK-LABEL: func.func @f64
  // CHECK-NOT: math.exp2
  // CHECK: math.roundeven
  // CHECK-COUNT-13: math.fma
  func.func @f64(%x: f64) -> f64 {
    %0 = math.exp2 %x : f64
    return %0 : f64
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
