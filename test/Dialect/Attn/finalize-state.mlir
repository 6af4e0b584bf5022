// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

#gme = affine_map<(g, m, e) -> (g, m, e)>
// CHECK-LABEL: func.func @plain
// CHECK: attn.finalize_state ins(%{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<4x?x64xf32>, tensor<4x?xf32>, tensor<4x?xf32>) outs(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<4x?x64xbf16>, tensor<4x?xf32>) {{{.*}}} -> tensor<4x?x64xbf16>, tensor<4x?xf32>
func.func @plain(%acc: tensor<4x?x64xf32>, %max: tensor<4x?xf32>, %sum: tensor<4x?xf32>, %o: tensor<4x?x64xbf16>, %l: tensor<4x?xf32>) -> tensor<4x?x64xbf16> {
  %r:2 = attn.finalize_state ins(%acc, %max, %sum : tensor<4x?x64xf32>, tensor<4x?xf32>, tensor<4x?xf32>) outs(%o, %l : tensor<4x?x64xbf16>, tensor<4x?xf32>)
    {state_map = #gme, row_map = affine_map<(g, m) -> (g, m)>, out_map = #gme} -> tensor<4x?x64xbf16>, tensor<4x?xf32>
  return %r#0 : tensor<4x?x64xbf16>
}

// CHECK-LABEL: func.func @panels
// CHECK: attn.finalize_state ins({{.*}}) sink(%{{[^ ,)]+}} : memref<32xf32> at %{{[^ ,)]+}}) outs(%{{[^ ,)]+}} : memref<?x4x64xf16, strided<[?, ?, 1]>>)
func.func @panels(%acc: memref<?x64x16xf32>, %max: memref<?x16xf32>, %sum: memref<?x16xf32>, %sink: memref<32xf32>, %head: index, %o: memref<?x4x64xf16, strided<[?, ?, 1]>>) {
  attn.finalize_state ins(%acc, %max, %sum : memref<?x64x16xf32>, memref<?x16xf32>, memref<?x16xf32>) sink(%sink : memref<32xf32> at %head)
    outs(%o : memref<?x4x64xf16, strided<[?, ?, 1]>>)
    {state_map = affine_map<(p, w, e) -> (p, e, w)>, row_map = affine_map<(p, w) -> (w mod 4, p * 4 + w floordiv 4)>, out_map = affine_map<(g, m, e) -> (m, g, e)>}
  return
}
