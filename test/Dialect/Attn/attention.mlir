// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @plain
// CHECK: attn.attention ins(%{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x64xf32>) outs(%{{[^ ,)]+}} : tensor<1x32x?x64xf32>) -> tensor<1x32x?x64xf32>
func.func @plain(%q: tensor<1x32x?x128xf32>, %k: tensor<1x8x?x128xf32>, %v: tensor<1x8x?x64xf32>, %init: tensor<1x32x?x64xf32>) -> tensor<1x32x?x64xf32> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x64xf32>) outs(%init : tensor<1x32x?x64xf32>) -> tensor<1x32x?x64xf32>
  return %o : tensor<1x32x?x64xf32>
}

// The default layout is not printed.
// CHECK-LABEL: func.func @everything
// CHECK: attn.attention
// CHECK-SAME: offset(%{{[^ ,)]+}}) kv_lens(%{{[^ ,)]+}} : tensor<?xi32>) sink(%{{[^ ,)]+}} : tensor<32xf32>)
// CHECK-SAME: outs(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<?x32x?x64xbf16>, tensor<?x32x?xf32>) mask(#attn.causal) score (%{{[^ ,)]+}} at #{{.*}} : tensor<32xf32>) {
// CHECK-NEXT: ^bb0(%{{[^ ,)]+}}: f32, %{{[^ ,)]+}}: f32, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index):
// CHECK: attn.yield %{{[^ ,)]+}} : f32
// CHECK: } {scale = 1.250000e-01 : f32} -> tensor<?x32x?x64xbf16>, tensor<?x32x?xf32>
func.func @everything(%q: tensor<?x32x?x64xbf16>, %k: tensor<?x8x?x64xbf16>, %offset: index, %lens: tensor<?xi32>, %sink: tensor<32xf32>, %slopes: tensor<32xf32>, %init: tensor<?x32x?x64xbf16>, %linit: tensor<?x32x?xf32>) -> tensor<?x32x?xf32> {
  %o:2 = attn.attention ins(%q, %k, %k : tensor<?x32x?x64xbf16>, tensor<?x8x?x64xbf16>, tensor<?x8x?x64xbf16>) layout(bhsd) offset(%offset)
    kv_lens(%lens : tensor<?xi32>) sink(%sink : tensor<32xf32>) outs(%init, %linit : tensor<?x32x?x64xbf16>, tensor<?x32x?xf32>) mask(#attn.causal)
    score(%slopes at affine_map<(b, h, i, j) -> (h)> : tensor<32xf32>) {
    ^bb0(%x: f32, %slope: f32, %b: index, %h: index, %i: index, %j: index):
      %d = arith.subi %j, %i : index
      %n = arith.index_cast %d : index to i32
      %f = arith.sitofp %n : i32 to f32
      %m = arith.mulf %f, %slope : f32
      %y = arith.addf %x, %m : f32
      attn.yield %y : f32
    } {scale = 0.125 : f32} -> tensor<?x32x?x64xbf16>, tensor<?x32x?xf32>
  return %o#1 : tensor<?x32x?xf32>
}

// CHECK-LABEL: func.func @bshd
// CHECK: attn.attention {{.*}} layout(bshd) outs(%{{[^ ,)]+}}, %{{[^ ,)]+}} : memref<2x7x4x16xf64>, memref<2x4x7xf64>)
func.func @bshd(%q: memref<2x7x4x16xf64>, %k: memref<2x9x2x16xf64, strided<[?, ?, ?, 1], offset: ?>>, %o: memref<2x7x4x16xf64>, %l: memref<2x4x7xf64>) {
  attn.attention ins(%q, %k, %k : memref<2x7x4x16xf64>, memref<2x9x2x16xf64, strided<[?, ?, ?, 1], offset: ?>>, memref<2x9x2x16xf64, strided<[?, ?, ?, 1], offset: ?>>) layout(bshd)
    outs(%o, %l : memref<2x7x4x16xf64>, memref<2x4x7xf64>)
  return
}

// CHECK-LABEL: func.func @thd
// CHECK: attn.attention {{.*}} layout(thd) cu_seqlens(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<?xi32>, tensor<?xi32>) outs(
func.func @thd(%q: tensor<?x4x16xf16>, %k: tensor<?x2x16xf16>, %cq: tensor<?xi32>, %ck: tensor<?xi32>, %o: tensor<?x4x16xf16>, %l: tensor<4x?xf32>) -> tensor<?x4x16xf16> {
  %r:2 = attn.attention ins(%q, %k, %k : tensor<?x4x16xf16>, tensor<?x2x16xf16>, tensor<?x2x16xf16>) layout(thd)
    cu_seqlens(%cq, %ck : tensor<?xi32>, tensor<?xi32>) outs(%o, %l : tensor<?x4x16xf16>, tensor<4x?xf32>) mask(#attn.window<7, 0>) -> tensor<?x4x16xf16>, tensor<4x?xf32>
  return %r#0 : tensor<?x4x16xf16>
}

// An empty batch and no keys are sizes like others.
// CHECK-LABEL: func.func @empty
// CHECK: attn.attention
func.func @empty(%q: tensor<0x4x3x16xf32>, %k: tensor<0x4x0x16xf32>, %o: tensor<0x4x3x16xf32>) -> tensor<0x4x3x16xf32> {
  %r = attn.attention ins(%q, %k, %k : tensor<0x4x3x16xf32>, tensor<0x4x0x16xf32>, tensor<0x4x0x16xf32>) outs(%o : tensor<0x4x3x16xf32>) -> tensor<0x4x3x16xf32>
  return %r : tensor<0x4x3x16xf32>
}
