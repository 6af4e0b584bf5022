// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-lower-tiles-to-vector{target=x86-64-v3},canonicalize,cse))' | FileCheck %s --implicit-check-not=attn. --implicit-check-not=vector.reduction

#q = affine_map<(p, w, n, d, e) -> (p, d, w)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!kv = memref<?x64xf32, strided<[64, 1], offset: ?>>
!acc = memref<?x64x16xf32>
!row = memref<?x16xf32>

// Queries as lanes: keys broadcast against vectors of queries, six keys by two
// vectors at once; scale, score region, mask and maximum in the epilogue; log2(e)
// after the score region; the accumulator rescaled as it is loaded. A panel takes
// the keys alone that some row of it sees, and the reads of captured memrefs stay
// inside.
// CHECK-LABEL: func.func @lanes
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?x64x16xf32>, %[[K:[a-z0-9]+]]: memref<?x64xf32{{[^%]*}}, %[[V:[a-z0-9]+]]: memref<?x64xf32{{[^%]*}}, %[[B:[a-z0-9]+]]: index, %[[I:[a-z0-9]+]]: index, %[[J:[a-z0-9]+]]: index, %[[BIAS:[a-z0-9]+]]: memref<8x?xf32>, %[[ACC:[a-z0-9]+]]: memref<?x64x16xf32>, %[[MAX:[a-z0-9]+]]: memref<?x16xf32>, %[[SUM:[a-z0-9]+]]: memref<?x16xf32>
// CHECK-DAG: %[[LOWEST:.*]] = arith.constant dense<0xFF800000> : vector<8xf32>
// CHECK-DAG: %[[SCALE:.*]] = arith.constant dense<1.250000e-01> : vector<8xf32>
// CHECK-DAG: %[[LOG2E:.*]] = arith.constant dense<1.442695{{.*}}> : vector<8xf32>
// CHECK: %[[S:.*]] = memref.alloc() {alignment = 64 : i64} : memref<32x16xf32>
// CHECK-NOT: memref.alloc
// CHECK: scf.for %[[P:.*]] =
// CHECK: %[[ANY:.*]] = arith.cmpi sgt
// CHECK: scf.if %[[ANY]]
// CHECK: scf.for %[[N:[a-z0-9]+]] = {{.*}} step %c6 iter_args
// CHECK: memref.prefetch %[[K]]
// CHECK: %[[SUMS:.*]]:12 = scf.for
// CHECK: vector.load %[[Q]][%[[P]], {{.*}}] : memref<?x64x16xf32>, vector<8xf32>
// CHECK: %[[E:.*]] = memref.load %[[K]]
// CHECK: %[[KEY:.*]] = vector.broadcast %[[E]]
// CHECK: vector.fma %[[KEY]],
// CHECK: %[[X:.*]] = arith.mulf %[[SUMS]]#0, %[[SCALE]] : vector
// CHECK: %[[SIZE:.*]] = memref.dim %[[BIAS]]
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: %[[C:.*]] = memref.load %[[BIAS]]
// CHECK: %[[CV:.*]] = vector.broadcast %[[C]]
// CHECK: %[[Y:.*]] = arith.addf %[[X]], %[[CV]]
// CHECK: %[[VISIBLE:.*]] = arith.cmpi sle, {{.*}} : vector<8xi32>
// CHECK: %[[Z:.*]] = arith.select %[[VISIBLE]], %[[Y]], %[[LOWEST]]
// CHECK: vector.store %[[Z]], %[[S]][
// CHECK: arith.cmpf ogt, %[[Z]],
// CHECK: %[[OLD:.*]] = arith.mulf %{{.*}}, %[[LOG2E]] : vector
// CHECK: %[[FACTOR:.*]] = math.exp2 %[[OLD]] : vector<8xf32>
// CHECK: vector.load %[[S]]
// CHECK: %[[DIFF:.*]] = arith.subf
// CHECK: %[[POWER:.*]] = arith.mulf %[[DIFF]], %[[LOG2E]] : vector
// CHECK: %[[WEIGHT:.*]] = math.exp2 %[[POWER]] : vector<8xf32>
// CHECK: vector.store %[[WEIGHT]], %[[S]]
// CHECK: vector.fma %{{.*}}, %[[FACTOR]], %{{.*}}
// CHECK: vector.store %{{.*}}, %[[SUM]]
// CHECK: vector.store %{{.*}}, %[[MAX]]
// CHECK: vector.load %[[ACC]]
// CHECK: memref.load %[[V]]
// CHECK: vector.store %{{.*}}, %[[ACC]]
// CHECK: memref.dealloc %[[S]]
// CHECK-NEXT: return
func.func @lanes(%q: !acc, %k: !kv, %v: !kv, %b: index, %i: index, %j: index, %bias: memref<8x?xf32>, %acc: !acc, %max: !row, %sum: !row) {
  attn.online_attention ins(%q, %k, %v : !acc, !kv, !kv) positions(%b, %b, %i, %j) outs(%acc, %max, %sum : !acc, !row, !row) mask(#attn.causal)
    score(%bias at affine_map<(b, h, i, j) -> (h, j)> : memref<8x?xf32>) {
    ^bb0(%x: f32, %e: f32, %rb: index, %rh: index, %ri: index, %rj: index):
      %y = arith.addf %x, %e : f32
      attn.yield %y : f32
    } {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
  return
}

// -----

#q = affine_map<(p, w, n, d, e) -> (p, d, w)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!kv = memref<?x64xbf16, strided<[?, 1], offset: ?>>
!acc = memref<?x64x16xf32>
!row = memref<?x16xf32>

// Narrow keys and values are widened once a tile. All scratch memory is
// allocated in the parallel tile around, outside of its loops. Without a mask
// nothing is hidden, and a tile of all its keys has code of its own.
// CHECK-LABEL: func.func @narrow
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[K:[a-z0-9]+]]: memref<?x64xbf16{{[^%]*}}, %[[V:[a-z0-9]+]]: memref<?x64xbf16
// CHECK-NOT: arith.cmpi sl{{[te]}}, {{.*}}vector
// CHECK: scf.forall
// CHECK-DAG: %[[KB:.*]] = memref.alloc() {{.*}} : memref<32x64xf32>
// CHECK-DAG: %[[VB:.*]] = memref.alloc() {{.*}} : memref<32x64xf32>
// CHECK-DAG: memref.alloc() {{.*}} : memref<32x16xf32>
// CHECK: scf.for
// CHECK-NOT: memref.alloc
// CHECK: vector.load %[[K]]
// CHECK: arith.extf {{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK: vector.load %[[V]]
// CHECK: arith.extf {{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK: %[[WHOLE:.*]] = arith.cmpi eq, %{{.*}}, %c32 : index
// CHECK: scf.if %[[WHOLE]]
// CHECK: } else {
// CHECK: math.exp2
// CHECK-COUNT-3: memref.dealloc
func.func @narrow(%q: !acc, %k: !kv, %v: !kv, %acc: !acc, %max: !row, %sum: !row, %n: index, %step: index) {
  scf.forall (%b) in (4) {
    scf.for %j = %b to %n step %step {
      attn.online_attention ins(%q, %k, %v : !acc, !kv, !kv) positions(%b, %b, %b, %j) outs(%acc, %max, %sum : !acc, !row, !row)
        {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
    }
  }
  return
}

// -----

#q = affine_map<(p, w, n, d, e) -> (p, w, d)>
#k = affine_map<(p, w, n, d, e) -> (n, d)>
#v = affine_map<(p, w, n, d, e) -> (n, e)>
#acc = affine_map<(p, w, n, d, e) -> (p, w, e)>
#row = affine_map<(p, w, n, d, e) -> (p, w)>
!kv = memref<?x64xbf16, strided<[?, 1], offset: ?>>
!acc = memref<1x4x64xf32>
!row = memref<1x4xf32>

// Queries as rows: whole vectors of keys, each read once for the four rows of two
// keys at a time, four of them a step: a cache line, beside which the values are
// prefetched. The eight sums are folded to one vector by shuffles. The next keys are
// prefetched while values are summed.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<1x4x64xf32>, %[[K:[a-z0-9]+]]: memref<?x64xbf16{{[^%]*}}, %[[V:[a-z0-9]+]]: memref<?x64xbf16
// CHECK: memref.alloc() {{.*}} : memref<16x8xf32>
// CHECK-NOT: memref.alloc
// CHECK: scf.for
// CHECK: %[[SUMS:.*]]:8 = scf.for
// CHECK: memref.prefetch %[[V]]
// CHECK-COUNT-8: vector.load %[[K]]{{.*}}, vector<8xbf16>
// CHECK-NOT: vector.load %[[K]]
// CHECK: vector.shuffle %[[SUMS]]#0, %[[SUMS]]#4
// CHECK: math.exp2 %{{.*}} : vector<8xf32>
// CHECK: memref.prefetch %[[K]]
// CHECK: vector.load %[[V]]{{.*}}, vector<8xbf16>
// CHECK: memref.dealloc
func.func @rows(%q: !acc, %k: !kv, %v: !kv, %b: index, %i: index, %j: index, %acc: !acc, %max: !row, %sum: !row) {
  attn.online_attention ins(%q, %k, %v : !acc, !kv, !kv) positions(%b, %b, %i, %j) outs(%acc, %max, %sum : !acc, !row, !row)
    {indexing_maps = [#q, #k, #v, #acc, #row, #row], max_keys = 32 : i64, row_map = affine_map<(p, w) -> (w, p)>, scale = 0.125 : f32}
  return
}

// -----

// Blocks of 8 x 8 elements are transposed in registers. Rows past the end repeat
// the last one.
// CHECK-LABEL: func.func @pack
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<1x?x64xbf16>, %[[P:[a-z0-9]+]]: memref
// CHECK: %[[M:.*]] = memref.dim %[[Q]], %c1
// CHECK: %[[LAST:.*]] = arith.addi %[[M]], %c-1
// CHECK: arith.minsi %{{.*}}, %[[LAST]]
// CHECK-COUNT-8: vector.load %[[Q]]{{.*}}, vector<8xbf16>
// CHECK: vector.shuffle
// CHECK-COUNT-8: vector.store %{{.*}}, %[[P]]{{.*}}, vector<8xf32>
func.func @pack(%q: memref<1x?x64xbf16>, %p: memref<?x64x16xf32>) {
  attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 16 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : memref<1x?x64xbf16> into memref<?x64x16xf32>
  return
}

// -----

// A head size that is no multiple of a vector leaves elements.
// CHECK-LABEL: func.func @pack_rest
// CHECK: vector.store
// CHECK: memref.load %{{.*}} : memref<1x?x66xf32>
// CHECK: memref.store %{{.*}} : memref<?x66x16xf32>
func.func @pack_rest(%q: memref<1x?x66xf32>, %p: memref<?x66x16xf32>) {
  attn.pack_rows %q into %p {row_map = affine_map<(p, w) -> (0, p * 16 + w)>, source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
    : memref<1x?x66xf32> into memref<?x66x16xf32>
  return
}

// -----

// The sink joins maximum and sum; rows that pad a panel are not stored.
// CHECK-LABEL: func.func @finalize
// CHECK-SAME: %[[ACC:[a-z0-9]+]]: memref<?x64x16xf32>, %[[MAX:[a-z0-9]+]]: {{.*}}, %[[SUM:[a-z0-9]+]]: {{.*}}, %[[SINK:[a-z0-9]+]]: memref<8xf32>, %{{.*}}: index, %[[O:[a-z0-9]+]]: memref<1x?x64xbf16>, %[[L:[a-z0-9]+]]: memref<1x?xf32>
// CHECK: memref.load %[[SINK]]
// CHECK: vector.load %[[SUM]]
// CHECK: vector.load %[[MAX]]
// CHECK: math.exp2
// CHECK: math.log
// CHECK: vector.load %[[ACC]]
// CHECK: scf.if
// CHECK: arith.truncf {{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK: vector.store %{{.*}}, %[[O]]
// CHECK: memref.store %{{.*}}, %[[L]]
func.func @finalize(%acc: memref<?x64x16xf32>, %max: memref<?x16xf32>, %sum: memref<?x16xf32>, %sink: memref<8xf32>, %h: index, %o: memref<1x?x64xbf16>, %l: memref<1x?xf32>) {
  attn.finalize_state ins(%acc, %max, %sum : memref<?x64x16xf32>, memref<?x16xf32>, memref<?x16xf32>) sink(%sink : memref<8xf32> at %h)
    outs(%o, %l : memref<1x?x64xbf16>, memref<1x?xf32>)
    {state_map = affine_map<(p, w, e) -> (p, e, w)>, row_map = affine_map<(p, w) -> (0, p * 16 + w)>, out_map = affine_map<(g, m, e) -> (g, m, e)>}
  return
}

// -----

// CHECK-LABEL: func.func @merge
// CHECK-SAME: %[[PARTS:[a-z0-9]+]]: memref<?x8x64xf32>, %[[LSES:[a-z0-9]+]]: memref<?x8xf32>, %[[O:[a-z0-9]+]]: memref
// CHECK: memref.load %[[LSES]]
// CHECK: math.exp2
// CHECK: vector.load %[[PARTS]]
// CHECK: arith.truncf {{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK: vector.store %{{.*}}, %[[O]]
func.func @merge(%parts: memref<?x8x64xf32>, %lses: memref<?x8xf32>, %o: memref<8x64xbf16>) {
  attn.merge_states ins(%parts, %lses : memref<?x8x64xf32>, memref<?x8xf32>) outs(%o : memref<8x64xbf16>)
  return
}

// -----

// Fills of whole vectors; another one is left to upstream.
// CHECK-LABEL: func.func @fill
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<?x16xf32>, %[[B:[a-z0-9]+]]: memref<?x3xf32>
// CHECK: vector.store %{{.*}}, %[[A]]
// CHECK: linalg.fill {{.*}} outs(%[[B]]
func.func @fill(%m: memref<?x16xf32>, %s: memref<?x3xf32>, %x: f32) {
  linalg.fill ins(%x : f32) outs(%m : memref<?x16xf32>)
  linalg.fill ins(%x : f32) outs(%s : memref<?x3xf32>)
  return
}
