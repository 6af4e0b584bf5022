// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// Rows by heads and positions, as tiling makes it.
#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
// CHECK-LABEL: func.func @tile
// CHECK: attn.online_attention ins(%{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<4x64x128xbf16>, tensor<?x128xbf16>, tensor<?x64xbf16>) positions(%{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}}) outs(%{{[^ ,)]+}}, %{{[^ ,)]+}}, %{{[^ ,)]+}} : tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) mask(#attn.causal) {indexing_maps = [{{.*}}], row_map = #{{.*}}, scale = 1.250000e-01 : f32}
func.func @tile(%q: tensor<4x64x128xbf16>, %k: tensor<?x128xbf16>, %v: tensor<?x64xbf16>, %b: index, %h: index, %i: index, %j: index, %acc: tensor<4x64x64xf32>, %max: tensor<4x64xf32>, %sum: tensor<4x64xf32>) -> tensor<4x64x64xf32> {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x64x128xbf16>, tensor<?x128xbf16>, tensor<?x64xbf16>) positions(%b, %h, %i, %j)
    outs(%acc, %max, %sum : tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) mask(#attn.causal)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 1.250000e-01 : f32} -> tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
  return %r#0 : tensor<4x64x64xf32>
}

// Queries as lanes: q and acc in panels, already widened, on memrefs.
#pq = affine_map<(p, w, n, d, e) -> (p, d, w)>
#pk = affine_map<(p, w, n, d, e) -> (n, d)>
#pv = affine_map<(p, w, n, d, e) -> (n, e)>
#pacc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#prow = affine_map<(p, w, n, d, e) -> (p, w)>
// CHECK-LABEL: func.func @panels
// CHECK: attn.online_attention {{.*}} score (%{{[^ ,)]+}} at #{{.*}} : memref<?x?xf16>) {
// CHECK: } {indexing_maps = [{{.*}}], row_map = #{{.*}}, scale = 1.250000e-01 : f32}
func.func @panels(%q: memref<?x128x16xf32>, %k: memref<?x128xbf16>, %v: memref<?x64xbf16>, %bias: memref<?x?xf16>, %b: index, %h: index, %i: index, %j: index, %acc: memref<?x64x16xf32>, %max: memref<?x16xf32>, %sum: memref<?x16xf32>) {
  attn.online_attention ins(%q, %k, %v : memref<?x128x16xf32>, memref<?x128xbf16>, memref<?x64xbf16>) positions(%b, %h, %i, %j)
    outs(%acc, %max, %sum : memref<?x64x16xf32>, memref<?x16xf32>, memref<?x16xf32>)
    score(%bias at affine_map<(b, h, i, j) -> (i, j)> : memref<?x?xf16>) {
    ^bb0(%x: f32, %e: f16, %rb: index, %rh: index, %ri: index, %rj: index):
      %w = arith.extf %e : f16 to f32
      %y = arith.addf %x, %w : f32
      attn.yield %y : f32
    } {indexing_maps = [#pq, #pk, #pv, #pacc, #prow, #prow], row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}
