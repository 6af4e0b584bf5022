// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=sm_80},attn-gpu-outline-kernels,attn-gpu-kernels{target=sm_80})' --split-input-file | FileCheck %s

// 16 states of a channel are what the loop over tokens carries; of their
// exponentials two are polynomials. 64 channels are two warps, and tokens are
// staged twice, in floats: 2 x 16 x (2 x 64 + 2 x 16), results and parameters.
// CHECK-LABEL: llvm.func @channels_0
// CHECK: nvvm.barrier
// CHECK: %{{.*}}:16 = scf.for
// CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> vector<8xbf16>
// CHECK: %{{.*}}:16 = scf.for
// CHECK-COUNT-14: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz"
// CHECK-NOT: llvm.nvvm.ex2
// CHECK: arith.shli
// CHECK: nvvm.barrier
// CHECK: llvm.store %{{.*}} : vector<8xbf16>, !llvm.ptr<1>
// CHECK: nvvm.barrier
// CHECK-LABEL: func.func @channels
// CHECK-DAG: %[[THREADS:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 25088 : i32
// CHECK: gpu.launch_func {{.*}}threads in (%[[THREADS]], %{{.*}}, %{{.*}}) dynamic_shared_memory_size %[[BYTES]]
func.func @channels(%u: tensor<2x100x64xbf16>, %a: tensor<64x16xf32>, %b: tensor<2x100x1x16xbf16>, %init: tensor<2x100x64xbf16>) -> tensor<2x100x64xbf16> {
  %y = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<2x100x64xbf16>, tensor<2x100x64xbf16>, tensor<64x16xf32>, tensor<2x100x1x16xbf16>, tensor<2x100x1x16xbf16>)
    outs(%init : tensor<2x100x64xbf16>) -> tensor<2x100x64xbf16>
  return %y : tensor<2x100x64xbf16>
}

// -----

// Rows of a head: what was seen of a key is summed over eight lanes before the
// state is written to.
// CHECK-LABEL: llvm.func @delta_0
// CHECK: %{{.*}}:64 = scf.for
// CHECK: %{{.*}}:64 = scf.for
// CHECK: nvvm.shfl.sync
// CHECK: arith.subf
// CHECK: nvvm.shfl.sync
func.func @delta(%q: tensor<2x4x90x128xbf16>, %beta: tensor<2x4x90xf32>, %init: tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16> {
  %r = attn.linear_attention ins(%q, %q, %q : tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>) beta(%beta : tensor<2x4x90xf32>)
    outs(%init : tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16>
  return %r : tensor<2x4x90x128xbf16>
}

// -----

// In the order of a step: four states a lane, and every exponential its own.
// CHECK-LABEL: llvm.func @exact_0
// CHECK-NOT: arith.shli
// CHECK: %{{.*}}:4 = scf.for
// CHECK-NOT: arith.shli
// CHECK-LABEL: func.func @exact
func.func @exact(%u: tensor<2x100x64xbf16>, %a: tensor<64x16xf32>, %b: tensor<2x100x1x16xbf16>, %init: tensor<2x100x64xbf16>) -> tensor<2x100x64xbf16> {
  %y = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<2x100x64xbf16>, tensor<2x100x64xbf16>, tensor<64x16xf32>, tensor<2x100x1x16xbf16>, tensor<2x100x1x16xbf16>)
    outs(%init : tensor<2x100x64xbf16>) {exact} -> tensor<2x100x64xbf16>
  return %y : tensor<2x100x64xbf16>
}
