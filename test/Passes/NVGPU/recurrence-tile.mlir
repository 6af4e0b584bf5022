// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=sm_90},attn-gpu-outline-kernels,attn-gpu-kernels{target=sm_90})' --split-input-file | FileCheck %s

// Decays of keys come to the assistants by copies of their own. Where they are
// too large for factors M is made of blocks on the other tensor instructions,
// or pair by pair; else it is one product of what they have scaled in place.
// CHECK-LABEL: llvm.func @keys_0
// CHECK: nvvm.setmaxregister decrease 72
// CHECK: nvvm.cp.async.shared.global
// CHECK: scf.if
// CHECK: nvvm.mma.sync
// CHECK: nvvm.shfl.sync
// CHECK: } else {
// CHECK: wgmma.commit_group
// CHECK: nvvm.setmaxregister increase 208
// CHECK-COUNT-3: wgmma.commit_group
// CHECK: wgmma.wait_group
// CHECK-NOT: wgmma
// CHECK: llvm.return
func.func @keys(%q: tensor<2x4x90x128xbf16>, %g: tensor<2x4x90x128xf32>, %init: tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16> {
  %r = attn.linear_attention ins(%q, %q, %q : tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>) decay(%g : tensor<2x4x90x128xf32>)
    outs(%init : tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16>
  return %r : tensor<2x4x90x128xbf16>
}

// -----

// The assistants invert products of keys; consumers wait three times a chunk:
// for what the state knows, for what that leaves, and for the result.
// CHECK-LABEL: llvm.func @delta_0
// CHECK: nvvm.setmaxregister decrease 64
// CHECK: wgmma.commit_group
// CHECK-COUNT-9: nvvm.barrier
// CHECK: wgmma.commit_group
// CHECK: nvvm.setmaxregister increase 208
// CHECK-COUNT-2: wgmma.commit_group
// CHECK: wgmma.wait_group
// CHECK: wgmma.commit_group
// CHECK: wgmma.wait_group
// CHECK-COUNT-2: wgmma.commit_group
// CHECK: wgmma.wait_group
// CHECK-NOT: wgmma
// CHECK: llvm.return
func.func @delta(%q: tensor<2x4x90x128xbf16>, %g: tensor<2x4x90xf32>, %init: tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16> {
  %r = attn.linear_attention ins(%q, %q, %q : tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>, tensor<2x4x90x128xbf16>) decay(%g : tensor<2x4x90xf32>)
    beta(%g : tensor<2x4x90xf32>) outs(%init : tensor<2x4x90x128xbf16>) -> tensor<2x4x90x128xbf16>
  return %r : tensor<2x4x90x128xbf16>
}
