// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @tensors
// CHECK: attn.pack_rows %{{[^ ,)]+}} into %{{[^ ,)]+}} {dest_map = #{{.*}}, row_map = #{{.*}}, source_map = #{{.*}}} : tensor<?x8x128xbf16> into tensor<?x128x64xf32> -> tensor<?x128x64xf32>
func.func @tensors(%q: tensor<?x8x128xbf16>, %p: tensor<?x128x64xf32>) -> tensor<?x128x64xf32> {
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (w mod 8, p * 8 + w floordiv 8)>, source_map = affine_map<(g, m, d) -> (m, g, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : tensor<?x8x128xbf16> into tensor<?x128x64xf32> -> tensor<?x128x64xf32>
  return %r : tensor<?x128x64xf32>
}

// CHECK-LABEL: func.func @memrefs
// CHECK: attn.pack_rows %{{[^ ,)]+}} into %{{[^ ,)]+}} {{{.*}}} : memref<1x?x128xf32> into memref<?x64x128xf32>
func.func @memrefs(%q: memref<1x?x128xf32>, %p: memref<?x64x128xf32>) {
  attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 64 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, w, d)>}
    : memref<1x?x128xf32> into memref<?x64x128xf32>
  return
}

// Pairs of elements side by side.
// CHECK-LABEL: func.func @pairs
// CHECK: attn.pack_rows {{.*}} : tensor<1x?x128xbf16> into tensor<?x64x128xbf16> -> tensor<?x64x128xbf16>
func.func @pairs(%q: tensor<1x?x128xbf16>, %p: tensor<?x64x128xbf16>) -> tensor<?x64x128xbf16> {
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 64 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d floordiv 2, w * 2 + d mod 2)>}
    : tensor<1x?x128xbf16> into tensor<?x64x128xbf16> -> tensor<?x64x128xbf16>
  return %r : tensor<?x64x128xbf16>
}
