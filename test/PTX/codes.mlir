// RUN: attn-run %s --target sm_90 --emit=ptx | FileCheck %s
// RUN: not attn-run %s --target sm_86 --emit=ptx 2>&1 | FileCheck %s --check-prefix=OLD

// Codes are copied as bytes and read by ldmatrix; elements are made in registers.
// CHECK: .visible .entry f_0(
// CHECK-DAG: cp.async.cg.shared.global
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG: cvt.rn.f16x2.e4m3x2
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT: .local
// OLD: of f8E4M3FN has no lowering for sm_86: needs sm_89
func.func @f(%q: tensor<1x32x1x128xbf16>, %k: tensor<1x8x?x128xf8E4M3FN>, %v: tensor<1x8x?x128xf8E4M3FN>,
             %s: tensor<8xf32>, %whole: tensor<1x8x?x128xbf16>) -> tensor<1x32x1x128xbf16> {
  %kd = attn.kv_dequantize ins(%k : tensor<1x8x?x128xf8E4M3FN>) scale(%s : tensor<8xf32>)
      at affine_map<(b, h, n, d) -> (h)> outs(%whole : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
  %vd = attn.kv_dequantize ins(%v : tensor<1x8x?x128xf8E4M3FN>) scale(%s : tensor<8xf32>)
      at affine_map<(b, h, n, d) -> (h)> outs(%whole : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
  %i = tensor.empty() : tensor<1x32x1x128xbf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<1x32x1x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x128xbf16>)
      outs(%i : tensor<1x32x1x128xbf16>) -> tensor<1x32x1x128xbf16>
  return %o : tensor<1x32x1x128xbf16>
}
