// RUN: attn-run %s --target sm_80 --emit=ptx | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: attn-run %s --target sm_86 --emit=ptx | FileCheck %s --check-prefixes=CHECK,SM86
// RUN: attn-run %s --target sm_89 --emit=ptx | FileCheck %s --check-prefixes=CHECK,SM89
// RUN: attn-run %s --target sm_90 --emit=ptx | FileCheck %s --check-prefixes=SM90
// RUN: attn-run %s --target sm_100 --emit=ptx | FileCheck %s --check-prefixes=CHECK,SM100
// RUN: attn-run %s --target sm_120 --emit=ptx | FileCheck %s --check-prefixes=CHECK,SM120

// The oldest PTX that knows the chip, so that old drivers load it.
// SM80: .version 7.8
// SM80-NEXT: .target sm_80
// SM86: .version 7.8
// SM89: .version 8.1
// SM100: .version 8.6
// SM120: .version 8.7
// CHECK: .visible .entry f_0(
// CHECK: .maxntid
// CHECK-DAG: cp.async.cg.shared.global
// CHECK-DAG: cp.async.wait_group 0
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG: shfl.sync.bfly
// CHECK-DAG: max.ftz.f32
// CHECK-DAG: ex2.approx.ftz.f32
// CHECK-DAG: cvt.rn.bf16x2.f32
// The state stays in registers.
// CHECK-NOT: .local

// SM90: .version 8.0
// SM90-NEXT: .target sm_90a
// SM90: .visible .entry f_0(
// SM90: .param .align 64 .b8 f_0_param_{{[0-9]+}}[128]
// SM90: .maxntid 384
// SM90-DAG: mbarrier.init.shared
// SM90-DAG: setmaxnreg.dec.sync.aligned.u32 40
// SM90-DAG: setmaxnreg.inc.sync.aligned.u32 232
// SM90-DAG: atom.global.inc.u32
// SM90-DAG: mbarrier.arrive.expect_tx
// SM90-DAG: cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
// SM90-DAG: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// SM90-DAG: stmatrix.sync.aligned.m8n8.x4.shared.b16
// SM90-DAG: cp.async.bulk.tensor.4d.global.shared::cta
// SM90-NOT: .local
func.func @f(%q: tensor<1x8x1024x128xbf16>, %k: tensor<1x8x1024x128xbf16>, %v: tensor<1x8x1024x128xbf16>) -> tensor<1x8x1024x128xbf16> {
  %init = tensor.empty() : tensor<1x8x1024x128xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x1024x128xbf16>, tensor<1x8x1024x128xbf16>, tensor<1x8x1024x128xbf16>)
      outs(%init : tensor<1x8x1024x128xbf16>) mask(#attn.causal) -> tensor<1x8x1024x128xbf16>
  return %o : tensor<1x8x1024x128xbf16>
}
