// RUN: attn-opt %s --verify-roundtrip | FileCheck %s

// A window of 1024 keys beside 4 sinks: a union of sets, whose key ranges are cut
// so that no key comes twice. The length is dynamic.
// A learned logit joins the denominator at the end.

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>
#mask = #attn.or<#attn.sink<4>, #attn.window<1023, 0>>

// CHECK-LABEL: func.func @sink_window
// CHECK: attn.key_loop step(%{{.*}}) segments(partial %{{.*}} to %[[S:.*]], partial %[[L:.*]] to %[[F:.*]], full %[[F]] to %[[G:.*]], partial %[[G]] to %{{.*}}) iter_args(
// CHECK: attn.online_attention {{.*}} mask(#attn.or<#attn.sink<4>, #attn.window<1023, 0>>)
// CHECK: attn.finalize_state {{.*}} sink(%{{.*}} : tensor<8xf32> at %{{.*}})
func.func @sink_window(%q: tensor<1x8x?x64xf32>, %k: tensor<1x8x?x64xf32>, %v: tensor<1x8x?x64xf32>, %sink: tensor<8xf32>, %init: tensor<1x8x?x64xf32>, %linit: tensor<1x8x?xf32>) -> (tensor<1x8x?x64xf32>, tensor<1x8x?xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %length = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %tiles = affine.apply affine_map<()[s] -> (s ceildiv 64)>()[%length]
  %o:2 = scf.forall (%h, %t) in (8, %tiles) shared_outs(%out = %init, %lout = %linit) -> (tensor<1x8x?x64xf32>, tensor<1x8x?xf32>) {
    %i0 = affine.apply affine_map<(t) -> (t * 64)>(%t)
    %rows = affine.min affine_map<(t)[s] -> (64, s - t * 64)>(%t)[%length]
    %end = affine.apply affine_map<(i, r) -> (i + r)>(%i0, %rows)
    // Keys of the sinks, of the window's left edge, in full view, of the diagonal.
    %sinks = affine.min affine_map<(e) -> (4, e)>(%end)
    %left = affine.max affine_map<(i) -> (4, i - 1023)>(%i0)
    %first = affine.max affine_map<(l, e) -> (l, e - 1024)>(%left, %end)
    %full = arith.minsi %first, %end : index
    %diagonal = affine.max affine_map<(f, i) -> (f, i)>(%full, %i0)
    %qt = tensor.extract_slice %q[0, %h, %i0, 0] [1, 1, %rows, 64] [1, 1, 1, 1] : tensor<1x8x?x64xf32> to tensor<1x?x64xf32>
    %e0 = tensor.empty(%rows) : tensor<1x?x64xf32>
    %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<1x?x64xf32>) -> tensor<1x?x64xf32>
    %e1 = tensor.empty(%rows) : tensor<1x?xf32>
    %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : tensor<1x?xf32>) -> tensor<1x?xf32>
    %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<1x?xf32>) -> tensor<1x?xf32>
    %s:3 = attn.key_loop step(%c64) segments(partial %c0 to %sinks, partial %left to %full, full %full to %diagonal, partial %diagonal to %end)
      iter_args(%acc0, %max0, %sum0 : tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>) {
    ^bb0(%k0: index, %size: index, %acc: tensor<1x?x64xf32>, %max: tensor<1x?xf32>, %sum: tensor<1x?xf32>):
      %kt = tensor.extract_slice %k[0, %h, %k0, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<1x8x?x64xf32> to tensor<?x64xf32>
      %vt = tensor.extract_slice %v[0, %h, %k0, 0] [1, 1, %size, 64] [1, 1, 1, 1] : tensor<1x8x?x64xf32> to tensor<?x64xf32>
      %r:3 = attn.online_attention ins(%qt, %kt, %vt : tensor<1x?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) positions(%c0, %h, %i0, %k0)
        outs(%acc, %max, %sum : tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>) mask(#mask)
        {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>
      attn.yield %r#0, %r#1, %r#2 : tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>
    } -> tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>
    %ot = tensor.extract_slice %out[0, %h, %i0, 0] [1, 1, %rows, 64] [1, 1, 1, 1] : tensor<1x8x?x64xf32> to tensor<1x?x64xf32>
    %lt = tensor.extract_slice %lout[0, %h, %i0] [1, 1, %rows] [1, 1, 1] : tensor<1x8x?xf32> to tensor<1x?xf32>
    %f:2 = attn.finalize_state ins(%s#0, %s#1, %s#2 : tensor<1x?x64xf32>, tensor<1x?xf32>, tensor<1x?xf32>) sink(%sink : tensor<8xf32> at %h)
      outs(%ot, %lt : tensor<1x?x64xf32>, tensor<1x?xf32>)
      {state_map = #gme, row_map = #gm, out_map = #gme} -> tensor<1x?x64xf32>, tensor<1x?xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %f#0 into %out[0, %h, %i0, 0] [1, 1, %rows, 64] [1, 1, 1, 1] : tensor<1x?x64xf32> into tensor<1x8x?x64xf32>
      tensor.parallel_insert_slice %f#1 into %lout[0, %h, %i0] [1, 1, %rows] [1, 1, 1] : tensor<1x?xf32> into tensor<1x8x?xf32>
    }
  }
  return %o#0, %o#1 : tensor<1x8x?x64xf32>, tensor<1x8x?xf32>
}
