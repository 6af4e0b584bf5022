// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-orient-tiles))'

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @no_max_rows(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  // expected-error @below {{'attn.key_loop' op expected one attn.online_attention, state that starts as linalg.fill and ends in one attn.finalize_state, and 'max_rows'}}
  %s:3 = attn.key_loop step(%step) segments(full %c0 to %n) iter_args(%acc0, %max0, %sum0 : !acc, !row, !row) {
  ^bb0(%j: index, %l: index, %x: !acc, %y: !row, %z: !row):
    %kt = tensor.extract_slice %k[%j, 0] [%l, 64] [1, 1] : tensor<?x64xbf16> to tensor<?x64xbf16>
    %vt = tensor.extract_slice %v[%j, 0] [%l, 32] [1, 1] : tensor<?x32xbf16> to tensor<?x32xbf16>
    %r:3 = attn.online_attention ins(%q, %kt, %vt : !qt, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%c0, %c0, %c0, %j)
      outs(%x, %y, %z : !acc, !row, !row)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } -> !acc, !row, !row
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

!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @no_fill(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc, %max0: !row) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  // expected-error @below {{'attn.key_loop' op expected one attn.online_attention, state that starts as linalg.fill and ends in one attn.finalize_state, and 'max_rows'}}
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

!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @no_finalize(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  // expected-error @below {{'attn.key_loop' op expected one attn.online_attention, state that starts as linalg.fill and ends in one attn.finalize_state, and 'max_rows'}}
  %s:3 = attn.key_loop step(%step) segments(full %c0 to %n) iter_args(%acc0, %max0, %sum0 : !acc, !row, !row) {
  ^bb0(%j: index, %l: index, %x: !acc, %y: !row, %z: !row):
    %kt = tensor.extract_slice %k[%j, 0] [%l, 64] [1, 1] : tensor<?x64xbf16> to tensor<?x64xbf16>
    %vt = tensor.extract_slice %v[%j, 0] [%l, 32] [1, 1] : tensor<?x32xbf16> to tensor<?x32xbf16>
    %r:3 = attn.online_attention ins(%q, %kt, %vt : !qt, tensor<?x64xbf16>, tensor<?x32xbf16>) positions(%c0, %c0, %c0, %j)
      outs(%x, %y, %z : !acc, !row, !row)
      {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = #gm, scale = 0.125 : f32} -> !acc, !row, !row
    attn.yield %r#0, %r#1, %r#2 : !acc, !row, !row
  } {max_rows = 64 : i64} -> !acc, !row, !row
  return %s#0 : !acc
}

// -----

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>
#gm = affine_map<(g, m) -> (g, m)>
#gme = affine_map<(g, m, e) -> (g, m, e)>

!qt = tensor<1x?x64xbf16>
!acc = tensor<1x?x32xf32>
!row = tensor<1x?xf32>
func.func @step(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %step: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  // expected-error @below {{'attn.key_loop' op expected a constant step, and row dimensions (head, query) with a static number of heads}}
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

!qt = tensor<?x?x64xbf16>
!acc = tensor<?x?x32xf32>
!row = tensor<?x?xf32>
func.func @heads(%q: !qt, %k: tensor<?x64xbf16>, %v: tensor<?x32xbf16>, %m: index, %n: index, %o: !acc) -> !acc {
  %c0 = arith.constant 0 : index
  %step = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %e0 = tensor.empty(%n, %m) : !acc
  %acc0 = linalg.fill ins(%zero : f32) outs(%e0 : !acc) -> !acc
  %e1 = tensor.empty(%n, %m) : !row
  %max0 = linalg.fill ins(%lowest : f32) outs(%e1 : !row) -> !row
  %sum0 = linalg.fill ins(%zero : f32) outs(%e1 : !row) -> !row
  // expected-error @below {{'attn.key_loop' op expected a constant step, and row dimensions (head, query) with a static number of heads}}
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
