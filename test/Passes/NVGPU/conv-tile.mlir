// RUN: attn-opt %s --pass-pipeline='builtin.module(attn-graph,attn-tile{target=sm_80},attn-gpu-outline-kernels,attn-gpu-kernels{target=sm_80})' | FileCheck %s

// Eight threads for 64 channels; each loads three tokens in front of its four,
// from the state where they are in front of the sequence.
// CHECK-LABEL: llvm.func @conv_0
// CHECK: scf.for
// CHECK-COUNT-3: scf.if
// CHECK-COUNT-4: llvm.load %{{.*}} : !llvm.ptr<1> -> vector<8xbf16>
// CHECK: math.fma
// CHECK-COUNT-4: llvm.store %{{.*}} : vector<8xbf16>, !llvm.ptr<1>
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<2x?x64xbf16>, %w: tensor<64x4xf32>, %o: tensor<2x?x64xbf16>, %s: tensor<2x3x64xbf16>) -> (tensor<2x?x64xbf16>, tensor<2x3x64xbf16>) {
  %y, %n = attn.causal_conv1d ins(%x, %w : tensor<2x?x64xbf16>, tensor<64x4xf32>) outs(%o, %s : tensor<2x?x64xbf16>, tensor<2x3x64xbf16>) {silu} -> tensor<2x?x64xbf16>, tensor<2x3x64xbf16>
  return %y, %n : tensor<2x?x64xbf16>, tensor<2x3x64xbf16>
}
