// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @slice
// CHECK: attn.key_loop step(%{{[^ ,)]+}}) segments(full %{{[^ ,)]+}} to %{{[^ ,)]+}}, partial %{{[^ ,)]+}} to %{{[^ ,)]+}}) iter_args(%{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<64x128xf32>, f32) {
// CHECK-NEXT: ^bb0(%{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: tensor<64x128xf32>, %{{[^ ,)]+}}: f32):
// CHECK: } -> tensor<64x128xf32>, f32
func.func @slice(%step: index, %a: index, %b: index, %c: index, %t: tensor<64x128xf32>, %x: f32) -> tensor<64x128xf32> {
  %r:2 = attn.key_loop step(%step) segments(full %a to %b, partial %b to %c) iter_args(%t, %x : tensor<64x128xf32>, f32) {
  ^bb0(%k0: index, %size: index, %s: tensor<64x128xf32>, %y: f32):
    attn.yield %s, %y : tensor<64x128xf32>, f32
  } -> tensor<64x128xf32>, f32
  return %r#0 : tensor<64x128xf32>
}

// CHECK-LABEL: func.func @pages
// CHECK: attn.key_loop step(%{{[^ ,)]+}}) segments(partial %{{[^ ,)]+}} to %{{[^ ,)]+}}) source(pages) list(%{{[^ ,)]+}} : tensor<?xi32>) iter_args(%{{[^ ,)]+}} : f32) {
// CHECK-NEXT: ^bb0(%{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: index, %{{[^ ,)]+}}: f32):
// CHECK: } {page_size = 16 : i64} -> f32
func.func @pages(%step: index, %a: index, %b: index, %table: tensor<?xi32>, %x: f32) -> f32 {
  %r = attn.key_loop step(%step) segments(partial %a to %b) source(pages) list(%table : tensor<?xi32>) iter_args(%x : f32) {
  ^bb0(%k0: index, %size: index, %page: index, %y: f32):
    attn.yield %y : f32
  } {page_size = 16 : i64} -> f32
  return %r : f32
}

// CHECK-LABEL: func.func @tiles
// CHECK: attn.key_loop step(%{{[^ ,)]+}}) segments(partial %{{[^ ,)]+}} to %{{[^ ,)]+}}) source(tiles) list(%{{[^ ,)]+}} : memref<?xi32>) limit(%{{[^ ,)]+}}) {
func.func @tiles(%step: index, %a: index, %b: index, %list: memref<?xi32>) {
  attn.key_loop step(%step) segments(partial %a to %b) source(tiles) list(%list : memref<?xi32>) limit(%b) {
  ^bb0(%k0: index, %size: index):
    attn.yield
  }
  return
}
