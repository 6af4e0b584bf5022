// RUN: attn-opt %s -split-input-file -verify-diagnostics

// One test or more for each labelled constraint of the dialect;
// labels.py checks that none is missing.

func.func @attention_c1(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x16xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'q' and 'k' to have the same head size, but got 32 and 16 [attention_c1]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x9x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'k' and 'v' to have equal batch, heads and length, but dimension 2 is 8 and 9 [attention_c2]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x9x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<1x4x8x32xf32>, %k: tensor<1x3x8x32xf32>, %v: tensor<1x3x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the heads of 'q' to be a multiple of those of 'k', but got 4 and 3 [attention_c3]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x3x8x32xf32>, tensor<1x3x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c3__none(%q: tensor<1x4x8x32xf32>, %k: tensor<1x0x8x32xf32>, %v: tensor<1x0x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the heads of 'q' to be a multiple of those of 'k', but got 4 and 0 [attention_c3]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x0x8x32xf32>, tensor<1x0x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x16xf32>) {
  // expected-error @below {{expected dimension 3 of 'out' to be 32, but got 16 [attention_c4]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x16xf32>) -> tensor<1x4x8x16xf32>
  return
}

// -----

func.func @attention_c4__three(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected one or two destinations, 'out' and 'lse', but got 3 [attention_c4]}}
  %r:3 = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o, %o, %o : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %l: tensor<1x8x4xf32>) {
  // expected-error @below {{expected 'lse' to have the shape of the rows of 'q', heads before positions, but got 'tensor<1x8x4xf32>' [attention_c5]}}
  %r:2 = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o, %l : tensor<1x4x8x32xf32>, tensor<1x8x4xf32>) -> tensor<1x4x8x32xf32>, tensor<1x8x4xf32>
  return
}

// -----

func.func @attention_c6(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'v' to have rank 4, but got 3 [attention_c6]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c6__thd(%q: tensor<8x4x32xf32>, %k: tensor<8x2x32xf32>, %v: tensor<8x2x32xf32>, %o: tensor<8x4x32xf32>) {
  // expected-error @below {{expected 'cu_seqlens' with layout thd, and with no other [attention_c6]}}
  %r = attn.attention ins(%q, %k, %v : tensor<8x4x32xf32>, tensor<8x2x32xf32>, tensor<8x2x32xf32>) layout(thd) outs(%o : tensor<8x4x32xf32>) -> tensor<8x4x32xf32>
  return
}

// -----

func.func @attention_c6__lengths(%q: tensor<8x4x32xf32>, %k: tensor<8x2x32xf32>, %v: tensor<8x2x32xf32>, %o: tensor<8x4x32xf32>, %cq: tensor<3xi32>, %ck: tensor<4xi32>) {
  // expected-error @below {{expected 'cu_seqlens' of q and k to have equal lengths, but got 3 and 4 [attention_c6]}}
  %r = attn.attention ins(%q, %k, %v : tensor<8x4x32xf32>, tensor<8x2x32xf32>, tensor<8x2x32xf32>) layout(thd) cu_seqlens(%cq, %ck : tensor<3xi32>, tensor<4xi32>) outs(%o : tensor<8x4x32xf32>) -> tensor<8x4x32xf32>
  return
}

// -----

func.func @attention_c7(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %lens: tensor<2xi32>) {
  // expected-error @below {{expected 'kv_lens' to have one entry a sequence, and not with layout thd [attention_c7]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) kv_lens(%lens : tensor<2xi32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c8(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %s: tensor<2xf32>) {
  // expected-error @below {{expected 'sink' to have 4 entries, one a query head, but got 2 [attention_c8]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) sink(%s : tensor<2xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c9(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the score region to take ('f32', 'index', 'index', 'index', 'index') [attention_c9]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score {
  ^bb0(%x: f64, %b: index, %h: index, %i: index, %j: index):
    attn.yield %x : f64
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c9__yield(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the score region to yield one 'f32' [attention_c9]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    attn.yield %b : index
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c9__blocks(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected a score region of one block [attention_c9]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    cf.br ^bb1
  ^bb1:
    attn.yield %x : f32
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c10(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %m: memref<1x4x8x32xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [attention_c10]}}
  attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%m : memref<1x4x8x32xf32>)
  return
}

// -----

func.func @attention_c10__results(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %m: memref<1x4x8x32xf32>) {
  // expected-error @below {{expected 1 results, one a destination tensor, but got 0 [attention_c10]}}
  attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>)
  return
}

// -----

func.func @attention_c11(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf16>, %v: tensor<1x2x8x32xf16>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'q', 'k' and 'v' to have one element type, but got 'f32', 'f16' and 'f16' [attention_c11]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf16>, tensor<1x2x8x32xf16>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c11__lse(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %l: tensor<1x4x8xf64>) {
  // expected-error @below {{expected 'lse' to have element type 'f32', but got 'f64' [attention_c11]}}
  %r:2 = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o, %l : tensor<1x4x8x32xf32>, tensor<1x4x8xf64>) -> tensor<1x4x8x32xf32>, tensor<1x4x8xf64>
  return
}

// -----

func.func @attention_c11__sink(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %s: tensor<4xf64>) {
  // expected-error @below {{expected 'sink' to have element type 'f32', but got 'f64' [attention_c11]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) sink(%s : tensor<4xf64>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c12(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %c: tensor<4x8xf32>) {
  // expected-error @below {{expected the map of a captured operand to send (b, h, i, j) to its 2 dimensions, but got affine_map<(d0, d1, d2, d3) -> (d1)> [attention_c12]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score (%c at affine_map<(b, h, i, j) -> (h)> : tensor<4x8xf32>) {
  ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
    attn.yield %x : f32
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c13(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected the score region to read tensors and memrefs as captured operands only [attention_c13]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %e = tensor.extract %c[%h] : tensor<4xf32>
    attn.yield %e : f32
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c13__effect(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the score region to be free of side effects, but got 'memref.alloc' [attention_c13]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) score {
  ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
    %e = memref.alloc() : memref<4xf32>
    attn.yield %x : f32
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c14(%q: tensor<1x4x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'q' and 'k' to have the same batch size, but got 1 and 2 [attention_c14]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @merge_states_c1(%p: tensor<4x8x16xf32>, %s: tensor<4x9xf32>, %o: tensor<8x16xf32>) {
  // expected-error @below {{expected 'part_lse' to have the shape of 'parts' without its last dimension [merge_states_c1]}}
  %r = attn.merge_states ins(%p, %s : tensor<4x8x16xf32>, tensor<4x9xf32>) outs(%o : tensor<8x16xf32>) -> tensor<8x16xf32>
  return
}

// -----

func.func @merge_states_c2(%p: tensor<4x8x16xf32>, %s: tensor<4x8xf32>, %o: tensor<8x17xf32>) {
  // expected-error @below {{expected 'out' to have the shape of 'parts' without its first dimension [merge_states_c2]}}
  %r = attn.merge_states ins(%p, %s : tensor<4x8x16xf32>, tensor<4x8xf32>) outs(%o : tensor<8x17xf32>) -> tensor<8x17xf32>
  return
}

// -----

func.func @merge_states_c3(%p: tensor<4x8x16xf32>, %s: tensor<4x8xf32>, %o: tensor<8x16xf32>, %l: tensor<9xf32>) {
  // expected-error @below {{expected 'lse' to have the shape of 'out' without its last dimension [merge_states_c3]}}
  %r:2 = attn.merge_states ins(%p, %s : tensor<4x8x16xf32>, tensor<4x8xf32>) outs(%o, %l : tensor<8x16xf32>, tensor<9xf32>) -> tensor<8x16xf32>, tensor<9xf32>
  return
}

// -----

func.func @merge_states_c4(%p: tensor<4x8x16xf32>, %s: tensor<4x8xf32>, %o: memref<8x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [merge_states_c4]}}
  attn.merge_states ins(%p, %s : tensor<4x8x16xf32>, tensor<4x8xf32>) outs(%o : memref<8x16xf32>)
  return
}

// -----

func.func @merge_states_c5(%p: memref<4x8x16xf32>, %s: memref<4x8xf32>, %o: memref<8x16xf32>, %sink: memref<2xf32>) {
  // expected-error @below {{expected 'sink' and 'head' together [merge_states_c5]}}
  "attn.merge_states"(%p, %s, %sink, %o) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 1>}> : (memref<4x8x16xf32>, memref<4x8xf32>, memref<2xf32>, memref<8x16xf32>) -> ()
  return
}

// -----

func.func @key_loop_c1(%i: index) {
  // expected-error @below {{expected as many segment kinds as lower and upper bounds [key_loop_c1]}}
  "attn.key_loop"(%i, %i, %i) <{kinds = array<i32: 0, 1>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>}> ({
  ^bb0(%k0: index, %size: index):
    attn.yield
  }) : (index, index, index) -> ()
  return
}

// -----

func.func @key_loop_c2(%i: index, %x: f32) {
  // expected-error @below {{expected a body that takes ('index', 'index', 'f32') and yields the carried types, which are those of the results [key_loop_c2]}}
  %r = attn.key_loop step(%i) segments(full %i to %i) iter_args(%x : f32) {
  ^bb0(%k0: index, %size: index):
    attn.yield %x : f32
  } -> f32
  return
}

// -----

func.func @key_loop_c2__yield(%i: index, %x: f32) {
  // expected-error @below {{expected a body that takes ('index', 'index', 'f32') and yields the carried types, which are those of the results [key_loop_c2]}}
  %r = attn.key_loop step(%i) segments(full %i to %i) iter_args(%x : f32) {
  ^bb0(%k0: index, %size: index, %y: f32):
    attn.yield %k0 : index
  } -> f32
  return
}

// -----

func.func @key_loop_c3(%i: index) {
  // expected-error @below {{expected 'list' with source pages or tiles, and not with slice [key_loop_c3]}}
  attn.key_loop step(%i) segments(full %i to %i) source(tiles) {
  ^bb0(%k0: index, %size: index):
    attn.yield
  }
  return
}

// -----

func.func @key_loop_c4(%i: index, %t: tensor<?xi32>) {
  // expected-error @below {{expected a positive 'page_size' with source pages, and with no other [key_loop_c4]}}
  attn.key_loop step(%i) segments(full %i to %i) source(pages) list(%t : tensor<?xi32>) {
  ^bb0(%k0: index, %size: index, %page: index):
    attn.yield
  }
  return
}

// -----

func.func @key_loop_c5(%i: index, %t: tensor<?xi32>) {
  // expected-error @below {{expected 'limit' with source tiles, and with no other [key_loop_c5]}}
  attn.key_loop step(%i) segments(full %i to %i) source(tiles) list(%t : tensor<?xi32>) {
  ^bb0(%k0: index, %size: index):
    attn.yield
  }
  return
}

// -----

func.func @online_attention_c1(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected six indexing maps, but got 5 [online_attention_c1]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c1__permutation(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected indexing map 1 to be a projected permutation of one iteration space for rank 2, but got affine_map<(d0, d1, d2, d3, d4) -> (d2 + 1, d3)> [online_attention_c1]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n + 1, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c2(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected row dimensions (in q, acc, max and sum), and one dimension each of n (k and v), d (q and k) and e (v and acc) [online_attention_c2]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (d, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c3(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<9x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected equal sizes along iterator 2, but got 8 and 9 [online_attention_c3]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<9x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c3__pairs(%q: tensor<4x16x4xbf16>, %k: tensor<8x30xbf16>, %v: tensor<8x16xbf16>, %i: index, %a: tensor<4x16x2xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected equal sizes along iterator 3, but got 32 and 30 [online_attention_c3]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x16x4xbf16>, tensor<8x30xbf16>, tensor<8x16xbf16>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x16x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(p, w, n, d, e) -> (p, d floordiv 2, w * 2 + d mod 2)>, affine_map<(p, w, n, d, e) -> (n, d)>, affine_map<(p, w, n, d, e) -> (n, e)>, affine_map<(p, w, n, d, e) -> (p, e, w)>, affine_map<(p, w, n, d, e) -> (p, w)>, affine_map<(p, w, n, d, e) -> (p, w)>],
     row_map = affine_map<(p, w) -> (0, p * 2 + w)>, scale = 1.0 : f32} -> tensor<4x16x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c4(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected 'row_map' to send 2 row dimensions to (head, query) offsets, but got affine_map<(d0) -> (d0, d0)> [online_attention_c4]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g) -> (g, g)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c5(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: memref<4x2x16xf32>, %mx: memref<4x2xf32>, %s: memref<4x2xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [online_attention_c5]}}
  attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : memref<4x2x16xf32>, memref<4x2xf32>, memref<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32}
  return
}

// -----

func.func @online_attention_c6(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf16>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected one element type for 'q', 'k' and 'v' and one for the state [online_attention_c6]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf16>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c6__state(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf64>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected one element type for 'q', 'k' and 'v' and one for the state [online_attention_c6]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf64>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf64>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c10(%q: tensor<4x2x32xf16>, %k: tensor<8x32xf16>, %v: tensor<8x16xf16>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected operands of f32 with 'tf32', but got 'f16' [online_attention_c10]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf16>, tensor<8x32xf16>, tensor<8x16xf16>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32, tf32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c7(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected the score region to yield one 'f32' [online_attention_c7]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    score {
  ^bb0(%y: f32, %b: index, %h: index, %p: index, %j: index):
    attn.yield %b : index
  }
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c7__captured(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected the map of a captured operand to send (b, h, i, j) to its 1 dimensions, but got affine_map<(d0, d1, d2, d3) -> (d0, d1)> [online_attention_c7]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    score (%c at affine_map<(b, h, i, j) -> (b, h)> : tensor<4xf32>) {
  ^bb0(%y: f32, %e: f32, %b: index, %h: index, %p: index, %j: index):
    attn.yield %y : f32
  }
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @online_attention_c7__pure(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected the score region to read tensors and memrefs as captured operands only [online_attention_c7]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    score {
  ^bb0(%y: f32, %b: index, %h: index, %p: index, %j: index):
    %e = tensor.extract %mx[%h, %b] : tensor<4x2xf32>
    attn.yield %e : f32
  }
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @pack_rows_c1(%q: tensor<1x8x32xf32>, %p: tensor<2x32x4xf32>) {
  // expected-error @below {{expected 'row_map' to be (p, w) -> (g, m), and 'source_map' and 'dest_map' to permute the dimensions of operands of rank 3 [pack_rows_c1]}}
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : tensor<1x8x32xf32> into tensor<2x32x4xf32> -> tensor<2x32x4xf32>
  return
}

// -----

func.func @pack_rows_c1__source(%q: tensor<1x8x32xf32>, %p: tensor<2x32x4xf32>) {
  // expected-error @below {{expected 'row_map' to be (p, w) -> (g, m), and 'source_map' and 'dest_map' to permute the dimensions of operands of rank 3 [pack_rows_c1]}}
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 4 + w)>, source_map = affine_map<(g, m, d) -> (g, m)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : tensor<1x8x32xf32> into tensor<2x32x4xf32> -> tensor<2x32x4xf32>
  return
}

// -----

func.func @pack_rows_c2(%q: tensor<1x8x32xf32>, %p: memref<2x32x4xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [pack_rows_c2]}}
  attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 4 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : tensor<1x8x32xf32> into memref<2x32x4xf32>
  return
}

// -----

func.func @pack_rows_c1__pairs(%q: tensor<1x8x32xbf16>, %p: tensor<2x16x8xbf16>) {
  // expected-error @below {{expected 'row_map' to be (p, w) -> (g, m), and 'source_map' and 'dest_map' to permute the dimensions of operands of rank 3 [pack_rows_c1]}}
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 4 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d floordiv 2, w * 2 + d mod 4)>}
    : tensor<1x8x32xbf16> into tensor<2x16x8xbf16> -> tensor<2x16x8xbf16>
  return
}

// -----

func.func @pack_rows_c3__pairs(%q: tensor<1x8x32xbf16>, %p: tensor<2x32x8xbf16>) {
  // expected-error @below {{expected 'source' and 'dest' to have equal head sizes, but got 32 and 64 [pack_rows_c3]}}
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 4 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d floordiv 2, w * 2 + d mod 2)>}
    : tensor<1x8x32xbf16> into tensor<2x32x8xbf16> -> tensor<2x32x8xbf16>
  return
}

// -----

func.func @pack_rows_c3(%q: tensor<1x8x32xf32>, %p: tensor<2x16x4xf32>) {
  // expected-error @below {{expected 'source' and 'dest' to have equal head sizes, but got 32 and 16 [pack_rows_c3]}}
  %r = attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 4 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : tensor<1x8x32xf32> into tensor<2x16x4xf32> -> tensor<2x16x4xf32>
  return
}

// -----

func.func @finalize_state_c1(%a: tensor<4x8x16xf32>, %m: tensor<4x8xf32>, %s: tensor<4x8xf32>, %o: tensor<4x8x16xf32>) {
  // expected-error @below {{expected 'state_map', 'row_map' and 'out_map' to fit 2 row dimensions and an output of rank 3 [finalize_state_c1]}}
  %r = attn.finalize_state ins(%a, %m, %s : tensor<4x8x16xf32>, tensor<4x8xf32>, tensor<4x8xf32>) outs(%o : tensor<4x8x16xf32>)
    {state_map = affine_map<(g, m, e) -> (g, m, e)>, row_map = affine_map<(g) -> (g, g)>, out_map = affine_map<(g, m, e) -> (g, m, e)>} -> tensor<4x8x16xf32>
  return
}

// -----

func.func @finalize_state_c2(%a: tensor<4x8x16xf32>, %m: tensor<4x8xf32>, %s: tensor<4x8xf32>, %o: memref<4x8x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [finalize_state_c2]}}
  attn.finalize_state ins(%a, %m, %s : tensor<4x8x16xf32>, tensor<4x8xf32>, tensor<4x8xf32>) outs(%o : memref<4x8x16xf32>)
    {state_map = affine_map<(g, m, e) -> (g, m, e)>, row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>}
  return
}

// -----

func.func @finalize_state_c3(%a: tensor<4x8x16xf32>, %m: tensor<4x8xf32>, %s: tensor<4x8xf32>, %o: tensor<4x8x17xf32>) {
  // expected-error @below {{expected 'acc' and 'out' to have equal head sizes, but got 16 and 17 [finalize_state_c3]}}
  %r = attn.finalize_state ins(%a, %m, %s : tensor<4x8x16xf32>, tensor<4x8xf32>, tensor<4x8xf32>) outs(%o : tensor<4x8x17xf32>)
    {state_map = affine_map<(g, m, e) -> (g, m, e)>, row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>} -> tensor<4x8x17xf32>
  return
}

// -----

func.func @finalize_state_c4(%a: tensor<4x8x16xf32>, %m: tensor<4x8xf32>, %s: tensor<4x9xf32>, %o: tensor<4x8x16xf32>) {
  // expected-error @below {{expected 'max' and 'sum' of one shape and type, with the rows of 'acc', and 'lse' of rank 2 [finalize_state_c4]}}
  %r = attn.finalize_state ins(%a, %m, %s : tensor<4x8x16xf32>, tensor<4x8xf32>, tensor<4x9xf32>) outs(%o : tensor<4x8x16xf32>)
    {state_map = affine_map<(g, m, e) -> (g, m, e)>, row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>} -> tensor<4x8x16xf32>
  return
}

// -----

func.func @finalize_state_c5(%a: memref<4x8x16xf32>, %m: memref<4x8xf32>, %o: memref<4x8x16xf32>, %sink: memref<4xf32>) {
  // expected-error @below {{expected 'sink' and 'head' together [finalize_state_c5]}}
  "attn.finalize_state"(%a, %m, %m, %sink, %o) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 1>,
    state_map = affine_map<(g, m, e) -> (g, m, e)>, row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>}>
    : (memref<4x8x16xf32>, memref<4x8xf32>, memref<4x8xf32>, memref<4xf32>, memref<4x8x16xf32>) -> ()
  return
}

// -----

// expected-error @below {{expected the sides of a window to be -1 (unbounded) or more, but got -2 and 0}}
#window = #attn.window<-2, 0>

// -----

// expected-error @below {{expected a sink of 0 or more keys, but got -1}}
#sink = #attn.sink<-1>

// -----

// expected-error @below {{expected a mask, but got 3 : i32}}
#union = #attn.or<#attn.causal, 3 : i32>

// -----

func.func @attention_c15(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %c: tensor<8xi32>) {
  // expected-error @below {{expected the mask region to take ('i32', 'index', 'index', 'index', 'index') [attention_c15]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask(%c at affine_map<(b, h, i, j) -> (i)> : tensor<8xi32>) {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %t = arith.constant true
    attn.yield %t : i1
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c15__yield(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected the mask region to yield one 'i1' [attention_c15]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    attn.yield %i : index
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c16(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %c: tensor<8xi32>) {
  // expected-error @below {{expected the map of a captured operand to send (b, h, i, j) to its 1 dimensions, but got affine_map<(d0, d1, d2, d3) -> (d1, d2)> [attention_c16]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask(%c at affine_map<(b, h, i, j) -> (h, i)> : tensor<8xi32>) {
  ^bb0(%e: i32, %b: index, %h: index, %i: index, %j: index):
    %t = arith.constant true
    attn.yield %t : i1
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c16__ascending(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected one mark 'ascending' a captured operand of the mask region, or none, but got 1 for 0 [attention_c16]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %t = arith.constant true
    attn.yield %t : i1
  } {mask_ascending = array<i1: true>} -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c17(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>, %c: tensor<8xi1>) {
  // expected-error @below {{expected the mask region to read tensors and memrefs as captured operands only [attention_c17]}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %t = tensor.extract %c[%j] : tensor<8xi1>
    attn.yield %t : i1
  } -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @online_attention_c8(%q: tensor<4x2x32xf32>, %k: tensor<8x32xf32>, %v: tensor<8x16xf32>, %i: index, %a: tensor<4x2x16xf32>, %mx: tensor<4x2xf32>, %s: tensor<4x2xf32>) {
  // expected-error @below {{expected the mask region to yield one 'i1' [online_attention_c8]}}
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x2x32xf32>, tensor<8x32xf32>, tensor<8x16xf32>) positions(%i, %i, %i, %i)
    outs(%a, %mx, %s : tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>)
    mask {
  ^bb0(%b: index, %h: index, %p: index, %j: index):
    attn.yield %b : index
  }
    {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>, affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>, affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
     row_map = affine_map<(g, m) -> (g, m)>, scale = 1.0 : f32} -> tensor<4x2x16xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @mask_attribute(%q: tensor<1x4x8x32xf32>, %k: tensor<1x2x8x32xf32>, %v: tensor<1x2x8x32xf32>, %o: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected a mask, but got 1 : i64}}
  %r = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>) outs(%o : tensor<1x4x8x32xf32>) mask(1) -> tensor<1x4x8x32xf32>
  return
}

// -----

// expected-error @below {{expected a dilation of 1 or more, but got 0}}
#dilated = #attn.dilated<0>

// -----

// expected-error @below {{expected a chunk size of 1 or more, but got 0}}
#chunk = #attn.chunk<0>

// -----

// expected-error @below {{expected a set of points (b, h, q, k) with a constraint or more, but got affine_map<(d0, d1) -> (d0 - d1)> [set_c1]}}
#pairs = #attn.set<affine_map<(q, k) -> (q - k)>>

// -----

// expected-error @below {{expected constraints without products of dimensions and symbols, and quotients by positive constants, but got affine_map<(d0, d1, d2, d3)[s0] -> (d2 * s0 - d3)> [set_c2]}}
#product = #attn.set<affine_map<(b, h, q, k)[s] -> (q * s - k)>>

// -----

// expected-error @below {{expected an affine map or the name of an affine set, but got 4 : i64}}
#number = #attn.set<4>

// -----

#near = #attn.set<affine_map<(b, h, q, k)[l] -> (k - q + l)>>
func.func @symbols(%q: tensor<1x4x8x32xf32>, %l: index) {
  // expected-error @below {{expected 1 symbols of #attn.set<affine_map<(d0, d1, d2, d3)[s0] -> (d3 - d2 + s0)>>, but got 0}}
  %r = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#attn.causal and #near) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c18(%q: tensor<1x4x8x32xf32>, %l: index) {
  // expected-error @below {{expected an operand for each of the 0 symbols of the mask, but got 1 [attention_c18]}}
  %r = "attn.attention"(%q, %q, %q, %l, %q) <{mask = #attn.causal, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1>}> ({}, {})
    : (tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, index, tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @online_attention_c9(%q: tensor<1x64x128xf32>, %k: tensor<?x128xf32>, %i: index, %acc: tensor<1x64x128xf32>, %max: tensor<1x64xf32>) {
  // expected-error @below {{expected an operand for each of the 0 symbols of the mask, but got 1 [online_attention_c9]}}
  %r:3 = "attn.online_attention"(%q, %k, %k, %i, %i, %i, %i, %i, %acc, %max, %max) <{
      indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>,
                       affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>,
                       affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1>,
      row_map = affine_map<(g, m) -> (g, m)>, scale = 8.8e-02 : f32}> ({}, {})
    : (tensor<1x64x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>, index, index, index, index, index, tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>)
    -> (tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>)
  return
}

// -----

func.func @block_summary_c1(%x: tensor<8xf32>) -> tensor<2x2xf32> {
  // expected-error @below {{expected a dimension of 'tensor<8xf32>', but got 1 [block_summary_c1]}}
  %r = attn.block_summary %x dim(1) block(4) : tensor<8xf32> -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// -----

func.func @block_summary_c2(%x: tensor<8xf32>) -> tensor<2x2xf32> {
  // expected-error @below {{expected a block of 1 or more, but got 0 [block_summary_c2]}}
  %r = attn.block_summary %x dim(0) block(0) : tensor<8xf32> -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// -----

func.func @block_summary_c3(%x: tensor<9x3xi32>) -> tensor<2x3x2xi32> {
  // expected-error @below {{expected a result of 'tensor<3x3x2xi32>', but got 'tensor<2x3x2xi32>' [block_summary_c3]}}
  %r = attn.block_summary %x dim(0) block(4) : tensor<9x3xi32> -> tensor<2x3x2xi32>
  return %r : tensor<2x3x2xi32>
}

// -----

func.func @blocks_without_lists(%q: tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32> {
  // expected-error @below {{expected '('}}
  %r = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#attn.blocks<4>) -> tensor<1x4x8x32xf32>
  return %r : tensor<1x4x8x32xf32>
}

// -----

func.func @blocks_unknown_number(%q: tensor<1x4x8x32xf32>, %l: tensor<2x?xi32>) -> tensor<1x4x8x32xf32> {
  // expected-error @below {{expected lists of blocks as integers, a known number for each block of queries, but got 'tensor<2x?xi32>'}}
  %r = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#attn.blocks<4>(%l : tensor<2x?xi32>)) -> tensor<1x4x8x32xf32>
  return %r : tensor<1x4x8x32xf32>
}

// -----

func.func @blocks_beside_a_region(%q: tensor<1x4x8x32xf32>, %l: tensor<2x1xi32>) -> tensor<1x4x8x32xf32> {
  // expected-error @below {{expected no region beside lists of blocks, which are one}}
  %r = attn.attention ins(%q, %q, %q : tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32>) outs(%q : tensor<1x4x8x32xf32>) mask(#attn.blocks<4>(%l : tensor<2x1xi32>)) and {
  ^bb0(%b: index, %h: index, %i: index, %j: index):
    %true = arith.constant true
    attn.yield %true : i1
  } -> tensor<1x4x8x32xf32>
  return %r : tensor<1x4x8x32xf32>
}

// -----

func.func @rope_c1(%x: tensor<1x4x8x32xf32>, %o: tensor<1x4x8x16xf32>) {
  // expected-error @below {{expected 'x' and 'out' to have one shape of rank 4, but got 'tensor<1x4x8x32xf32>' and 'tensor<1x4x8x16xf32>' [rope_c1]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%o : tensor<1x4x8x16xf32>) -> tensor<1x4x8x16xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected an even number of rotary elements from 2 to the head size, but got 34 [rope_c2]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>) {rotary = 34 : i64} -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<1x4x8x32xf32>, %p: tensor<1x8xi32>, %o: index) {
  // expected-error @below {{expected 'positions' of one entry a token, with layout thd, and not beside 'offset' [rope_c3]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) positions(%p : tensor<1x8xi32>) offset(%o) outs(%x : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c4(%x: tensor<1x4x8x32xf32>, %c: tensor<?x8xf32>) {
  // expected-error @below {{expected 'tables' of a row of R / 2 elements for each position, without scaling or frequencies [rope_c4]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) tables(%c, %c : tensor<?x8xf32>, tensor<?x8xf32>) outs(%x : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c5(%x: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected 'length' with a scaling that depends on it, and with no other [rope_c5]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>) {scaling = #attn.rope_dynamic_ntk<2.0, 8>} -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c6(%x: tensor<1x4x8x32xf32>) {
  // expected-error @below {{expected a scaling that fits 2 rotary elements, but got #attn.rope_ntk<2.000000e+00> [rope_c6]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%x : tensor<1x4x8x32xf32>) {rotary = 2 : i64, scaling = #attn.rope_ntk<2.0>} -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c7(%x: tensor<1x4x8x32xf32>, %f: tensor<2x16xf64>) {
  // expected-error @below {{expected 'frequencies' of f64, 1 x R / 2 or with 'kept' 2 x R / 2, without scaling; 'magnitude' and 'kept' with them alone [rope_c7]}}
  %y = attn.rope ins(%x : tensor<1x4x8x32xf32>) frequencies(%f : tensor<2x16xf64>) outs(%x : tensor<1x4x8x32xf32>) -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @rope_c8(%x: tensor<1x4x8x32xf32>, %m: memref<1x4x8x32xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [rope_c8]}}
  attn.rope ins(%x : tensor<1x4x8x32xf32>) outs(%m : memref<1x4x8x32xf32>)
  return
}

// -----

func.func @alibi_slopes_c1() {
  // expected-error @below {{expected one slope for each of a static number of heads, but got 'tensor<?xf32>' [alibi_slopes_c1]}}
  %s = attn.alibi_slopes : tensor<?xf32>
  return
}

// -----

func.func @sinusoidal_c1(%t: tensor<8x7xf32>) {
  // expected-error @below {{expected a table of rank 2 with a static even size of rows, but got 'tensor<8x7xf32>' [sinusoidal_c1]}}
  %s = attn.sinusoidal outs(%t : tensor<8x7xf32>) -> tensor<8x7xf32>
  return
}

// -----

// expected-error @below {{expected a positive factor}}
#factor = #attn.rope_linear<0.0>

// -----

// expected-error @below {{expected 0 < low < high}}
#low = #attn.rope_llama3<8.0, 4.0, 1.0, 8192>

// -----

// expected-error @below {{expected as many short as long factors, all of them positive, and 'kept' of 0 or more}}
#long = #attn.rope_long<8.0, 64, short = [1.0], long = [1.0, 2.0]>

// -----

func.func @attention_c19(%q: tensor<3x8x1x64xf32>, %p: tensor<9x2x16x64xf32>, %t: tensor<2x4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{expected 'pages' with a row and an entry of 'kv_lens' for each sequence, and with layout thd 'cu_seqlens' of q alone [attention_c19]}}
  %o = attn.attention ins(%q, %p, %p : tensor<3x8x1x64xf32>, tensor<9x2x16x64xf32>, tensor<9x2x16x64xf32>) kv_lens(%l : tensor<3xi32>) pages(%t : tensor<2x4xi32>) outs(%q : tensor<3x8x1x64xf32>) -> tensor<3x8x1x64xf32>
  return
}

// -----

func.func @attention_c21(%q: tensor<1x1x4x8xbf16>) {
  // expected-error @below {{expected operands of f32 with 'tf32', but got 'bf16' [attention_c21]}}
  %o = attn.attention ins(%q, %q, %q : tensor<1x1x4x8xbf16>, tensor<1x1x4x8xbf16>, tensor<1x1x4x8xbf16>) outs(%q : tensor<1x1x4x8xbf16>) {tf32} -> tensor<1x1x4x8xbf16>
  return
}

// -----

func.func @kv_append_c1(%k: tensor<13x2x32xf32>, %v: tensor<12x2x32xf32>, %s: tensor<13xi64>, %kp: tensor<4x2x5x32xf32>, %vp: tensor<4x2x5x32xf32>) {
  // expected-error @below {{expected 'k' and 'v' of tokens x heads x size, but got 'tensor<13x2x32xf32>' and 'tensor<12x2x32xf32>' [kv_append_c1]}}
  %a, %b = attn.kv_append ins(%k, %v : tensor<13x2x32xf32>, tensor<12x2x32xf32>) slots(%s : tensor<13xi64>) outs(%kp, %vp : tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>) -> tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>
  return
}

// -----

func.func @kv_append_c2(%k: tensor<13x2x32xf32>, %v: tensor<13x2x32xf32>, %s: tensor<13xi64>, %kp: tensor<4x2x5x32xf32>, %vp: tensor<4x2x6x32xf32>) {
  // expected-error @below {{expected pages that hold the heads of 'k' and 'v', but got 'tensor<4x2x5x32xf32>' and 'tensor<4x2x6x32xf32>' [kv_append_c2]}}
  %a, %b = attn.kv_append ins(%k, %v : tensor<13x2x32xf32>, tensor<13x2x32xf32>) slots(%s : tensor<13xi64>) outs(%kp, %vp : tensor<4x2x5x32xf32>, tensor<4x2x6x32xf32>) -> tensor<4x2x5x32xf32>, tensor<4x2x6x32xf32>
  return
}

// -----

func.func @kv_append_c3(%k: tensor<13x2x32xf32>, %v: tensor<13x2x32xf32>, %s: tensor<12xi64>, %kp: tensor<4x2x5x32xf32>, %vp: tensor<4x2x5x32xf32>) {
  // expected-error @below {{expected a slot for each token, but got 'tensor<12xi64>' [kv_append_c3]}}
  %a, %b = attn.kv_append ins(%k, %v : tensor<13x2x32xf32>, tensor<13x2x32xf32>) slots(%s : tensor<12xi64>) outs(%kp, %vp : tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>) -> tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>
  return
}

// -----

func.func @kv_append_c4(%k: tensor<13x2x32xf32>, %v: tensor<13x2x32xf32>, %s: tensor<13xi64>, %p: tensor<1x13xi32>, %kp: tensor<4x2x5x32xf32>, %vp: tensor<4x2x5x32xf32>) {
  // expected-error @below {{expected 'rope' with a position for each token, and 'tables' or 'frequencies' of R / 2 elements a row [kv_append_c4]}}
  %a, %b = attn.kv_append ins(%k, %v : tensor<13x2x32xf32>, tensor<13x2x32xf32>) slots(%s : tensor<13xi64>) rope(%p : tensor<1x13xi32>) outs(%kp, %vp : tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>) -> tensor<4x2x5x32xf32>, tensor<4x2x5x32xf32>
  return
}

// -----

func.func @kv_append_c5(%k: tensor<13x2x32xf32>, %v: tensor<13x2x32xf32>, %s: tensor<13xi64>, %kp: memref<4x2x5x32xf32>, %vp: memref<4x2x5x32xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_append_c5]}}
  attn.kv_append ins(%k, %v : tensor<13x2x32xf32>, tensor<13x2x32xf32>) slots(%s : tensor<13xi64>) outs(%kp, %vp : memref<4x2x5x32xf32>, memref<4x2x5x32xf32>)
  return
}

// -----

func.func @kv_gather_c1(%p: tensor<9x2x5x20xf16>, %t: tensor<3x4xi32>, %l: tensor<3xi32>, %o: tensor<3x2x17x20xf32>) {
  // expected-error @below {{expected 'pages' and 'out' of rank 4 with equal heads, head sizes and element types, in layout bhsd or bshd, but got 'tensor<9x2x5x20xf16>' and 'tensor<3x2x17x20xf32>' [kv_gather_c1]}}
  %d = attn.kv_gather ins(%p : tensor<9x2x5x20xf16>) pages(%t : tensor<3x4xi32>) kv_lens(%l : tensor<3xi32>) outs(%o : tensor<3x2x17x20xf32>) -> tensor<3x2x17x20xf32>
  return
}

// -----

func.func @kv_gather_c2(%p: tensor<9x2x5x20xf16>, %t: tensor<3x4xi32>, %l: tensor<2xi32>, %o: tensor<3x2x17x20xf16>) {
  // expected-error @below {{expected a row of 'pages' and an entry of 'kv_lens' for each sequence [kv_gather_c2]}}
  %d = attn.kv_gather ins(%p : tensor<9x2x5x20xf16>) pages(%t : tensor<3x4xi32>) kv_lens(%l : tensor<2xi32>) outs(%o : tensor<3x2x17x20xf16>) -> tensor<3x2x17x20xf16>
  return
}

// -----

func.func @kv_gather_c3(%p: tensor<9x2x5x20xf16>, %t: tensor<3x4xi32>, %l: tensor<3xi32>, %o: memref<3x2x17x20xf16>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_gather_c3]}}
  attn.kv_gather ins(%p : tensor<9x2x5x20xf16>) pages(%t : tensor<3x4xi32>) kv_lens(%l : tensor<3xi32>) outs(%o : memref<3x2x17x20xf16>)
  return
}

// -----

func.func @ssd_c1(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x17xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected 'x', 'out' and 'gate' of one shape, of rank 4, or 3 for thd, but got 'tensor<2x8x4x16xf32>' and 'tensor<2x8x4x17xf32>' [ssd_c1]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>)  outs(%o, %s : tensor<2x8x4x17xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x8x4x17xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssd_c2(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x3x32xf32>, %c: tensor<2x8x3x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected 'dt' with a number a token and head, and 'b' and 'c' with groups that divide the heads, but got 'tensor<2x8x4xf32>', 'tensor<2x8x3x32xf32>' and 'tensor<2x8x3x32xf32>' [ssd_c2]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x3x32xf32>, tensor<2x8x3x32xf32>)  outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssd_c3(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<5xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected 'a', 'dt_bias' and 'skip' with an entry a head [ssd_c3]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>) dt_bias(%e : tensor<5xf32>) outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssd_c4(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x32x16xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected a state of B x H x P x N, but got 'tensor<2x4x32x16xf32>' [ssd_c4]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>)  outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x8x4x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @ssd_c5(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected 'cu_seqlens' for layout thd, and for no other [ssd_c5]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>) cu_seqlens(%cu : tensor<3xi32>) outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssd_c6(%x: tensor<2x8x4x16xf32>, %dt: tensor<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected a 'dt_limit' of two numbers in order, and a positive 'chunk' without 'exact' [ssd_c6]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, tensor<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>)  outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>) {dt_limit = array<f64: 1.0, 0.5>} -> tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssd_c7(%x: tensor<2x8x4x16xf32>, %dt: memref<2x8x4xf32>, %a: tensor<4xf32>, %b: tensor<2x8x2x32xf32>, %c: tensor<2x8x2x32xf32>, %o: tensor<2x8x4x16xf32>, %s: tensor<2x4x16x32xf32>, %e: tensor<4xf32>, %ids: tensor<2x8xi32>, %cu: tensor<3xi32>, %z: tensor<2x8x4x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [ssd_c7]}}
  %r0, %r1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<2x8x4x16xf32>, memref<2x8x4xf32>, tensor<4xf32>, tensor<2x8x2x32xf32>, tensor<2x8x2x32xf32>)  outs(%o, %s : tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x8x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @linear_attention_c1(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x9x16xf32>, %o: tensor<2x4x9x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected 'q' and 'k' of one shape, 'v' and 'out' of another with the same sequences, of rank 4, or 3 for thd, and heads of 'q' that divide those of 'v', but got 'tensor<2x2x8x32xf32>', 'tensor<2x2x8x32xf32>', 'tensor<2x4x9x16xf32>' and 'tensor<2x4x9x16xf32>' [linear_attention_c1]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x9x16xf32>)  outs(%o, %s : tensor<2x4x9x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x4x9x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c2(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x7xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected a 'decay' of heads, of tokens and heads, or of tokens, heads and K, and a 'beta' of tokens and heads [linear_attention_c2]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x8x16xf32>) decay(%g : tensor<2x4x7xf32>) outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c3(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected 'favor' of M x D, without 'elu1', 'decay' and 'beta' [linear_attention_c3]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x8x16xf32>) decay(%g : tensor<2x4x8xf32>) favor(%w : tensor<64x32xf32>) outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c4(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected 'out' alone, or with a state of B x H x K x V, for 'normalized' a norm of B x H x K, and for 'favor' a maximum of B x H [linear_attention_c4]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x8x16xf32>)  outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>) {normalized} -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c5(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected 'cu_seqlens' for layout thd, and for no other [linear_attention_c5]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x8x16xf32>) cu_seqlens(%cu : tensor<3xi32>) outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c6(%q: tensor<2x2x8x32xf32>, %k: tensor<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected 'normalized' without 'beta' and 'scale', and a positive 'chunk' without 'exact' [linear_attention_c6]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, tensor<2x2x8x32xf32>, tensor<2x4x8x16xf32>)  outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>) {exact, chunk = 64 : i64} -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @linear_attention_c7(%q: tensor<2x2x8x32xf32>, %k: memref<2x2x8x32xf32>, %v: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>, %s: tensor<2x4x32x16xf32>, %g: tensor<2x4x8xf32>, %w: tensor<64x32xf32>, %n: tensor<2x4x32xf32>, %cu: tensor<3xi32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [linear_attention_c7]}}
  %r0, %r1 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x8x32xf32>, memref<2x2x8x32xf32>, tensor<2x4x8x16xf32>)  outs(%o, %s : tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>)  -> tensor<2x4x8x16xf32>, tensor<2x4x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c1(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x33xf32>, %s: tensor<2x32x16xf32>, %e: tensor<32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected 'u', 'out' and 'gate' of one shape, of rank 3, or 2 with 'cu_seqlens', but got 'tensor<2x8x32xf32>' and 'tensor<2x8x33xf32>' [ssm_scan_c1]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>)  outs(%o, %s : tensor<2x8x33xf32>, tensor<2x32x16xf32>)  -> tensor<2x8x33xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c2(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x3x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x32x16xf32>, %e: tensor<32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected 'delta' of tokens and channels or of channels, 'a' of D x N, and 'b' and 'c' of D x N or of tokens, groups and N, with a last 2 for 'complex', but got 'tensor<2x8x32xf32>', 'tensor<32x16xf32>', 'tensor<2x8x3x16xf32>' and 'tensor<2x8x2x16xf32>' [ssm_scan_c2]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x3x16xf32>, tensor<2x8x2x16xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x32x16xf32>)  -> tensor<2x8x32xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c3(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x32x16xf32>, %e: tensor<31xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected 'dt_bias' and 'skip' with an entry a channel [ssm_scan_c3]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>) skip(%e : tensor<31xf32>) outs(%o, %s : tensor<2x8x32xf32>, tensor<2x32x16xf32>)  -> tensor<2x8x32xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c4(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x16x32xf32>, %e: tensor<32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected a state of B x D x N, but got 'tensor<2x16x32xf32>' [ssm_scan_c4]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x16x32xf32>)  -> tensor<2x8x32xf32>, tensor<2x16x32xf32>
  return
}

// -----

func.func @ssm_scan_c5(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x32x16xf32>, %e: tensor<32xf32>, %ids: tensor<2x9xi32>) {
  // expected-error @below {{expected 'seq_ids' with an entry a token, but got 'tensor<2x9xi32>' [ssm_scan_c5]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>) seq_ids(%ids : tensor<2x9xi32>) outs(%o, %s : tensor<2x8x32xf32>, tensor<2x32x16xf32>)  -> tensor<2x8x32xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c6(%u: tensor<2x8x32xf32>, %d: tensor<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x32x16xf32>, %e: tensor<32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected a 'dt_limit' of two numbers in order [ssm_scan_c6]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x32x16xf32>) {dt_limit = array<f64: 1.0>} -> tensor<2x8x32xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_scan_c7(%u: tensor<2x8x32xf32>, %d: memref<2x8x32xf32>, %a: tensor<32x16xf32>, %b: tensor<2x8x2x16xf32>, %c: tensor<2x8x2x16xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x32x16xf32>, %e: tensor<32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [ssm_scan_c7]}}
  %r0, %r1 = attn.ssm_scan ins(%u, %d, %a, %b, %c : tensor<2x8x32xf32>, memref<2x8x32xf32>, tensor<32x16xf32>, tensor<2x8x2x16xf32>, tensor<2x8x2x16xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x32x16xf32>)  -> tensor<2x8x32xf32>, tensor<2x32x16xf32>
  return
}

// -----

func.func @ssm_step_c1(%x: tensor<2x4x16xf32>, %d: tensor<2x4xf32>, %a: tensor<4xf32>, %b: tensor<2x2x32xf32>, %c: tensor<2x2x32xf32>, %o: tensor<2x4x16xf32>, %s: tensor<2x4x16x32xf32>) {
  // expected-error @below {{expected 'x', 'out' and 'gate' of one shape, of rank 2 or 3, and a state behind 'out' [ssm_step_c1]}}
  %r0 = attn.ssm_step ins(%x, %d, %a, %b, %c : tensor<2x4x16xf32>, tensor<2x4xf32>, tensor<4xf32>, tensor<2x2x32xf32>, tensor<2x2x32xf32>)  outs(%o : tensor<2x4x16xf32>)  -> tensor<2x4x16xf32>
  return
}

// -----

func.func @ssm_step_c2(%x: tensor<2x4x16xf32>, %d: tensor<2x4xf32>, %a: tensor<4xf32>, %b: tensor<2x2x32xf32>, %c: tensor<2x2x32xf32>, %o: tensor<2x4x16xf32>, %s: tensor<3x4x16x32xf32>) {
  // expected-error @below {{expected operands of one Mamba-2 or Mamba-1 step, as in the table of the op [ssm_step_c2]}}
  %r0, %r1 = attn.ssm_step ins(%x, %d, %a, %b, %c : tensor<2x4x16xf32>, tensor<2x4xf32>, tensor<4xf32>, tensor<2x2x32xf32>, tensor<2x2x32xf32>)  outs(%o, %s : tensor<2x4x16xf32>, tensor<3x4x16x32xf32>)  -> tensor<2x4x16xf32>, tensor<3x4x16x32xf32>
  return
}

// -----

func.func @ssm_step_c3(%x: tensor<2x4x16xf32>, %d: tensor<2x4xf32>, %a: tensor<4xf32>, %b: tensor<2x2x32xf32>, %c: tensor<2x2x32xf32>, %o: tensor<2x4x16xf32>, %s: tensor<2x4x16x32xf32>) {
  // expected-error @below {{expected a 'dt_limit' of two numbers in order [ssm_step_c3]}}
  %r0, %r1 = attn.ssm_step ins(%x, %d, %a, %b, %c : tensor<2x4x16xf32>, tensor<2x4xf32>, tensor<4xf32>, tensor<2x2x32xf32>, tensor<2x2x32xf32>)  outs(%o, %s : tensor<2x4x16xf32>, tensor<2x4x16x32xf32>) {dt_limit = array<f64: 1.0>} -> tensor<2x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @ssm_step_c4(%x: tensor<2x4x16xf32>, %d: memref<2x4xf32>, %a: tensor<4xf32>, %b: tensor<2x2x32xf32>, %c: tensor<2x2x32xf32>, %o: tensor<2x4x16xf32>, %s: tensor<2x4x16x32xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [ssm_step_c4]}}
  %r0, %r1 = attn.ssm_step ins(%x, %d, %a, %b, %c : tensor<2x4x16xf32>, memref<2x4xf32>, tensor<4xf32>, tensor<2x2x32xf32>, tensor<2x2x32xf32>)  outs(%o, %s : tensor<2x4x16xf32>, tensor<2x4x16x32xf32>)  -> tensor<2x4x16xf32>, tensor<2x4x16x32xf32>
  return
}

// -----

func.func @causal_conv1d_c1(%x: tensor<2x8x32xf32>, %w: tensor<32x4xf32>, %e: tensor<32xf32>, %o: tensor<2x9x32xf32>, %s: tensor<2x3x32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected 'x' and 'out' of one shape, of rank 3, or 2 with 'cu_seqlens', but got 'tensor<2x8x32xf32>' and 'tensor<2x9x32xf32>' [causal_conv1d_c1]}}
  %r0, %r1 = attn.causal_conv1d ins(%x, %w : tensor<2x8x32xf32>, tensor<32x4xf32>)  outs(%o, %s : tensor<2x9x32xf32>, tensor<2x3x32xf32>)  -> tensor<2x9x32xf32>, tensor<2x3x32xf32>
  return
}

// -----

func.func @causal_conv1d_c2(%x: tensor<2x8x32xf32>, %w: tensor<32x9xf32>, %e: tensor<32xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x3x32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected 'w' of D x W with a static W from 2 to 8, and a 'bias' of D, but got 'tensor<32x9xf32>' [causal_conv1d_c2]}}
  %r0, %r1 = attn.causal_conv1d ins(%x, %w : tensor<2x8x32xf32>, tensor<32x9xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x3x32xf32>)  -> tensor<2x8x32xf32>, tensor<2x3x32xf32>
  return
}

// -----

func.func @causal_conv1d_c3(%x: tensor<2x8x32xf32>, %w: tensor<32x4xf32>, %e: tensor<32xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x4x32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected a state of B x (W - 1) x D, but got 'tensor<2x4x32xf32>' [causal_conv1d_c3]}}
  %r0, %r1 = attn.causal_conv1d ins(%x, %w : tensor<2x8x32xf32>, tensor<32x4xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x4x32xf32>)  -> tensor<2x8x32xf32>, tensor<2x4x32xf32>
  return
}

// -----

func.func @causal_conv1d_c4(%x: tensor<2x8x32xf32>, %w: tensor<32x4xf32>, %e: tensor<32xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x3x32xf32>, %ids: tensor<2x9xi32>) {
  // expected-error @below {{expected 'seq_ids' with an entry a token, but got 'tensor<2x9xi32>' [causal_conv1d_c4]}}
  %r0, %r1 = attn.causal_conv1d ins(%x, %w : tensor<2x8x32xf32>, tensor<32x4xf32>) seq_ids(%ids : tensor<2x9xi32>) outs(%o, %s : tensor<2x8x32xf32>, tensor<2x3x32xf32>)  -> tensor<2x8x32xf32>, tensor<2x3x32xf32>
  return
}

// -----

func.func @causal_conv1d_c5(%x: tensor<2x8x32xf32>, %w: memref<32x4xf32>, %e: tensor<32xf32>, %o: tensor<2x8x32xf32>, %s: tensor<2x3x32xf32>, %ids: tensor<2x8xi32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [causal_conv1d_c5]}}
  %r0, %r1 = attn.causal_conv1d ins(%x, %w : tensor<2x8x32xf32>, memref<32x4xf32>)  outs(%o, %s : tensor<2x8x32xf32>, tensor<2x3x32xf32>)  -> tensor<2x8x32xf32>, tensor<2x3x32xf32>
  return
}

// -----

func.func @scan_chunk_c1(%q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %g: tensor<?x32xf32>, %w: tensor<?xf32>, %o: tensor<?x16xf32>, %s: tensor<31x16xf32>) {
  // expected-error @below {{expected operands of T tokens and a state of K x V, as in the table of the op [scan_chunk_c1]}}
  %r0, %r1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>)  outs(%o, %s : tensor<?x16xf32>, tensor<31x16xf32>) chunked {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<31x16xf32>
  return
}

// -----

func.func @scan_chunk_c2(%q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %g: tensor<?x32xf32>, %w: tensor<?xf32>, %o: tensor<?x16xf32>, %s: tensor<32x16xf32>) {
  // expected-error @below {{expected at most one decay a token, no 'beta' and a state of K x V for the chunked schedule, and 'pairs' for no other [scan_chunk_c2]}}
  %r0, %r1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) decay(%g : tensor<?x32xf32>) outs(%o, %s : tensor<?x16xf32>, tensor<32x16xf32>) chunked {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  return
}

// -----

func.func @scan_chunk_c3(%q: tensor<?x32xf32>, %k: tensor<?x32xf32>, %v: tensor<?x16xf32>, %g: tensor<?x32xf32>, %w: tensor<?xf32>, %o: tensor<?x16xf32>, %s: tensor<32x16xf32>) {
  // expected-error @below {{expected 'write' or 'beta', not both [scan_chunk_c3]}}
  %r0, %r1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) write(%w : tensor<?xf32>) beta(%w : tensor<?xf32>) outs(%o, %s : tensor<?x16xf32>, tensor<32x16xf32>) sequential {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  return
}

// -----

func.func @scan_chunk_c4(%q: tensor<?x32xf32>, %k: memref<?x32xf32>, %v: tensor<?x16xf32>, %g: tensor<?x32xf32>, %w: tensor<?xf32>, %o: tensor<?x16xf32>, %s: tensor<32x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [scan_chunk_c4]}}
  %r0, %r1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x32xf32>, memref<?x32xf32>, tensor<?x16xf32>)  outs(%o, %s : tensor<?x16xf32>, tensor<32x16xf32>) chunked {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  return
}

// -----

func.func @kv_append_c6(%k: tensor<13x2x32xf32>, %s: tensor<13xi64>, %kp: tensor<4x2x5x32xi8>) {
  // expected-error @below {{expected codes for a cache of codes (attn.kv_quantize), which are not turned, but got 'tensor<13x2x32xf32>' and 'tensor<4x2x5x32xi8>' [kv_append_c6]}}
  %a, %b = attn.kv_append ins(%k, %k : tensor<13x2x32xf32>, tensor<13x2x32xf32>) slots(%s : tensor<13xi64>) outs(%kp, %kp : tensor<4x2x5x32xi8>, tensor<4x2x5x32xi8>) -> tensor<4x2x5x32xi8>, tensor<4x2x5x32xi8>
  return
}

// -----

func.func @kv_quantize_c1(%x: tensor<13x32xf32>, %c: tensor<13x32xi8>, %s: tensor<13xf32>) {
  // expected-error @below {{expected codes of i8, f8E4M3FN, f8E5M2 or int4 for 'tensor<13x32xf32>', but got 'tensor<13x32xi8>' [kv_quantize_c1]}}
  %a, %b = attn.kv_quantize ins(%x : tensor<13x32xf32>) packed(int4) at affine_map<(n, d) -> (n)> outs(%c, %s : tensor<13x32xi8>, tensor<13xf32>) -> tensor<13x32xi8>, tensor<13xf32>
  return
}

// -----

func.func @kv_quantize_c2(%x: tensor<13x32xf32>, %c: tensor<13x32xi8>, %s: tensor<13xf32>) {
  // expected-error @below {{expected a map of the points of 'tensor<13x32xf32>' to those of 'scale', and 'zero' of its shape [kv_quantize_c2]}}
  %a, %b = attn.kv_quantize ins(%x : tensor<13x32xf32>) at affine_map<(n, d) -> (n, d)> outs(%c, %s : tensor<13x32xi8>, tensor<13xf32>) -> tensor<13x32xi8>, tensor<13xf32>
  return
}

// -----

func.func @kv_quantize_c3(%x: tensor<13x32xf32>, %c: tensor<13x32xi8>) {
  // expected-error @below {{expected destinations of the codes, and of the scale and the zero where they are not given, but got 1 [kv_quantize_c3]}}
  %a = attn.kv_quantize ins(%x : tensor<13x32xf32>) at affine_map<(n, d) -> (n)> outs(%c : tensor<13x32xi8>) -> tensor<13x32xi8>
  return
}

// -----

func.func @kv_quantize_c4(%x: tensor<13x32xf32>, %c: memref<13x32xi8>, %s: memref<13xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_quantize_c4]}}
  attn.kv_quantize ins(%x : tensor<13x32xf32>) at affine_map<(n, d) -> (n)> outs(%c, %s : memref<13x32xi8>, memref<13xf32>)
  return
}

// -----

func.func @kv_dequantize_c1(%c: tensor<13x32xi8>, %o: tensor<13x32xf32>) {
  // expected-error @below {{expected codes of q8_0 for 'tensor<13x32xf32>', but got 'tensor<13x32xi8>' [kv_dequantize_c1]}}
  %a = attn.kv_dequantize ins(%c : tensor<13x32xi8>) packed(q8_0) outs(%o : tensor<13x32xf32>) -> tensor<13x32xf32>
  return
}

// -----

func.func @kv_dequantize_c2(%c: tensor<13x32xi8>, %s: tensor<13xf32>, %o: tensor<13x32xf32>) {
  // expected-error @below {{expected a map of the points of 'tensor<13x32xf32>' to those of 'scale', and 'zero' of its shape [kv_dequantize_c2]}}
  %a = attn.kv_dequantize ins(%c : tensor<13x32xi8>) scale(%s : tensor<13xf32>) at affine_map<(n, d)[f] -> (n + f)> outs(%o : tensor<13x32xf32>) -> tensor<13x32xf32>
  return
}

// -----

func.func @kv_dequantize_c3(%c: tensor<13x32xf8E5M2>, %s: tensor<13xf32>, %o: tensor<13x32xf32>) {
  // expected-error @below {{expected 'scale', but not with q8_0 and q4_0, and 'zero' with integers alone [kv_dequantize_c3]}}
  %a = attn.kv_dequantize ins(%c : tensor<13x32xf8E5M2>) scale(%s : tensor<13xf32>) zero(%s : tensor<13xf32>) at affine_map<(n, d) -> (n)> outs(%o : tensor<13x32xf32>) -> tensor<13x32xf32>
  return
}

// -----

func.func @kv_dequantize_c4(%c: tensor<13x32xi8>, %s: tensor<13xf32>, %o: memref<13x32xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_dequantize_c4]}}
  attn.kv_dequantize ins(%c : tensor<13x32xi8>) scale(%s : tensor<13xf32>) at affine_map<(n, d) -> (n)> outs(%o : memref<13x32xf32>)
  return
}

// -----

func.func @kv_score_c1(%q: tensor<3x7x5x64xf32>, %k: tensor<3x2x9x64xf32>, %l: tensor<3x7x5xf32>, %s: tensor<3x2x9xf32>) {
  // expected-error @below {{expected 'q' and 'k' of B x heads x length x D with heads that share those of 'k', but got 'tensor<3x7x5x64xf32>' and 'tensor<3x2x9x64xf32>' [kv_score_c1]}}
  %r = attn.kv_score ins(%q, %k : tensor<3x7x5x64xf32>, tensor<3x2x9x64xf32>) lse(%l : tensor<3x7x5xf32>) outs(%s : tensor<3x2x9xf32>) -> tensor<3x2x9xf32>
  return
}

// -----

func.func @kv_score_c2(%q: tensor<3x8x5x64xf32>, %k: tensor<3x2x9x64xf32>, %l: tensor<3x8x5xf32>, %s: tensor<3x8x9xf32>) {
  // expected-error @below {{expected 'lse' for each row of 'q', scores for each key, and 'kv_lens' for each sequence [kv_score_c2]}}
  %r = attn.kv_score ins(%q, %k : tensor<3x8x5x64xf32>, tensor<3x2x9x64xf32>) lse(%l : tensor<3x8x5xf32>) outs(%s : tensor<3x8x9xf32>) -> tensor<3x8x9xf32>
  return
}

// -----

func.func @kv_score_c3(%q: tensor<3x8x5x64xf32>, %k: tensor<3x2x9x64xf32>, %l: tensor<3x8x5xf32>, %s: tensor<3x2x9xf32>) {
  // expected-error @below {{expected a power of 1 or 2, and 1 or more queries [kv_score_c3]}}
  %r = attn.kv_score ins(%q, %k : tensor<3x8x5x64xf32>, tensor<3x2x9x64xf32>) lse(%l : tensor<3x8x5xf32>) outs(%s : tensor<3x2x9xf32>) {power = 3 : i64} -> tensor<3x2x9xf32>
  return
}

// -----

func.func @kv_score_c4(%q: tensor<3x8x5x64xf32>, %k: tensor<3x2x9x64xf32>, %l: tensor<3x8x5xf32>, %s: memref<3x2x9xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_score_c4]}}
  attn.kv_score ins(%q, %k : tensor<3x8x5x64xf32>, tensor<3x2x9x64xf32>) lse(%l : tensor<3x8x5xf32>) outs(%s : memref<3x2x9xf32>)
  return
}

// -----

func.func @kv_evict_c1(%s: tensor<3x2x9xf32>, %l: tensor<4xi32>, %c: tensor<3x2x5xi32>, %n: tensor<3x2xi32>) {
  // expected-error @below {{expected scores, counts and 'kv_lens' for the sequences and heads of 'tensor<3x2x5xi32>' [kv_evict_c1]}}
  %r:2 = attn.kv_evict scores(%s : tensor<3x2x9xf32>) kv_lens(%l : tensor<4xi32>) outs(%c, %n : tensor<3x2x5xi32>, tensor<3x2xi32>) -> tensor<3x2x5xi32>, tensor<3x2xi32>
  return
}

// -----

func.func @kv_evict_c2(%s: tensor<3x2x9xf32>, %l: tensor<3xi32>, %c: tensor<3x2x5xi32>, %n: tensor<3x2xi32>) {
  // expected-error @below {{expected sinks and recent keys within a budget, and an odd pool, but got 4, 2 and 1 [kv_evict_c2]}}
  %r:2 = attn.kv_evict scores(%s : tensor<3x2x9xf32>) kv_lens(%l : tensor<3xi32>) outs(%c, %n : tensor<3x2x5xi32>, tensor<3x2xi32>) {sinks = 4 : i64, recent = 2 : i64} -> tensor<3x2x5xi32>, tensor<3x2xi32>
  return
}

// -----

func.func @kv_evict_c3(%l: tensor<3xi32>, %c: memref<3x2x5xi32>, %n: memref<3x2xi32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [kv_evict_c3]}}
  attn.kv_evict kv_lens(%l : tensor<3xi32>) outs(%c, %n : memref<3x2x5xi32>, memref<3x2xi32>)
  return
}

// -----

func.func @page_tables_c1(%l: tensor<?xi32>, %s: tensor<5xi32>) {
  // expected-error @below {{expected a row for each of 4 sequences, but got 'tensor<5x?xi32>' [page_tables_c1]}}
  %t = attn.page_tables ins(%l : tensor<?xi32>) starts(%s : tensor<5xi32>) -> tensor<5x?xi32>
  return
}

// -----

func.func @page_tables_c2(%l: tensor<?xi32>, %s: tensor<5xi32>, %c: index) {
  // expected-error @below {{expected 'columns' for a dynamic number of them, but got 'tensor<4x7xi32>' [page_tables_c2]}}
  %t = attn.page_tables ins(%l : tensor<?xi32>) starts(%s : tensor<5xi32>) columns(%c) -> tensor<4x7xi32>
  return
}

// -----

func.func @scan_chunk_c5(%q: tensor<?x32xf32>, %v: tensor<?x16xf32>, %s: tensor<32x16xf32>, %w: tensor<?xf32>) {
  // expected-error @below {{expected 'factors' without 'decay', 'keep' and 'complex' with 'rates' or 'factors', 'zoh' with 'rates', and 'complex' with an even K that is not transposed [scan_chunk_c5]}}
  %r:2 = attn.scan_chunk ins(%q, %q, %v : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x16xf32>) keep(%w : tensor<?xf32>) outs(%v, %s : tensor<?x16xf32>, tensor<32x16xf32>) sequential {max_tokens = 64 : i64} -> tensor<?x16xf32>, tensor<32x16xf32>
  return
}

// -----

func.func @linformer_project_c1(%x: tensor<2x4x8x16xf32>, %e: tensor<8x3xf32>, %o: tensor<2x4x3x17xf32>) {
  // expected-error @below {{expected 'out' of the batches, heads and D of 'x', but got 'tensor<2x4x8x16xf32>' and 'tensor<2x4x3x17xf32>' [linformer_project_c1]}}
  %r = attn.linformer_project ins(%x, %e : tensor<2x4x8x16xf32>, tensor<8x3xf32>) outs(%o : tensor<2x4x3x17xf32>) -> tensor<2x4x3x17xf32>
  return
}

// -----

func.func @linformer_project_c1_layout(%x: tensor<8x4x16xf32>, %e: tensor<8x3xf32>, %o: tensor<3x4x16xf32>) {
  // expected-error @below {{expected 'x' and one 'out' of rank 4, of layout bhsd or bshd, but got 'tensor<8x4x16xf32>' [linformer_project_c1]}}
  %r = attn.linformer_project ins(%x, %e : tensor<8x4x16xf32>, tensor<8x3xf32>) layout(thd) outs(%o : tensor<3x4x16xf32>) -> tensor<3x4x16xf32>
  return
}

// -----

func.func @linformer_project_c2(%x: tensor<2x4x8x16xf32>, %e: tensor<8x2xf32>, %o: tensor<2x4x3x16xf32>) {
  // expected-error @below {{expected 'e' of N x R or H x N x R, but got 'tensor<8x2xf32>' [linformer_project_c2]}}
  %r = attn.linformer_project ins(%x, %e : tensor<2x4x8x16xf32>, tensor<8x2xf32>) outs(%o : tensor<2x4x3x16xf32>) -> tensor<2x4x3x16xf32>
  return
}

// -----

func.func @linformer_project_c3(%x: tensor<2x4x8x16xf32>, %e: memref<8x3xf32>, %o: tensor<2x4x3x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [linformer_project_c3]}}
  %r = attn.linformer_project ins(%x, %e : tensor<2x4x8x16xf32>, memref<8x3xf32>) outs(%o : tensor<2x4x3x16xf32>) -> tensor<2x4x3x16xf32>
  return
}

// -----

func.func @favor_features_c1(%x: tensor<?x16xf32>, %w: tensor<16x8xf32>, %o: tensor<?x8xf32>, %g: tensor<?xf32>) {
  // expected-error @below {{expected tokens of D elements, 'w' of D x M, and their features, alone or with a decay of each and one maximum [favor_features_c1]}}
  %r:2 = attn.favor_features ins(%x, %w : tensor<?x16xf32>, tensor<16x8xf32>) outs(%o, %g : tensor<?x8xf32>, tensor<?xf32>) {max_tokens = 8 : i64} -> tensor<?x8xf32>, tensor<?xf32>
  return
}

// -----

func.func @favor_features_c2(%x: tensor<?x16xf32>, %w: memref<16x8xf32>, %o: tensor<?x8xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [favor_features_c2]}}
  %r = attn.favor_features ins(%x, %w : tensor<?x16xf32>, memref<16x8xf32>) outs(%o : tensor<?x8xf32>) {max_tokens = 8 : i64} -> tensor<?x8xf32>
  return
}

// -----

func.func @pair_products_c1(%q: tensor<?x16xf32>, %o: tensor<8x9xf32>) {
  // expected-error @below {{expected 'q' and 'k' of T x K and a square 'out', with a static K and size [pair_products_c1]}}
  %r = attn.pair_products ins(%q, %q : tensor<?x16xf32>, tensor<?x16xf32>) outs(%o : tensor<8x9xf32>) -> tensor<8x9xf32>
  return
}

// -----

func.func @pair_products_c2(%q: tensor<?x16xf32>, %k: memref<?x16xf32>, %o: tensor<8x8xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [pair_products_c2]}}
  %r = attn.pair_products ins(%q, %k : tensor<?x16xf32>, memref<?x16xf32>) outs(%o : tensor<8x8xf32>) -> tensor<8x8xf32>
  return
}

// -----

func.func @hippo_c1() {
  // expected-error @below {{expected static results of N x N and N, or of N/2 x 2, R x N/2 x 2 and N/2 x 2 [hippo_c1]}}
  %l, %p, %b = attn.hippo legt : tensor<4x2xf64>, tensor<1x4x2xf64>, tensor<4x2xf64>
  return
}

// -----

func.func @hippo_c2() {
  // expected-error @below {{expected an even number of states for 'fout', and at most 256 for a diagonal form [hippo_c2]}}
  %a, %b = attn.hippo fout : tensor<5x5xf64>, tensor<5xf64>
  return
}

// -----

func.func @s4_kernel_c1(%d: tensor<4xf32>, %a: tensor<4x8xf32>, %k: tensor<5x16xf32>) {
  // expected-error @below {{expected 'delta' of D, 'a', 'b' and 'c' of D x N, with a last 2 for 'complex', and a kernel of D x L, but got 'tensor<4xf32>' and 'tensor<4x8xf32>' [s4_kernel_c1]}}
  %r = attn.s4_kernel ins(%d, %a, %a, %a : tensor<4xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) outs(%k : tensor<5x16xf32>) -> tensor<5x16xf32>
  return
}

// -----

func.func @s4_kernel_c2(%d: tensor<4xf32>, %a: tensor<4x8xf32>, %p: tensor<4x1x8xf32>, %k: tensor<4x16xf32>) {
  // expected-error @below {{expected 'p' and 'q' of D x R x N with an R of 1 or 2, and 'bilinear' with them [s4_kernel_c2]}}
  %r = attn.s4_kernel ins(%d, %a, %a, %a : tensor<4xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) low_rank(%p, %p : tensor<4x1x8xf32>, tensor<4x1x8xf32>) outs(%k : tensor<4x16xf32>) -> tensor<4x16xf32>
  return
}

// -----

func.func @s4_kernel_c3(%d: tensor<4xf32>, %a: memref<4x8xf32>, %k: tensor<4x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [s4_kernel_c3]}}
  %r = attn.s4_kernel ins(%d, %a, %a, %a : tensor<4xf32>, memref<4x8xf32>, memref<4x8xf32>, memref<4x8xf32>) outs(%k : tensor<4x16xf32>) -> tensor<4x16xf32>
  return
}

// -----

func.func @fft_conv_c1(%u: tensor<4x8xf32>, %k: tensor<8x16xf32>) {
  // expected-error @below {{expected 'u' and one 'out' of one shape, of rank 3, but got 'tensor<4x8xf32>' [fft_conv_c1]}}
  %r = attn.fft_conv ins(%u, %k : tensor<4x8xf32>, tensor<8x16xf32>) outs(%u : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @fft_conv_c2(%u: tensor<1x4x8xf32>, %k: tensor<7x16xf32>) {
  // expected-error @below {{expected 'k' of D x L and 'skip' of D, but got 'tensor<7x16xf32>' [fft_conv_c2]}}
  %r = attn.fft_conv ins(%u, %k : tensor<1x4x8xf32>, tensor<7x16xf32>) outs(%u : tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return
}

// -----

func.func @fft_conv_c3(%u: tensor<1x4x8xf32>, %k: memref<8x16xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs [fft_conv_c3]}}
  %r = attn.fft_conv ins(%u, %k : tensor<1x4x8xf32>, memref<8x16xf32>) outs(%u : tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return
}

// -----

func.func @attention_c20(%q: tensor<3x8x7x64xf8E4M3FN>, %s: tensor<f32>, %t: tensor<8xf32>, %o: tensor<3x8x7x64xbf16>) {
  // expected-error @below {{expected 'scales' of q, k and v of f8E4M3FN, each for the tensor, its heads, or its sequences and heads [attention_c20]}}
  %r = attn.attention ins(%q, %q, %q : tensor<3x8x7x64xf8E4M3FN>, tensor<3x8x7x64xf8E4M3FN>, tensor<3x8x7x64xf8E4M3FN>)
      scales(%s, %t : tensor<f32>, tensor<8xf32>) outs(%o : tensor<3x8x7x64xbf16>) -> tensor<3x8x7x64xbf16>
  return
}

// -----

func.func @attention_c20(%q: tensor<3x8x7x64xf8E4M3FN>, %s: tensor<f32>, %t: tensor<8x3xf32>, %o: tensor<3x8x7x64xbf16>) {
  // expected-error @below {{[attention_c20]}}
  %r = attn.attention ins(%q, %q, %q : tensor<3x8x7x64xf8E4M3FN>, tensor<3x8x7x64xf8E4M3FN>, tensor<3x8x7x64xf8E4M3FN>)
      scales(%s, %s, %t : tensor<f32>, tensor<f32>, tensor<8x3xf32>) outs(%o : tensor<3x8x7x64xbf16>) -> tensor<3x8x7x64xbf16>
  return
}

// -----

func.func @attention_c20(%q: tensor<3x8x7x64xf16>, %s: tensor<f32>, %o: tensor<3x8x7x64xbf16>) {
  // expected-error @below {{[attention_c20]}}
  %r = attn.attention ins(%q, %q, %q : tensor<3x8x7x64xf16>, tensor<3x8x7x64xf16>, tensor<3x8x7x64xf16>)
      scales(%s, %s, %s : tensor<f32>, tensor<f32>, tensor<f32>) outs(%o : tensor<3x8x7x64xbf16>) -> tensor<3x8x7x64xbf16>
  return
}
