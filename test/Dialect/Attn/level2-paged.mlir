// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// Paged decode: the keys of sequence b are the pages that its row of the table
// names; the last page is partly used.

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// CHECK-LABEL: func.func @paged
// CHECK: attn.key_loop step(%{{.*}}) segments(full %{{.*}} to %{{.*}}) source(pages) list(%{{.*}} : tensor<?xi32>) iter_args(
// CHECK-NEXT: ^bb0(%[[K0:.*]]: index, %[[SIZE:.*]]: index, %[[PAGE:.*]]: index, %{{.*}}: tensor<4x1x64xf32>,
// CHECK: tensor.extract_slice %{{.*}}[%[[PAGE]], %{{.*}}, %{{.*}}, 0] [1, 1, %[[SIZE]], 64]
// CHECK: } {page_size = 16 : i64} -> tensor<4x1x64xf32>
func.func @paged(%q: tensor<?x8x1x64xf16>, %kpages: tensor<?x2x16x64xf16>, %vpages: tensor<?x2x16x64xf16>, %tables: tensor<?x?xi32>, %lens: tensor<?xi32>, %init: tensor<?x8x1x64xf16>) -> tensor<?x8x1x64xf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %batches = tensor.dim %q, %c0 : tensor<?x8x1x64xf16>
  %pages = tensor.dim %tables, %c1 : tensor<?x?xi32>
  %o = scf.forall (%b, %hk) in (%batches, 2) shared_outs(%out = %init) -> (tensor<?x8x1x64xf16>) {
    %table = tensor.extract_slice %tables[%b, 0] [1, %pages] [1, 1] : tensor<?x?xi32> to tensor<?xi32>
    %len = tensor.extract %lens[%b] : tensor<?xi32>
    %n = arith.index_cast %len : i32 to index
    %last = affine.apply affine_map<()[s] -> (s - 1)>()[%n]
    %h = affine.apply affine_map<(h) -> (h * 4)>(%hk)
    %qt = tensor.extract_slice %q[%b, %h, 0, 0] [1, 4, 1, 64] [1, 1, 1, 1] : tensor<?x8x1x64xf16> to tensor<4x1x64xf16>
    %e0 = tensor.empty() : tensor<4x1x64xf32>
    %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<4x1x64xf32>) -> tensor<4x1x64xf32>
    %e1 = tensor.empty() : tensor<4x1xf32>
    %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
    %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
    %s:3 = attn.key_loop step(%c16) segments(full %c0 to %n) source(pages) list(%table : tensor<?xi32>)
      iter_args(%acc0, %max0, %sum0 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>) {
    ^bb0(%k0: index, %size: index, %page: index, %acc: tensor<4x1x64xf32>, %max: tensor<4x1xf32>, %sum: tensor<4x1xf32>):
      %within = affine.apply affine_map<(k) -> (k mod 16)>(%k0)
      %kt = tensor.extract_slice %kpages[%page, %hk, %within, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<?x2x16x64xf16> to tensor<?x64xf16>
      %vt = tensor.extract_slice %vpages[%page, %hk, %within, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<?x2x16x64xf16> to tensor<?x64xf16>
      %r:3 = attn.online_attention ins(%qt, %kt, %vt : tensor<4x1x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>) positions(%b, %h, %last, %k0)
        outs(%acc, %max, %sum : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>) mask(#attn.causal)
        {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
      attn.yield %r#0, %r#1, %r#2 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
    } {page_size = 16 : i64} -> tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
    %ot = tensor.extract_slice %out[%b, %h, 0, 0] [1, 4, 1, 64] [1, 1, 1, 1] : tensor<?x8x1x64xf16> to tensor<4x1x64xf16>
    %f = attn.finalize_state ins(%s#0, %s#1, %s#2 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>) outs(%ot : tensor<4x1x64xf16>)
      {state_map = #gme, row_map = #gm, out_map = #gme} -> tensor<4x1x64xf16>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %f into %out[%b, %h, 0, 0] [1, 4, 1, 64] [1, 1, 1, 1] : tensor<4x1x64xf16> into tensor<?x8x1x64xf16>
    }
  }
  return %o : tensor<?x8x1x64xf16>
}
