// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// Decode: one query a head, the heads of a group as one tile, the keys in chunks
// of 512 that are merged. The cut depends on the length of the sequence alone.

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// CHECK-LABEL: func.func @split_kv
// CHECK: scf.forall
// CHECK: attn.key_loop {{.*}} segments(full %{{.*}} to %{{.*}}) iter_args(
// CHECK: attn.online_attention
// CHECK: attn.finalize_state {{.*}} outs(%{{.*}}, %{{.*}} : tensor<4x1x64xf32>, tensor<4x1xf32>)
// CHECK: attn.merge_states ins(%{{.*}}, %{{.*}} : tensor<?x1x8x1x64xf32>, tensor<?x1x8x1xf32>) outs(%{{.*}} : tensor<1x8x1x64xf16>)
func.func @split_kv(%q: tensor<1x8x1x64xf16>, %k: tensor<1x2x?x64xf16>, %v: tensor<1x2x?x64xf16>, %init: tensor<1x8x1x64xf16>) -> tensor<1x8x1x64xf16> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %length = tensor.dim %k, %c2 : tensor<1x2x?x64xf16>
  %chunks = affine.apply affine_map<()[s] -> (s ceildiv 512)>()[%length]
  %last = affine.apply affine_map<()[s] -> (s - 1)>()[%length]
  %pinit = tensor.empty(%chunks) : tensor<?x1x8x1x64xf32>
  %plinit = tensor.empty(%chunks) : tensor<?x1x8x1xf32>
  %p:2 = scf.forall (%c, %hk) in (%chunks, 2) shared_outs(%parts = %pinit, %lses = %plinit) -> (tensor<?x1x8x1x64xf32>, tensor<?x1x8x1xf32>) {
    %lo = affine.apply affine_map<(c) -> (c * 512)>(%c)
    %hi = affine.min affine_map<(c)[s] -> (c * 512 + 512, s)>(%c)[%length]
    %h = affine.apply affine_map<(h) -> (h * 4)>(%hk)
    %qt = tensor.extract_slice %q[0, %h, 0, 0] [1, 4, 1, 64] [1, 1, 1, 1] : tensor<1x8x1x64xf16> to tensor<4x1x64xf16>
    %e0 = tensor.empty() : tensor<4x1x64xf32>
    %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<4x1x64xf32>) -> tensor<4x1x64xf32>
    %e1 = tensor.empty() : tensor<4x1xf32>
    %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
    %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<4x1xf32>) -> tensor<4x1xf32>
    %s:3 = attn.key_loop step(%c64) segments(full %lo to %hi) iter_args(%acc0, %max0, %sum0 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>) {
    ^bb0(%k0: index, %size: index, %acc: tensor<4x1x64xf32>, %max: tensor<4x1xf32>, %sum: tensor<4x1xf32>):
      %kt = tensor.extract_slice %k[0, %hk, %k0, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<1x2x?x64xf16> to tensor<?x64xf16>
      %vt = tensor.extract_slice %v[0, %hk, %k0, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<1x2x?x64xf16> to tensor<?x64xf16>
      %r:3 = attn.online_attention ins(%qt, %kt, %vt : tensor<4x1x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>) positions(%c0, %h, %last, %k0)
        outs(%acc, %max, %sum : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>) mask(#attn.causal)
        {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
      attn.yield %r#0, %r#1, %r#2 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
    } -> tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>
    %pt = tensor.extract_slice %parts[%c, 0, %h, 0, 0] [1, 1, 4, 1, 64] [1, 1, 1, 1, 1] : tensor<?x1x8x1x64xf32> to tensor<4x1x64xf32>
    %lt = tensor.extract_slice %lses[%c, 0, %h, 0] [1, 1, 4, 1] [1, 1, 1, 1] : tensor<?x1x8x1xf32> to tensor<4x1xf32>
    %f:2 = attn.finalize_state ins(%s#0, %s#1, %s#2 : tensor<4x1x64xf32>, tensor<4x1xf32>, tensor<4x1xf32>)
      outs(%pt, %lt : tensor<4x1x64xf32>, tensor<4x1xf32>)
      {state_map = #gme, row_map = #gm, out_map = #gme} -> tensor<4x1x64xf32>, tensor<4x1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %f#0 into %parts[%c, 0, %h, 0, 0] [1, 1, 4, 1, 64] [1, 1, 1, 1, 1] : tensor<4x1x64xf32> into tensor<?x1x8x1x64xf32>
      tensor.parallel_insert_slice %f#1 into %lses[%c, 0, %h, 0] [1, 1, 4, 1] [1, 1, 1, 1] : tensor<4x1xf32> into tensor<?x1x8x1xf32>
    }
  }
  %o = attn.merge_states ins(%p#0, %p#1 : tensor<?x1x8x1x64xf32>, tensor<?x1x8x1xf32>) outs(%init : tensor<1x8x1x64xf16>) -> tensor<1x8x1x64xf16>
  return %o : tensor<1x8x1x64xf16>
}
