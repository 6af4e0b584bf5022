// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3 rows=64 keys=32 split=1024},canonicalize,cse))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3}))' --remarks-filter=attn-tile-attention 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3 rows=64 keys=32 split=1024}))' --remarks-filter=attn-tile-attention 2>&1 >/dev/null | FileCheck %s --check-prefix=GIVEN

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// The keys that all queries of a tile see are one range, rounded to whole
// register tiles; the diagonal is another. The longest tile goes first.
// REMARK: "prefill: {{[0-9]+}} rows x {{[0-9]+}} keys; {{[0-9]+}} x {{[0-9]+}} register tile ({{.*}}), query panel {{.*}} L1, {{.*}} L2"{{$}}
// GIVEN: "prefill: by option 64 rows, 32 keys, in place of {{[0-9]+}} rows
// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[V:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor
// CHECK-NOT: attn.attention
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG: %[[C7:.*]] = arith.constant 7 : index
// CHECK-DAG: %[[C16:.*]] = arith.constant 16 : index
// CHECK-DAG: %[[C32:.*]] = arith.constant 32 : index
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in (2, 8, 8) shared_outs(%[[OUT:.*]] = %[[O]])
// CHECK: arith.subi %[[C7]], %[[T]]
// CHECK: %[[KH:.*]] = arith.divui %[[H]], %[[C4]]
// CHECK: %[[ROWS:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], %[[I:.*]], 0] [1, 1, %[[M:.*]], 64]
// CHECK: %[[ACC0:.*]] = linalg.fill {{.*}} -> tensor<1x?x64xf32>
// CHECK: %[[MAX0:.*]] = linalg.fill {{.*}} -> tensor<1x?xf32>
// CHECK: %[[SUM0:.*]] = linalg.fill {{.*}} -> tensor<1x?xf32>
// CHECK: %[[FULL:.*]] = arith.muli %{{.*}}, %[[C16]]
// CHECK: %[[S:.*]]:3 = attn.key_loop step(%[[C32]]) segments(full %[[C0]] to %[[FULL]], partial %[[FULL]] to %{{.*}}) iter_args(%[[ACC0]], %[[MAX0]], %[[SUM0]] :
// CHECK-NEXT: ^bb0(%[[J:.*]]: index, %[[N:.*]]: index, %[[ACC:.*]]: tensor<1x?x64xf32>, %[[MAX:.*]]: tensor<1x?xf32>, %[[SUM:.*]]: tensor<1x?xf32>):
// CHECK: %[[KT:.*]] = tensor.extract_slice %[[K]][%[[B]], %[[KH]], %[[J]], 0] [1, 1, %[[N]], 64]
// CHECK: %[[VT:.*]] = tensor.extract_slice %[[V]][%[[B]], %[[KH]], %[[J]], 0] [1, 1, %[[N]], 64]
// CHECK: attn.online_attention ins(%[[ROWS]], %[[KT]], %[[VT]] : {{.*}}) positions(%[[B]], %[[H]], %[[I]], %[[J]]) outs(%[[ACC]], %[[MAX]], %[[SUM]] : {{.*}}) mask(#attn.causal) {{.*}}max_keys = 32{{.*}}scale = 1.250000e-01
// CHECK: } {max_rows = 64 : i64}
// CHECK: %[[OT:.*]] = tensor.extract_slice %[[OUT]][%[[B]], %[[H]], %[[I]], 0] [1, 1, %[[M]], 64]
// CHECK: %[[F:.*]] = attn.finalize_state ins(%[[S]]#0, %[[S]]#1, %[[S]]#2 : {{.*}}) outs(%[[OT]] :
// CHECK: tensor.parallel_insert_slice %[[F]] into %[[OUT]][%[[B]], %[[H]], %[[I]], 0]
func.func @causal(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.causal) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// CHECK-LABEL: func.func @window
// CHECK: attn.key_loop {{.*}} segments(partial %{{.*}} to %[[F:.*]], full %[[F]] to %[[G:.*]], partial %[[G]] to %{{[^,]*}}) iter_args
func.func @window(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.window<127, 0>) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// The sinks are full for everybody. The window starts behind them, or at the
// first key that its first query sees.
// CHECK-LABEL: func.func @sink_window
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG: %[[LEFT:.*]] = arith.constant -127 : index
// CHECK: %[[I:.*]] = arith.addi %{{.*}}, %[[LEFT]]
// CHECK: %[[MAX:.*]] = arith.maxsi %[[I]], %[[C0]]
// CHECK: %[[LO:.*]] = arith.maxsi %[[MAX]], %[[C4]]
// CHECK: attn.key_loop {{.*}} segments(full %[[C0]] to %[[C4]], partial %[[LO]] to %[[F:.*]], full %[[F]] to %[[G:.*]], partial %[[G]] to %{{[^,]*}}) iter_args
// CHECK: attn.online_attention {{.*}} mask(#attn.or<#attn.sink<4>, #attn.window<127, 0>>)
func.func @sink_window(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.or<#attn.sink<4>, #attn.window<127, 0>>) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// Bands inside of the widest need no loops of their own.
// CHECK-LABEL: func.func @many_terms
// CHECK: attn.key_loop {{.*}} segments(full %{{[^,]*}}, partial %{{[^,]*}}, full %{{[^,]*}}, partial %{{[^,]*}}) iter_args
func.func @many_terms(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.or<#attn.window<0, 0>, #attn.window<1, 1>, #attn.window<2, 2>, #attn.window<3, 3>, #attn.sink<4>>) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// Without a mask all keys are full, and tiles go in their order.
// CHECK-LABEL: func.func @no_mask
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[C512:.*]] = arith.constant 512 : index
// CHECK: scf.forall (%{{.*}}, %{{.*}}, %[[T:.*]]) in (2, 8, 8)
// CHECK: arith.muli %[[T]], %[[C64]]
// CHECK: attn.key_loop {{.*}} segments(full %[[C0]] to %[[C512]]) iter_args
// CHECK: attn.online_attention
// CHECK-NOT: mask(
// CHECK: return
func.func @no_mask(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x1x64xbf16>
!k = tensor<2x2x?x64xbf16>

// Decode: all heads of a group are one tile, the keys come in chunks, and the
// parts are merged in their order; the sink joins once, in the merge.
// REMARK: "decode: 4 rows, all heads of a group, as rows, so that K and V are read once; tiles of {{[0-9]+}} keys {{.*}} chunks of {{[0-9]+}}"{{$}}
// GIVEN: "decode: by option 32 keys, 1024 keys a chunk, in place of 4 rows
// CHECK-LABEL: func.func @decode
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[V:[a-z0-9]+]]: {{.*}}, %[[SINK:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
// CHECK-DAG: %[[C1024:.*]] = arith.constant 1024 : index
// CHECK: %[[N:.*]] = tensor.dim %[[K]],
// CHECK: %[[CHUNKS:.*]] = arith.divui %{{.*}}, %[[C1024]]
// CHECK: %[[COUNT:.*]] = arith.maxsi %[[CHUNKS]], %[[C1]]
// CHECK: %[[P0:.*]] = tensor.empty(%[[COUNT]]) : tensor<?x2x8x1x64xf32>
// CHECK: %[[L0:.*]] = tensor.empty(%[[COUNT]]) : tensor<?x2x8x1xf32>
// CHECK: %[[PARTS:.*]]:2 = scf.forall (%[[B:.*]], %[[KH:.*]], %[[S:.*]]) in (2, 2, %[[COUNT]]) shared_outs(%[[PO:.*]] = %[[P0]], %[[LO:.*]] = %[[L0]])
// CHECK: %[[H:.*]] = arith.muli %[[KH]], %[[C4]]
// CHECK: %[[AT:.*]] = arith.muli %[[S]], %[[C1024]]
// CHECK: %[[LOWER:.*]] = arith.minsi %[[AT]], %[[N]]
// CHECK: %[[END:.*]] = arith.addi %[[LOWER]], %[[C1024]]
// CHECK: %[[UPPER:.*]] = arith.minsi %[[END]], %[[N]]
// CHECK: %[[QT:.*]] = tensor.extract_slice %[[Q]][%[[B]], %[[H]], 0, 0] [1, 4, 1, 64] {{.*}} to tensor<4x1x64xbf16>
// CHECK: attn.key_loop {{.*}} segments(full %[[LOWER]] to %[[UPPER]]) iter_args
// CHECK: attn.online_attention ins(%[[QT]],
// CHECK: } {max_rows = 4 : i64}
// CHECK: attn.finalize_state
// CHECK-NOT: sink
// CHECK-SAME: -> tensor<4x1x64xf32>, tensor<4x1xf32>
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[PO]][%[[S]], %[[B]], %[[H]], 0, 0]
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[LO]][%[[S]], %[[B]], %[[H]], 0]
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]]) in (2, 8) shared_outs(%[[OUT:.*]] = %[[O]])
// CHECK: %[[P:.*]] = tensor.extract_slice %[[PARTS]]#0[0, %[[B]], %[[H]], 0, 0]
// CHECK: %[[L:.*]] = tensor.extract_slice %[[PARTS]]#1[0, %[[B]], %[[H]], 0]
// CHECK: attn.merge_states ins(%[[P]], %[[L]] : {{.*}}) sink(%[[SINK]] : tensor<8xf32> at %[[H]])
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[OUT]]
func.func @decode(%q: !q, %k: !k, %v: !k, %sink: tensor<8xf32>, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) sink(%sink : tensor<8xf32>) outs(%o : !q) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x?x64xbf16>
!k = tensor<2x2x?x64xbf16>

// The number of queries decides at run time: one, a vector of rows, or many.
// REMARK: "decode: 4 rows, {{.*}}; decode: 8 rows, {{.*}}; prefill: {{.*}}"{{$}}
// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C2:.*]] = arith.constant 2 : index
// CHECK: %[[M:.*]] = tensor.dim %[[Q]], %[[C2]]
// CHECK: %[[ONE:.*]] = arith.cmpi sle, %[[M]], %[[C1]]
// CHECK: scf.if %[[ONE]]
// CHECK: {max_rows = 4 : i64}
// CHECK: attn.merge_states
// CHECK: } else {
// CHECK: %[[FEW:.*]] = arith.cmpi sle, %[[M]], %[[C2]]
// CHECK: scf.if %[[FEW]]
// CHECK: {max_rows = 8 : i64}
// CHECK: attn.merge_states
// CHECK: } else {
// CHECK-NOT: attn.merge_states
// CHECK: {max_rows = 64 : i64}
func.func @dynamic(%q: !q, %k: !k, %v: !k, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#attn.causal) -> !q
  return %r : !q
}

// -----

!q = tensor<?x8x64xf32>
!k = tensor<?x2x64xf32>
!cu = tensor<5xi32>

// Ragged sequences: the grid reaches the longest; a shorter one has tiles
// without rows, which walk no keys.
// CHECK-LABEL: func.func @thd
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[CQ:[a-z0-9]+]]: tensor<5xi32>, %[[CK:[a-z0-9]+]]: tensor<5xi32>,
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK: %[[LONGEST:.*]] = scf.for
// CHECK: tensor.extract %[[CQ]]
// CHECK: arith.maxsi
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %{{.*}}) in (4, 8, %{{.*}}) shared_outs(%[[OUT:[a-z0-9]+]] = %{{.*}}, %[[LSE:[a-z0-9]+]] =
// CHECK: %[[QS:.*]] = tensor.extract %[[CQ]][%[[B]]]
// CHECK: %[[START:.*]] = arith.index_cast %[[QS]]
// CHECK: tensor.extract %[[CK]][%[[B]]]
// CHECK: %[[KEYS:.*]] = arith.subi
// CHECK: %[[COUNT:.*]] = arith.maxsi %{{.*}}, %[[C0]]
// CHECK: %[[EMPTY:.*]] = arith.cmpi eq, %[[COUNT]], %[[C0]]
// CHECK: arith.select %[[EMPTY]], %[[C0]], %[[KEYS]]
// CHECK: %[[ROW:.*]] = arith.addi %[[START]], %{{.*}}
// CHECK: tensor.extract_slice %[[Q]][%[[ROW]], %[[H]], 0] [%[[M:.*]], 1, 64] {{.*}} to tensor<?x1x64xf32>
// CHECK: attn.key_loop
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[OUT]][%[[ROW]], %[[H]], 0] [%[[M]], 1, 64]
// CHECK: tensor.parallel_insert_slice %{{.*}} into %[[LSE]][%[[H]], %[[ROW]]] [1, %[[M]]]
func.func @thd(%q: !q, %k: !k, %cq: !cu, %ck: !cu, %o: !q, %lse: tensor<8x?xf32>) -> (!q, tensor<8x?xf32>) {
  %r:2 = attn.attention ins(%q, %k, %k : !q, !k, !k) layout(thd) cu_seqlens(%cq, %ck : !cu, !cu) outs(%o, %lse : !q, tensor<8x?xf32>) mask(#attn.causal) -> !q, tensor<8x?xf32>
  return %r#0, %r#1 : !q, tensor<8x?xf32>
}

// -----

!q = tensor<2x512x8x64xf32>
!k = tensor<2x1024x2x64xf32>

// Heads behind the rows, lengths of sequences below that of the tensor: the
// keys of a sequence end at its length, which places its queries.
// CHECK-LABEL: func.func @bshd_kv_lens
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: {{.*}}, %[[LENS:[a-z0-9]+]]: tensor<2xi32>,
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C512:.*]] = arith.constant 512 : index
// CHECK-DAG: %[[C1024:.*]] = arith.constant 1024 : index
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %{{.*}}) in (2, 8, 8)
// CHECK: %[[E:.*]] = tensor.extract %[[LENS]][%[[B]]]
// CHECK: %[[CAST:.*]] = arith.index_cast %[[E]]
// CHECK: %[[MAX:.*]] = arith.maxsi %[[CAST]], %[[C0]]
// CHECK: %[[LEN:.*]] = arith.minsi %[[MAX]], %[[C1024]]
// CHECK: arith.subi %[[LEN]], %[[C512]]
// CHECK: tensor.extract_slice %[[Q]][%[[B]], %[[I:.*]], %[[H]], 0] [1, %[[M:.*]], 1, 64] {{.*}} to tensor<?x1x64xf32>
// CHECK: attn.key_loop {{.*}} segments(full %[[C0]] to %[[F:.*]], partial %[[F]] to %{{.*}})
// CHECK: tensor.extract_slice %[[K]][%[[B]], %{{.*}}, %{{.*}}, 0] [1, %{{.*}}, 1, 64] {{.*}} to tensor<?x64xf32>
// CHECK: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%[[B]], %[[I]], %[[H]], 0] [1, %[[M]], 1, 64]
func.func @bshd_kv_lens(%q: !q, %k: !k, %lens: tensor<2xi32>, %o: !q) -> !q {
  %r = attn.attention ins(%q, %k, %k : !q, !k, !k) layout(bshd) kv_lens(%lens : tensor<2xi32>) outs(%o : !q) mask(#attn.causal) -> !q
  return %r : !q
}

// -----

!q = tensor<2x8x512x64xf32>

// A score region moves into the tile op with what it captures, at the same maps;
// a given offset places the queries.
// CHECK-DAG: #[[MAP:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3 - d2 + 511)>
// CHECK-LABEL: func.func @score
// CHECK-SAME: %[[BIAS:[a-z0-9]+]]: tensor<8x1023xf32>, %[[OFFSET:[a-z0-9]+]]: index,
// CHECK: %[[I:.*]] = arith.addi %[[OFFSET]], %{{.*}}
// CHECK: attn.online_attention {{.*}} positions(%{{.*}}, %{{.*}}, %[[I]], %{{.*}}) {{.*}} score{{ ?}}(%[[BIAS]] at #[[MAP]] : tensor<8x1023xf32>)
// CHECK: ^bb0(%[[X:.*]]: f32, %[[E:.*]]: f32,
// CHECK: %[[Y:.*]] = arith.addf %[[X]], %[[E]] : f32
// CHECK: attn.yield %[[Y]]
func.func @score(%q: !q, %bias: tensor<8x1023xf32>, %offset: index, %o: !q) -> !q {
  %r = attn.attention ins(%q, %q, %q : !q, !q, !q) offset(%offset) outs(%o : !q)
    score(%bias at affine_map<(b, h, i, j) -> (h, j - i + 511)> : tensor<8x1023xf32>) {
    ^bb0(%x: f32, %e: f32, %b: index, %h: index, %i: index, %j: index):
      %y = arith.addf %x, %e : f32
      attn.yield %y : f32
    } -> !q
  return %r : !q
}

// -----

// Without a row there is nothing to compute.
// CHECK-LABEL: func.func @no_rows
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: tensor
// CHECK-NEXT: return %[[O]]
func.func @no_rows(%q: tensor<2x8x0x64xf32>, %k: tensor<2x8x16x64xf32>, %o: tensor<2x8x0x64xf32>) -> tensor<2x8x0x64xf32> {
  %r = attn.attention ins(%q, %k, %k : tensor<2x8x0x64xf32>, tensor<2x8x16x64xf32>, tensor<2x8x16x64xf32>) outs(%o : tensor<2x8x0x64xf32>) -> tensor<2x8x0x64xf32>
  return %r : tensor<2x8x0x64xf32>
}

// -----

!q = tensor<2x8x512x64xbf16>
!k = tensor<2x2x512x64xbf16>

// Each head has its own loop bounds: heads of 4 and more see nothing.
// CHECK-LABEL: func.func @symbols_and_heads
// CHECK-SAME: %[[L:[^:]*]]: index)
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %{{.*}}) in
// CHECK: arith.subi %{{.*}}, %[[L]]
// CHECK: attn.key_loop {{.*}} segments(partial {{[^,]*}}, full {{[^,]*}}, partial {{[^,]*}})
// CHECK: attn.online_attention {{.*}} mask(#attn.set<#{{.*}}>[%[[L]]] and #attn.causal)
#near = #attn.set<affine_map<(b, h, q, k)[l] -> (k - q + l, 3 - h)>>
func.func @symbols_and_heads(%q: !q, %k: !k, %v: !k, %o: !q, %l: index) -> !q {
  %r = attn.attention ins(%q, %k, %v : !q, !k, !k) outs(%o : !q) mask(#near[%l] and #attn.causal) -> !q
  return %r : !q
}
