// RUN: attn-run %s --target sm_80 --emit=ptx | FileCheck %s
// RUN: attn-run %s --target sm_90 --emit=ptx | FileCheck %s

// The block table is read a step ahead; offsets of rows go through shared memory.
// CHECK: .visible .entry f_0(
// CHECK-DAG: ld.global.nc.b32
// CHECK-DAG: st.shared.b32
// CHECK-DAG: ld.shared.b32
// CHECK-DAG: cp.async.cg.shared.global
// CHECK-DAG: cp.async.wait_group 0
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT: .local
func.func @f(%q: tensor<?x32x1x128xbf16>, %k: tensor<?x8x16x128xbf16>, %v: tensor<?x8x16x128xbf16>, %t: tensor<?x?xi32>,
             %l: tensor<?xi32>, %o: tensor<?x32x1x128xbf16> {attn.donated}) -> tensor<?x32x1x128xbf16> {
  %r = attn.attention ins(%q, %k, %v : tensor<?x32x1x128xbf16>, tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>)
      kv_lens(%l : tensor<?xi32>) pages(%t : tensor<?x?xi32>) outs(%o : tensor<?x32x1x128xbf16>) -> tensor<?x32x1x128xbf16>
  return %r : tensor<?x32x1x128xbf16>
}
