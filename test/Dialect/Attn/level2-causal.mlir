// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// Causal attention as independent row tiles around one key loop: every pair of
// the keys before the tile is visible, the tile's own keys need the mask. The
// last tile has fewer rows.

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// CHECK-LABEL: func.func @causal
// CHECK: scf.forall
// CHECK: attn.key_loop step(%{{.*}}) segments(full %{{.*}} to %[[I0:.*]], partial %[[I0]] to %{{.*}}) iter_args(
// CHECK: attn.online_attention {{.*}} mask(#attn.causal)
// CHECK: attn.finalize_state
// CHECK: scf.forall.in_parallel
func.func @causal(%q: tensor<2x8x1000x64xbf16>, %k: tensor<2x2x1000x64xbf16>, %v: tensor<2x2x1000x32xbf16>, %init: tensor<2x8x1000x32xbf16>) -> tensor<2x8x1000x32xbf16> {
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %o = scf.forall (%b, %h, %t) in (2, 8, 16) shared_outs(%out = %init) -> (tensor<2x8x1000x32xbf16>) {
    %i0 = affine.apply affine_map<(t) -> (t * 64)>(%t)
    %rows = affine.min affine_map<(t) -> (64, 1000 - t * 64)>(%t)
    %hi = affine.apply affine_map<(i, r) -> (i + r)>(%i0, %rows)
    %hk = affine.apply affine_map<(h) -> (h floordiv 4)>(%h)
    %qt = tensor.extract_slice %q[%b, %h, %i0, 0] [1, 1, %rows, 64] [1, 1, 1, 1] : tensor<2x8x1000x64xbf16> to tensor<1x?x64xbf16>
    %e0 = tensor.empty(%rows) : tensor<1x?x32xf32>
    %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<1x?x32xf32>) -> tensor<1x?x32xf32>
    %e1 = tensor.empty(%rows) : tensor<1x?xf32>
    %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<1x?xf32>) -> tensor<1x?xf32>
    %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x?xf32>) -> tensor<1x?xf32>
    %s:3 = attn.key_loop step(%c128) segments(full %c0 to %i0, partial %i0 to %hi) iter_args(%acc0, %max0, %sum0 : tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>) {
    ^bb0(%k0: index, %size: index, %acc: tensor<1x?x32xf32>, %max: tensor<1x?xf32>, %sum: tensor<1x?xf32>):
      %kt = tensor.extract_slice %k[%b, %hk, %k0, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<2x2x1000x64xbf16> to tensor<?x64xbf16>
      %vt = tensor.extract_slice %v[%b, %hk, %k0, 0] [1, 1, %size, 32] [1, 1, 1, 1] : tensor<2x2x1000x32xbf16> to tensor<?x32xbf16>
      %r:3 = attn.online_attention ins(%qt, %kt, %vt : tensor<1x?x64xbf16>, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%b, %h, %i0, %k0)
        outs(%acc, %max, %sum : tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>) mask(#attn.causal)
        {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>
      attn.yield %r#0, %r#1, %r#2 : tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>
    } -> tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>
    %ot = tensor.extract_slice %out[%b, %h, %i0, 0] [1, 1, %rows, 32] [1, 1, 1, 1] : tensor<2x8x1000x32xbf16> to tensor<1x?x32xbf16>
    %f = attn.finalize_state ins(%s#0, %s#1, %s#2 : tensor<1x?x32xf32>, tensor<1x?xf32>, tensor<1x?xf32>) outs(%ot : tensor<1x?x32xbf16>)
      {state_map = #gme, row_map = #gm, out_map = #gme} -> tensor<1x?x32xbf16>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %f into %out[%b, %h, %i0, 0] [1, 1, %rows, 32] [1, 1, 1, 1] : tensor<1x?x32xbf16> into tensor<2x8x1000x32xbf16>
    }
  }
  return %o : tensor<2x8x1000x32xbf16>
}
