// RUN: attn-opt %s -split-input-file -attn-decompose-reference | FileCheck %s
// RUN: attn-opt %s -split-input-file -attn-decompose-reference=row-streamed=false | FileCheck %s --check-prefix=WHOLE
// RUN: attn-opt %s -split-input-file -attn-decompose-reference=widen-results=false | FileCheck %s --check-prefix=NARROW

// One row of scores at a time; the mask's own predicate decides each pair, and
// the function returns what was computed, unrounded.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: -> tensor<1x4x?x32xf64>
// CHECK-NOT: attn.attention
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %[[I:.*]]) in (1, 4, %{{.*}})
// CHECK: %[[SCORES:.*]] = tensor.empty(%{{.*}}) : tensor<?xf64>
// CHECK: scf.for %[[J:.*]] = {{.*}} iter_args(%{{.*}} = %[[SCORES]]
// CHECK: %[[VISIBLE:.*]] = arith.cmpi sge
// CHECK: scf.if %[[VISIBLE]] -> (f64)
// CHECK: scf.for
// CHECK: arith.extf %{{.*}} : bf16 to f64
// CHECK: arith.mulf {{.*}} fastmath<reassoc,contract> : f64
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract> : f64
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: scf.forall.in_parallel
// CHECK: return %{{.*}} : tensor<1x4x?x32xf64>
// WHOLE-LABEL: func.func @causal
// WHOLE-NOT: scf.for
// WHOLE: linalg.generic {{.*}}"reduction"]} ins(%arg0 : tensor<1x4x?x32xbf16>) outs(%{{.*}} : tensor<1x4x?x?xf64>)
// WHOLE: arith.select
// WHOLE: arith.maximumf
// WHOLE: math.exp
// WHOLE: -> tensor<1x4x?x32xf64>
// NARROW-LABEL: func.func @causal
// NARROW-SAME: -> tensor<1x4x?x32xbf16>
// NARROW: arith.truncf %{{.*}} : f64 to bf16
// NARROW: return %{{.*}} : tensor<1x4x?x32xbf16>
func.func @causal(%q: tensor<1x4x?x32xbf16>, %k: tensor<1x2x?x32xbf16>, %v: tensor<1x2x?x32xbf16>, %init: tensor<1x4x?x32xbf16>) -> tensor<1x4x?x32xbf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x32xbf16>, tensor<1x2x?x32xbf16>, tensor<1x2x?x32xbf16>) outs(%init : tensor<1x4x?x32xbf16>) mask(#attn.causal) -> tensor<1x4x?x32xbf16>
  return %o : tensor<1x4x?x32xbf16>
}

// -----

// A score region computes in the wide type: constants keep their value, and
// conversions to its own type disappear.
// CHECK-LABEL: func.func @score
// CHECK: %[[BIAS:.*]] = tensor.extract %arg3
// CHECK: %[[WIDE:.*]] = arith.extf %[[BIAS]] : f16 to f64
// CHECK: %[[CAP:.*]] = arith.constant 0.10000000149011612 : f64
// CHECK-NOT: f32
// CHECK: arith.divf %{{.*}}, %[[CAP]] : f64
// CHECK: math.tanh %{{.*}} : f64
// CHECK: arith.addf %{{.*}}, %[[WIDE]] : f64
func.func @score(%q: tensor<1x4x8x32xf16>, %k: tensor<1x4x8x32xf16>, %v: tensor<1x4x8x32xf16>, %bias: tensor<4x15xf16>, %init: tensor<1x4x8x32xf16>) -> tensor<1x4x8x32xf16> {
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x8x32xf16>, tensor<1x4x8x32xf16>, tensor<1x4x8x32xf16>) outs(%init : tensor<1x4x8x32xf16>)
    score(%bias at affine_map<(b, h, i, j) -> (h, j - i + 7)> : tensor<4x15xf16>) {
    ^bb0(%x: f32, %e: f16, %b: index, %h: index, %i: index, %j: index):
      %cap = arith.constant 0.1 : f32
      %0 = arith.divf %x, %cap : f32
      %1 = math.tanh %0 : f32
      %2 = arith.extf %e : f16 to f32
      %3 = arith.addf %1, %2 : f32
      attn.yield %3 : f32
    } -> tensor<1x4x8x32xf16>
  return %o : tensor<1x4x8x32xf16>
}

// -----

// A merge reads unrounded parts; a use that is not a return sees its own type.
// CHECK-LABEL: func.func @merge
// CHECK-SAME: -> (tensor<8x16xf64>, tensor<8xf32>)
// CHECK: scf.forall
// CHECK: tensor.extract {{.*}} : tensor<4x8xf32>
// CHECK: %[[DOUBLE:.*]] = arith.truncf %{{.*}} : f64 to f32
// CHECK: return
func.func @merge(%parts: tensor<4x8x16xf32>, %lses: tensor<4x8xf32>, %o: tensor<8x16xf32>, %l: tensor<8xf32>) -> (tensor<8x16xf32>, tensor<8xf32>) {
  %r:2 = attn.merge_states ins(%parts, %lses : tensor<4x8x16xf32>, tensor<4x8xf32>) outs(%o, %l : tensor<8x16xf32>, tensor<8xf32>) -> tensor<8x16xf32>, tensor<8xf32>
  %s = arith.addf %r#1, %r#1 : tensor<8xf32>
  return %r#0, %s : tensor<8x16xf32>, tensor<8xf32>
}

// -----

// A function that something calls keeps its type.
// CHECK-LABEL: func.func private @callee
// CHECK-SAME: -> tensor<8x16xf32>
func.func private @callee(%parts: tensor<4x8x16xf32>, %lses: tensor<4x8xf32>, %o: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %r = attn.merge_states ins(%parts, %lses : tensor<4x8x16xf32>, tensor<4x8xf32>) outs(%o : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}
func.func @caller(%parts: tensor<4x8x16xf32>, %lses: tensor<4x8xf32>, %o: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %r = call @callee(%parts, %lses, %o) : (tensor<4x8x16xf32>, tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}
