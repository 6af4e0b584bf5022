// RUN: attn-opt %s --attn-lower-fft=target=x86-64-v4 | FileCheck %s

// CHECK-DAG: llvm.func @fftwf_plan_dft_r2c_1d(i32, !llvm.ptr, !llvm.ptr, i32) -> !llvm.ptr
// CHECK-DAG: llvm.func @fftwf_execute_dft_c2r(!llvm.ptr, !llvm.ptr, !llvm.ptr)
// CHECK-LABEL: func.func @conv
// CHECK: %[[FORWARD:.*]] = llvm.call @fftwf_plan_dft_r2c_1d
// CHECK: %[[BACKWARD:.*]] = llvm.call @fftwf_plan_dft_c2r_1d
// CHECK: scf.forall
// The filter of a channel, then inputs there and back.
// CHECK: llvm.call @fftwf_execute_dft_r2c(%[[FORWARD]]
// CHECK: llvm.call @fftwf_execute_dft_r2c(%[[FORWARD]]
// CHECK: llvm.call @fftwf_execute_dft_c2r(%[[BACKWARD]]
// CHECK: llvm.call @fftwf_destroy_plan(%[[FORWARD]])
// CHECK: llvm.call @fftwf_destroy_plan(%[[BACKWARD]])
// CHECK-NOT: attn.fft_conv
func.func @conv(%u: memref<2x?x32xf32>, %k: memref<32x?xf32>, %y: memref<2x?x32xf32>) {
  attn.fft_conv ins(%u, %k : memref<2x?x32xf32>, memref<32x?xf32>) outs(%y : memref<2x?x32xf32>)
  return
}
