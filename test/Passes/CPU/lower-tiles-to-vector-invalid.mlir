// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v3}))'

#q = affine_map<(p, w, n, d, e) -> (p, d, w)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!acc = tensor<?x64x16xf32>
!row = tensor<?x16xf32>
!kv = tensor<?x64xf32>
func.func @tensors(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected memrefs: bufferize first}}
  %r:3 = attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32} -> !acc, !row, !row
  return
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (e, n)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
!acc = memref<1x64x64xf32>
!row = memref<1x64xf32>
!kv = memref<64x64xf32>
func.func @maps(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected queries as lanes or rows of panels, and a bound of the keys (attn-orient-tiles)}}
  attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
  return
}

// -----

#q = affine_map<(p, w, n, d, e) -> (p, d, w)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!acc = memref<?x64x16xf32>
!row = memref<?x16xf32>
!kv = memref<?x64xf32>
func.func @max_keys(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected queries as lanes or rows of panels, and a bound of the keys (attn-orient-tiles)}}
  attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}

// -----

// Panels of another target.
#q = affine_map<(p, w, n, d, e) -> (p, d, w)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!acc = memref<?x64x12xf32>
!row = memref<?x12xf32>
!kv = memref<?x64xf32>
func.func @width(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected panels of a multiple of 8 lanes (attn-orient-tiles for the same target)}}
  attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}

// -----

#q = affine_map<(p, w, n, d, e) -> (p, w, d)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, w, e)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!acc = memref<1x16x64xf32>
!row = memref<1x16xf32>
!kv = memref<?x64xf32>
func.func @rows(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected one panel of a power of two of rows, at most 8 (attn-orient-tiles for the same target)}}
  attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}

// -----

#q = affine_map<(p, w, n, d, e) -> (p, w, d)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, w, e)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!acc = memref<?x4x64xf32>
!row = memref<?x4xf32>
!kv = memref<?x64xf32>
func.func @panels(%q: !acc, %k: !kv, %b: index, %acc: !acc, %max: !row, %sum: !row) {
  // expected-error @below {{'attn.online_attention' op expected one panel of a power of two of rows, at most 8 (attn-orient-tiles for the same target)}}
  attn.online_attention ins(%q, %k, %k : !acc, !kv, !kv) positions(%b, %b, %b, %b) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}

// -----

func.func @pack(%q: memref<1x?x64xf32>, %p: memref<?x64x12xf32>) {
  // expected-error @below {{'attn.pack_rows' op expected panels of rows, or of a multiple of 8 lanes (attn-orient-tiles for the same target)}}
  attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 12 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : memref<1x?x64xf32> into memref<?x64x12xf32>
  return
}

// -----

func.func @finalize(%acc: memref<?x64x12xf32>, %max: memref<?x12xf32>, %o: memref<1x?x64xf32>) {
  // expected-error @below {{'attn.finalize_state' op expected panels of rows, or of a multiple of 8 lanes (attn-orient-tiles for the same target)}}
  attn.finalize_state ins(%acc, %max, %max : memref<?x64x12xf32>, memref<?x12xf32>, memref<?x12xf32>) outs(%o : memref<1x?x64xf32>)
    {state_map = affine_map<(p, w, e) -> (p, e, w)>, row_map = affine_map<(p, w) -> (0, p * 12 + w)>, out_map = affine_map<(g, m, e) -> (g, m, e)>}
  return
}
