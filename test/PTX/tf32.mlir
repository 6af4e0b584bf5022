// RUN: attn-run %s --target sm_80 --emit=ptx | FileCheck %s
// RUN: attn-run %s --target sm_90 --emit=ptx | FileCheck %s
// RUN: attn-run %s --random 1 --check

// Products of tf32, of operands and weights that are rounded as they are read.
// CHECK: .visible .entry f_0(
// CHECK-DAG: cp.async.cg.shared.global
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG: cvt.rna.tf32.f32
// CHECK-DAG: mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32
// CHECK-NOT: .trans.
// CHECK-NOT: .local
func.func @f(%q: tensor<1x4x300x64xf32>, %k: tensor<1x2x300x64xf32>, %v: tensor<1x2x300x64xf32>) -> tensor<1x4x300x64xf32> {
  %init = tensor.empty() : tensor<1x4x300x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x300x64xf32>, tensor<1x2x300x64xf32>, tensor<1x2x300x64xf32>)
      outs(%init : tensor<1x4x300x64xf32>) mask(#attn.causal) {tf32} -> tensor<1x4x300x64xf32>
  return %o : tensor<1x4x300x64xf32>
}
