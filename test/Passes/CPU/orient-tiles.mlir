// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-orient-tiles{target=x86-64-v3}))' | FileCheck %s

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// Many rows are lanes: panels of two vectors, packed once in front of the loop,
// with the state in the same form and nothing else of the loop changed. The
// workspaces have the static size of `max_rows`, of which the panels in use are
// a slice.
// CHECK-DAG: #[[LANES:.*]] = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1) -> (0, d0 * 16 + d1)>
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[PDW:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d1)>
// CHECK-DAG: #[[ND:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d3)>
// CHECK-DAG: #[[NE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d4)>
// CHECK-DAG: #[[PEW:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d1)>
// CHECK-DAG: #[[PW:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1)>
// CHECK-LABEL: func.func @lanes
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x?x64xbf16>, {{.*}}, %[[O:[a-z0-9]+]]: tensor<1x?x32xf32>)
// CHECK: %[[P:.*]] = arith.divui %{{.*}}, %{{.*}} : index
// CHECK: %[[A:.*]] = bufferization.alloc_tensor() : tensor<4x32x16xf32>
// CHECK: %[[ACC:.*]] = tensor.extract_slice %[[A]][0, 0, 0] [%[[P]], 32, 16]
// CHECK: bufferization.alloc_tensor() : tensor<4x16xf32>
// CHECK: %[[MAX:.*]] = linalg.fill {{.*}} -> tensor<?x16xf32>
// CHECK: bufferization.alloc_tensor() : tensor<4x16xf32>
// CHECK: %[[SUM:.*]] = linalg.fill {{.*}} -> tensor<?x16xf32>
// CHECK: %[[W:.*]] = bufferization.alloc_tensor() : tensor<4x64x16xf32>
// CHECK: %[[D:.*]] = tensor.extract_slice %[[W]]
// CHECK: %[[PACKED:.*]] = attn.pack_rows %[[Q]] into %[[D]] {dest_map = #[[LANES]], row_map = #[[ROWS]], source_map = #[[ID]]} : tensor<1x?x64xbf16> into tensor<?x64x16xf32>
// CHECK: %[[S:.*]]:3 = attn.key_loop {{.*}} iter_args(%[[ACC]], %[[MAX]], %[[SUM]] :
// CHECK: attn.online_attention ins(%[[PACKED]], {{.*}} {indexing_maps = [#[[PDW]], #[[ND]], #[[NE]], #[[PEW]], #[[PW]], #[[PW]]], max_keys = 16 : i64, row_map = #[[ROWS]],
// CHECK: attn.finalize_state ins(%[[S]]#0, %[[S]]#1, %[[S]]#2 : {{.*}}) outs(%[[O]] : {{.*}}) {out_map = #[[ID]], row_map = #[[ROWS]], state_map = #[[LANES]]}
!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @lanes(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  %s:3 = attn.key_loop step(%step) segments(full %c0 to %n) iter_args(%acc0, %max0, %sum0 : !acc, !row, !row) {
  ^bb0(%j: index, %l: index, %x: !acc, %y: !row, %z: !row):
    %kt = tensor.extract_slice %k[%j, 0] [%l, 64] [1, 1] : tensor<?x64xbf16> to tensor<?x64xbf16>
    %vt = tensor.extract_slice %v[%j, 0] [%l, 32] [1, 1] : tensor<?x32xbf16> to tensor<?x32xbf16>
    %r:3 = attn.online_attention ins(%q, %kt, %vt : !qt, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%c0, %c0, %c0, %j)
      outs(%x, %y, %z : !acc, !row, !row)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } {max_rows = 64 : i64} -> !acc, !row, !row
  %f = attn.finalize_state ins(%s#0, %s#1, %s#2 : !acc, !row, !row) outs(%o : !acc)
    {state_map = #gme, row_map = #gm, out_map = #gme} -> !acc
  return %f : !acc
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// Few rows stay rows, padded to a power of two.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1) -> (0, d0 * 4 + d1)>
// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[PWD:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>
// CHECK-DAG: #[[ND:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d3)>
// CHECK-DAG: #[[NE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d4)>
// CHECK-DAG: #[[PWE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>
// CHECK-LABEL: func.func @rows
// CHECK: %[[PACKED:.*]] = attn.pack_rows {{.*}} {dest_map = #[[ID]], row_map = #[[ROWS]], source_map = #[[ID]]} : tensor<1x?x64xbf16> into tensor<1x4x64xf32>
// CHECK: attn.online_attention ins(%[[PACKED]], {{.*}} {indexing_maps = [#[[PWD]], #[[ND]], #[[NE]], #[[PWE]],
// CHECK-SAME: -> tensor<1x4x32xf32>, tensor<1x4xf32>, tensor<1x4xf32>
!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @rows(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  %s:3 = attn.key_loop step(%step) segments(full %c0 to %n) iter_args(%acc0, %max0, %sum0 : !acc, !row, !row) {
  ^bb0(%j: index, %l: index, %x: !acc, %y: !row, %z: !row):
    %kt = tensor.extract_slice %k[%j, 0] [%l, 64] [1, 1] : tensor<?x64xbf16> to tensor<?x64xbf16>
    %vt = tensor.extract_slice %v[%j, 0] [%l, 32] [1, 1] : tensor<?x32xbf16> to tensor<?x32xbf16>
    %r:3 = attn.online_attention ins(%q, %kt, %vt : !qt, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%c0, %c0, %c0, %j)
      outs(%x, %y, %z : !acc, !row, !row)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } {max_rows = 3 : i64} -> !acc, !row, !row
  %f = attn.finalize_state ins(%s#0, %s#1, %s#2 : !acc, !row, !row) outs(%o : !acc)
    {state_map = #gme, row_map = #gm, out_map = #gme} -> !acc
  return %f : !acc
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

// The heads of a group come first within a panel: neighbours share a position.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1) -> (d1 mod 4, d0 * 4 + d1 floordiv 4)>
// CHECK-LABEL: func.func @group
// CHECK: attn.pack_rows {{.*}}row_map = #[[ROWS]]{{.*}} : tensor<4x?x64xbf16> into tensor<?x64x16xf32>
!qt = tensor<4x?x64xbf16>
!acc = tensor<4x?x32xf32>
!row = tensor<4x?xf32>
func.func @group(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  %s:3 = attn.key_loop step(%step) segments(full %c0 to %n) iter_args(%acc0, %max0, %sum0 : !acc, !row, !row) {
  ^bb0(%j: index, %l: index, %x: !acc, %y: !row, %z: !row):
    %kt = tensor.extract_slice %k[%j, 0] [%l, 64] [1, 1] : tensor<?x64xbf16> to tensor<?x64xbf16>
    %vt = tensor.extract_slice %v[%j, 0] [%l, 32] [1, 1] : tensor<?x32xbf16> to tensor<?x32xbf16>
    %r:3 = attn.online_attention ins(%q, %kt, %vt : !qt, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%c0, %c0, %c0, %j)
      outs(%x, %y, %z : !acc, !row, !row)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } {max_rows = 64 : i64} -> !acc, !row, !row
  %f = attn.finalize_state ins(%s#0, %s#1, %s#2 : !acc, !row, !row) outs(%o : !acc)
    {state_map = #gme, row_map = #gm, out_map = #gme} -> !acc
  return %f : !acc
}
