// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @out_and_lse
// CHECK: attn.merge_states ins(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<?x2x8x64xf32>, tensor<?x2x8xf32>) outs(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<2x8x64xbf16>, tensor<2x8xf32>) -> tensor<2x8x64xbf16>, tensor<2x8xf32>
func.func @out_and_lse(%parts: tensor<?x2x8x64xf32>, %lses: tensor<?x2x8xf32>, %o: tensor<2x8x64xbf16>, %l: tensor<2x8xf32>) -> tensor<2x8x64xbf16> {
  %r:2 = attn.merge_states ins(%parts, %lses : tensor<?x2x8x64xf32>, tensor<?x2x8xf32>) outs(%o, %l : tensor<2x8x64xbf16>, tensor<2x8xf32>) -> tensor<2x8x64xbf16>, tensor<2x8xf32>
  return %r#0 : tensor<2x8x64xbf16>
}

// CHECK-LABEL: func.func @sink
// CHECK: attn.merge_states ins({{.*}}) sink(%{{[^ ,)]+}} : memref<32xf32> at %{{[^ ,)]+}}) outs(%{{[^ ,)]+}} : memref<64xf32>)
func.func @sink(%parts: memref<4x64xf32>, %lses: memref<4xf32>, %sink: memref<32xf32>, %head: index, %o: memref<64xf32>) {
  attn.merge_states ins(%parts, %lses : memref<4x64xf32>, memref<4xf32>) sink(%sink : memref<32xf32> at %head) outs(%o : memref<64xf32>)
  return
}
