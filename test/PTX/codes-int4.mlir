// RUN: attn-run %s --target sm_80 --emit=ptx | FileCheck %s

// KIVI: four codes of a word by masks, a lop3 for two of them, which products take as they are;
// scales of channels meet Q, those of keys the weights, which turn to be columns.
// CHECK: .visible .entry f_0(
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG: mov.b32 %[[MASK:.*]], 983055
// CHECK-DAG: lop3.b32 %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, 0x6a
// CHECK-DAG: movmatrix.sync.aligned.m8n8.trans.b16
// CHECK-DAG: fma.rn.bf16x2
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-NOT: .local
func.func @f(%q: tensor<1x32x1x128xbf16>, %k: tensor<1x8x?x64xi8>, %v: tensor<1x8x?x64xi8>,
             %ks: tensor<1x8x?x128xf16>, %kz: tensor<1x8x?x128xf16>, %vs: tensor<1x8x?xf16>,
             %whole: tensor<1x8x?x128xbf16>) -> tensor<1x32x1x128xbf16> {
  %kd = attn.kv_dequantize ins(%k : tensor<1x8x?x64xi8>) packed(int4) scale(%ks : tensor<1x8x?x128xf16>)
      zero(%kz : tensor<1x8x?x128xf16>) at affine_map<(b, h, n, d) -> (b, h, n floordiv 32, d)>
      outs(%whole : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
  %vd = attn.kv_dequantize ins(%v : tensor<1x8x?x64xi8>) packed(int4) scale(%vs : tensor<1x8x?xf16>)
      at affine_map<(b, h, n, d) -> (b, h, n)>
      outs(%whole : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
  %i = tensor.empty() : tensor<1x32x1x128xbf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<1x32x1x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x128xbf16>)
      outs(%i : tensor<1x32x1x128xbf16>) -> tensor<1x32x1x128xbf16>
  return %o : tensor<1x32x1x128xbf16>
}
