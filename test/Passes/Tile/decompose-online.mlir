// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-decompose-online))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-decompose-online),one-shot-bufferize{bufferize-function-boundaries},canonicalize)' | FileCheck %s --check-prefix=BUFFER

#q = affine_map<(g, m, n, d, e) -> (g, m, d)>
#k = affine_map<(g, m, n, d, e) -> (n, d)>
#v = affine_map<(g, m, n, d, e) -> (n, e)>
#acc = affine_map<(g, m, n, d, e) -> (g, m, e)>
#row = affine_map<(g, m, n, d, e) -> (g, m)>

// Products, scores, the maximum, weights, the factor of the old state, the sum
// and the values. log2(e) comes after the score region, and a row of nothing but
// hidden pairs has its maximum taken as 0.
// CHECK-DAG: #[[PAIR:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @tile
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<4x64x128xbf16>, %[[K:[a-z0-9]+]]: tensor<?x128xbf16>, %[[V:[a-z0-9]+]]: tensor<?x64xbf16>, %[[B:[a-z0-9]+]]: index, %[[H:[a-z0-9]+]]: index, %[[I:[a-z0-9]+]]: index, %[[J:[a-z0-9]+]]: index, %[[BIAS:[a-z0-9]+]]: tensor<32x?xf32>, %[[ACC:[a-z0-9]+]]: tensor<4x64x64xf32>, %[[MAX:[a-z0-9]+]]: tensor<4x64xf32>, %[[SUM:[a-z0-9]+]]: tensor<4x64xf32>
// CHECK: %[[P:.*]] = linalg.generic {{.*}} ins(%[[Q]], %[[K]] : {{.*}}) outs(%{{.*}} : tensor<4x64x?xf32>)
// CHECK: arith.extf
// CHECK: %[[S:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<4x64x?xf32>)
// CHECK: %[[X:.*]] = arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: linalg.index 2
// CHECK: %[[E:.*]] = tensor.extract %[[BIAS]]
// CHECK: %[[Y:.*]] = arith.addf %[[X]], %[[E]] : f32
// CHECK: %[[VISIBLE:.*]] = arith.cmpi sge
// CHECK: arith.select %[[VISIBLE]], %[[Y]], %{{.*}} : f32
// CHECK: %[[T:.*]] = linalg.generic {{.*}} ins(%[[S]] : tensor<4x64x?xf32>)
// CHECK: arith.maximumf
// CHECK: %[[M:.*]] = linalg.generic {{.*}} ins(%[[MAX]], %[[T]] : tensor<4x64xf32>, tensor<4x64xf32>)
// CHECK: %[[W:.*]] = linalg.generic {{.*}} ins(%[[S]], %[[M]] :
// CHECK: ^bb0(%[[YY:.*]]: f32, %[[MM:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[MM]], %{{.*}} : f32
// CHECK: %[[SAFE:.*]] = arith.select %[[NONE]], %{{.*}}, %[[MM]] : f32
// CHECK: %[[DIFF:.*]] = arith.subf %[[YY]], %[[SAFE]] : f32
// CHECK: %[[LOG2E:.*]] = arith.constant 1.442695{{.*}} : f32
// CHECK: %[[POWER:.*]] = arith.mulf %[[DIFF]], %[[LOG2E]] : f32
// CHECK: math.exp2 %[[POWER]] : f32
// CHECK: %[[F:.*]] = linalg.generic {{.*}} ins(%[[MAX]], %[[M]] :
// CHECK: math.exp2
// CHECK: linalg.generic {{.*}} ins(%[[F]] : tensor<4x64xf32>) outs(%[[SUM]] :
// CHECK: linalg.generic {{.*}} ins(%[[W]] : tensor<4x64x?xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[F]] : tensor<4x64xf32>) outs(%[[ACC]] :
// CHECK: linalg.generic {{.*}} ins(%[[W]], %[[V]] :
// CHECK: arith.extf
// CHECK: arith.select
// CHECK: linalg.copy ins(%[[M]] : tensor<4x64xf32>) outs(%[[MAX]] : tensor<4x64xf32>)
// BUFFER-LABEL: func.func @tile
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @tile(%q: tensor<4x64x128xbf16>, %k: tensor<?x128xbf16>, %v: tensor<?x64xbf16>, %b: index, %h: index, %i: index, %j: index, %bias: tensor<32x?xf32>, %acc: tensor<4x64x64xf32>, %max: tensor<4x64xf32>, %sum: tensor<4x64xf32>) -> (tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<4x64x128xbf16>, tensor<?x128xbf16>, tensor<?x64xbf16>) positions(%b, %h, %i, %j)
    outs(%acc, %max, %sum : tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) mask(#attn.causal)
    score(%bias at affine_map<(b, h, i, j) -> (h, j)> : tensor<32x?xf32>) {
    ^bb0(%x: f32, %e: f32, %rb: index, %rh: index, %ri: index, %rj: index):
      %y = arith.addf %x, %e : f32
      attn.yield %y : f32
    } {indexing_maps = [#q, #k, #v, #acc, #row, #row], row_map = affine_map<(g, m) -> (g, m)>, scale = 0.125 : f32}
    -> tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
  return %r#0, %r#1, %r#2 : tensor<4x64x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
}

// -----

#pq = affine_map<(p, w, n, d, e) -> (p, d, w)>
#pk = affine_map<(p, w, n, d, e) -> (n, d)>
#pv = affine_map<(p, w, n, d, e) -> (n, e)>
#pacc = affine_map<(p, w, n, d, e) -> (p, e, w)>
#prow = affine_map<(p, w, n, d, e) -> (p, w)>

// Queries as lanes: the maps of the op decide the layout. Without a mask no
// value is selected away.
// CHECK-DAG: #[[PQ:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1)>
// CHECK-DAG: #[[PK:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[PS:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @panels
// CHECK: linalg.generic {indexing_maps = [#[[PQ]], #[[PK]], #[[PS]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
// CHECK: linalg.generic {indexing_maps = [#[[PS]], #[[PK]], #[[PQ]]], iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
// CHECK-NOT: arith.select
// CHECK: linalg.copy
// BUFFER-LABEL: func.func @panels
// BUFFER: return
func.func @panels(%q: tensor<?x128x16xf32>, %k: tensor<?x128xbf16>, %v: tensor<?x64xbf16>, %i: index, %acc: tensor<?x64x16xf32>, %max: tensor<?x16xf32>, %sum: tensor<?x16xf32>) -> tensor<?x64x16xf32> {
  %r:3 = attn.online_attention ins(%q, %k, %v : tensor<?x128x16xf32>, tensor<?x128xbf16>, tensor<?x64xbf16>) positions(%i, %i, %i, %i)
    outs(%acc, %max, %sum : tensor<?x64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>)
    {indexing_maps = [#pq, #pk, #pv, #pacc, #prow, #prow], row_map = affine_map<(p, w) -> (0, p * 16 + w)>, scale = 0.125 : f32}
    -> tensor<?x64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
  return %r#0 : tensor<?x64x16xf32>
}

// -----

// Rows past the end repeat the last one.
// CHECK-LABEL: func.func @pack
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?x128x64xf32>)
// CHECK: arith.minsi
// CHECK: tensor.extract %{{.*}} : tensor<1x?x128xbf16>
// CHECK: arith.extf
// BUFFER-LABEL: func.func @pack
// BUFFER-NOT: memref.alloc
// BUFFER: return
func.func @pack(%q: tensor<1x?x128xbf16>, %init: tensor<?x128x64xf32>) -> tensor<?x128x64xf32> {
  %p = attn.pack_rows %q into %init {row_map = affine_map<(p, w) -> (0, p * 64 + w)>,
         source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
       : tensor<1x?x128xbf16> into tensor<?x128x64xf32> -> tensor<?x128x64xf32>
  return %p : tensor<?x128x64xf32>
}

// -----

// Rows go where row_map sends them, and nowhere if that is outside.
// CHECK-LABEL: func.func @finalize
// CHECK: scf.for %[[P:[a-z0-9]+]] = {{.*}} -> (tensor<4x?x64xf16>, tensor<4x?xf32>)
// CHECK: scf.for %[[W:[a-z0-9]+]] =
// CHECK: arith.cmpi ult
// CHECK: scf.if
// CHECK: tensor.extract %{{.*}}[%[[P]], %[[W]]]
// CHECK: math.exp2
// CHECK: arith.truncf %{{.*}} : f32 to f16
// CHECK: math.log
// BUFFER-LABEL: func.func @finalize
// BUFFER-NOT: memref.alloc
// BUFFER: return
func.func @finalize(%acc: tensor<?x64x16xf32>, %max: tensor<?x16xf32>, %sum: tensor<?x16xf32>, %sink: tensor<32xf32>, %head: index, %o: tensor<4x?x64xf16>, %l: tensor<4x?xf32>) -> (tensor<4x?x64xf16>, tensor<4x?xf32>) {
  %r:2 = attn.finalize_state ins(%acc, %max, %sum : tensor<?x64x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) sink(%sink : tensor<32xf32> at %head)
    outs(%o, %l : tensor<4x?x64xf16>, tensor<4x?xf32>)
    {state_map = affine_map<(p, w, e) -> (p, e, w)>, row_map = affine_map<(p, w) -> (w mod 4, p * 4 + w floordiv 4)>, out_map = affine_map<(g, m, e) -> (g, m, e)>}
    -> tensor<4x?x64xf16>, tensor<4x?xf32>
  return %r#0, %r#1 : tensor<4x?x64xf16>, tensor<4x?xf32>
}

// -----

// CHECK-LABEL: func.func @merge
// CHECK-NOT: attn.merge_states
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<?x8xf32>) outs(%{{.*}} : tensor<8xf32>)
// CHECK: arith.maximumf
// CHECK: math.exp2
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: math.log
// BUFFER-LABEL: func.func @merge
// BUFFER: return
func.func @merge(%parts: tensor<?x8x64xf32>, %lses: tensor<?x8xf32>, %o: tensor<8x64xbf16>, %l: tensor<8xf32>) -> (tensor<8x64xbf16>, tensor<8xf32>) {
  %r:2 = attn.merge_states ins(%parts, %lses : tensor<?x8x64xf32>, tensor<?x8xf32>) outs(%o, %l : tensor<8x64xbf16>, tensor<8xf32>) -> tensor<8x64xbf16>, tensor<8xf32>
  return %r#0, %r#1 : tensor<8x64xbf16>, tensor<8xf32>
}
