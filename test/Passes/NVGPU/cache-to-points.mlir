// RUN: attn-opt %s -split-input-file -verify-diagnostics --attn-gpu-linalg-to-points | FileCheck %s

// A point is a pair of elements of a token, or one that does not turn; all heads.
// CHECK-LABEL: func.func @partial
// CHECK: scf.forall (%[[B:.*]], %[[T:.*]], %[[I:.*]]) in (2, 7, 32)
// CHECK: %[[PAIR:.*]] = arith.cmpi slt, %[[I]], %c16
// CHECK: %[[FIRST:.*]] = arith.select %[[PAIR]], %[[I]]
// CHECK: %[[COUNT:.*]] = arith.select %[[PAIR]], %c2{{.*}}, %c1
// CHECK: tensor.extract_slice %{{.*}}[%[[B]], 0, %[[T]], %[[FIRST]]] [1, 3, 1, %[[COUNT]]] [1, 1, 1, 16]
// CHECK: math.cos
// CHECK: math.sin
// CHECK: scf.for
// CHECK: tensor.parallel_insert_slice
func.func @partial(%x: tensor<2x3x7x48xf32>) -> tensor<2x3x7x48xf32> {
  %e = tensor.empty() : tensor<2x3x7x48xf32>
  %0 = attn.rope ins(%x : tensor<2x3x7x48xf32>) outs(%e : tensor<2x3x7x48xf32>) {rotary = 32 : i64} -> tensor<2x3x7x48xf32>
  return %0 : tensor<2x3x7x48xf32>
}

// -----

// A token that a later one replaces, or whose slot is outside, is a slice of no
// elements; what is not written stays.
// CHECK-LABEL: func.func @append
// CHECK: %[[KEPT:.*]] = scf.forall (%[[T:.*]]) in (5)
// CHECK: scf.for
// CHECK: arith.cmpi eq
// CHECK: arith.ori
// CHECK: arith.cmpi uge
// CHECK: scf.forall (%[[T:.*]], %[[D:.*]]) in (5, 8) shared_outs(%{{.*}} = %arg3)
// CHECK: tensor.extract %[[KEPT]][%[[T]]]
// CHECK: tensor.extract_slice %{{.*}}[%{{.*}}, %c0{{.*}}, %{{.*}}, %[[D]]] [%{{.*}}, 2, 1, 1]
// CHECK: {attn.in_place}
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %arg4)
// CHECK: {attn.in_place}
func.func @append(%k: tensor<5x2x8xf32>, %v: tensor<5x2x8xf32>, %slots: tensor<5xi64>,
                  %kp: tensor<9x2x4x8xbf16>, %vp: tensor<9x2x4x8xbf16>) -> (tensor<9x2x4x8xbf16>, tensor<9x2x4x8xbf16>) {
  %0, %1 = attn.kv_append ins(%k, %v : tensor<5x2x8xf32>, tensor<5x2x8xf32>) slots(%slots : tensor<5xi64>)
      outs(%kp, %vp : tensor<9x2x4x8xbf16>, tensor<9x2x4x8xbf16>) -> tensor<9x2x4x8xbf16>, tensor<9x2x4x8xbf16>
  return %0, %1 : tensor<9x2x4x8xbf16>, tensor<9x2x4x8xbf16>
}

// -----

// Entries of the table that no key needs are not read.
// CHECK-LABEL: func.func @gather
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %[[J:.*]], %[[D:.*]]) in (1, 2, 12, 8)
// CHECK: arith.cmpi slt, %[[J]]
// CHECK: scf.if
// CHECK: %[[PAGE:.*]] = tensor.extract %arg1[%[[B]], %{{.*}}]
// CHECK: tensor.extract %arg0[%{{.*}}, %[[H]], %{{.*}}, %[[D]]]
func.func @gather(%pool: tensor<9x2x4x8xf32>, %t: tensor<1x3xi32>, %l: tensor<1xi32>) -> tensor<1x2x12x8xf32> {
  %e = tensor.empty() : tensor<1x2x12x8xf32>
  %0 = attn.kv_gather ins(%pool : tensor<9x2x4x8xf32>) pages(%t : tensor<1x3xi32>) kv_lens(%l : tensor<1xi32>)
      outs(%e : tensor<1x2x12x8xf32>) -> tensor<1x2x12x8xf32>
  return %0 : tensor<1x2x12x8xf32>
}

// -----

func.func @before(%k: tensor<5x2x8xf32>, %slots: tensor<5xi64>, %kp: tensor<9x2x4x8xf32>, %vp: tensor<9x2x4x8xf32>)
    -> (tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>) {
  // expected-error @below {{into a cache whose earlier value is used elsewhere has no lowering for GPUs}}
  %0, %1 = attn.kv_append ins(%k, %k : tensor<5x2x8xf32>, tensor<5x2x8xf32>) slots(%slots : tensor<5xi64>)
      outs(%kp, %vp : tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>) -> tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>
  return %0, %1, %kp : tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>, tensor<9x2x4x8xf32>
}

// -----

func.func @rotary(%x: tensor<2x3x7x?xf32>) -> tensor<2x3x7x?xf32> {
  // expected-error @below {{expected a static number of rotary elements}}
  %0 = attn.rope ins(%x : tensor<2x3x7x?xf32>) outs(%x : tensor<2x3x7x?xf32>) -> tensor<2x3x7x?xf32>
  return %0 : tensor<2x3x7x?xf32>
}

// -----

// A thread has a scale and all elements of its group; another one a byte of two codes.
// CHECK-LABEL: func.func @quantize
// CHECK: %[[ZERO:.*]] = scf.forall (%[[T:.*]], %[[H:.*]], %[[G:.*]]) in (5, 2, 4)
// CHECK: %[[FIRST:.*]] = arith.muli %[[G]], %c32
// CHECK: scf.for
// CHECK: tensor.extract %arg0[%[[T]], %[[H]],
// CHECK: arith.minnumf
// CHECK: scf.forall {{.*}} in (5, 2, 4)
// CHECK: arith.maxnumf
// CHECK: tensor.extract %[[ZERO]]
// CHECK: scf.forall {{.*}} in (5, 2, 64)
// CHECK-COUNT-2: math.roundeven
// CHECK: arith.shli
// CHECK: arith.ori
// CHECK-NOT: attn.kv_quantize
func.func @quantize(%x: tensor<5x2x128xbf16>) -> (tensor<5x2x64xi8>, tensor<5x2x4xf32>, tensor<5x2x4xf32>) {
  %e = tensor.empty() : tensor<5x2x64xi8>
  %s = tensor.empty() : tensor<5x2x4xf32>
  %z = tensor.empty() : tensor<5x2x4xf32>
  %0, %1, %2 = attn.kv_quantize ins(%x : tensor<5x2x128xbf16>) packed(int4)
      at affine_map<(t, h, d) -> (t, h, d floordiv 32)>
      outs(%e, %s, %z : tensor<5x2x64xi8>, tensor<5x2x4xf32>, tensor<5x2x4xf32>)
      -> tensor<5x2x64xi8>, tensor<5x2x4xf32>, tensor<5x2x4xf32>
  return %0, %1, %2 : tensor<5x2x64xi8>, tensor<5x2x4xf32>, tensor<5x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @dequantize
// CHECK: scf.forall {{.*}} in (5, 128)
// CHECK: arith.bitcast {{.*}} : f8E4M3FN to i8
// CHECK: arith.bitcast {{.*}} : i16 to f16
// CHECK: tensor.extract %arg1[]
func.func @dequantize(%c: tensor<5x128xf8E4M3FN>, %s: tensor<f32>) -> tensor<5x128xf32> {
  %e = tensor.empty() : tensor<5x128xf32>
  %0 = attn.kv_dequantize ins(%c : tensor<5x128xf8E4M3FN>) scale(%s : tensor<f32>) at affine_map<(t, d) -> ()>
      outs(%e : tensor<5x128xf32>) -> tensor<5x128xf32>
  return %0 : tensor<5x128xf32>
}

// -----

func.func @skewed(%x: tensor<5x128xf32>) -> (tensor<5x128xi8>, tensor<132xf32>) {
  %e = tensor.empty() : tensor<5x128xi8>
  %s = tensor.empty() : tensor<132xf32>
  // expected-error @+1 {{whose scales are no groups of elements has no lowering for GPUs}}
  %0, %1 = attn.kv_quantize ins(%x : tensor<5x128xf32>) at affine_map<(t, d) -> (t + d)>
      outs(%e, %s : tensor<5x128xi8>, tensor<132xf32>) -> tensor<5x128xi8>, tensor<132xf32>
  return %0, %1 : tensor<5x128xi8>, tensor<132xf32>
}

// -----

// A key is scored by the queries behind it, and stays as it was where there are none.
// CHECK-LABEL: func.func @score
// CHECK: scf.forall (%[[B:.*]], %[[G:.*]], %[[J:.*]]) in (1, 2, 40) shared_outs(%{{.*}} = %arg3)
// CHECK: tensor.extract %arg3[%[[B]], %[[G]], %[[J]]]
// CHECK-COUNT-3: scf.for
// CHECK: tensor.extract %arg2
// CHECK: math.exp
func.func @score(%q: tensor<1x4x7x8xbf16>, %k: tensor<1x2x40x8xbf16>, %lse: tensor<1x4x7xf32>, %o: tensor<1x2x40xf32>) -> tensor<1x2x40xf32> {
  %0 = attn.kv_score ins(%q, %k : tensor<1x4x7x8xbf16>, tensor<1x2x40x8xbf16>) lse(%lse : tensor<1x4x7xf32>)
      outs(%o : tensor<1x2x40xf32>) {queries = 3 : i64} -> tensor<1x2x40xf32>
  return %0 : tensor<1x2x40xf32>
}

// -----

// Scores with their neighbours, what is kept, which key has a place, and how many there are.
// CHECK-LABEL: func.func @evict
// CHECK: %[[POOLED:.*]] = scf.forall {{.*}} in (1, 2, 40)
// CHECK: %[[FLAGS:.*]] = scf.forall {{.*}} in (1, 2, 40)
// CHECK: scf.for
// CHECK: tensor.extract %[[POOLED]]
// CHECK: arith.cmpf ogt
// CHECK: arith.cmpf oeq
// CHECK: scf.forall {{.*}} in (1, 2, 16)
// CHECK: tensor.extract %[[FLAGS]]
// CHECK: scf.forall {{.*}} in (1, 2)
func.func @evict(%s: tensor<1x2x40xf32>, %l: tensor<1xi32>) -> (tensor<1x2x16xi32>, tensor<1x2xi32>) {
  %k = tensor.empty() : tensor<1x2x16xi32>
  %c = tensor.empty() : tensor<1x2xi32>
  %0, %1 = attn.kv_evict scores(%s : tensor<1x2x40xf32>) kv_lens(%l : tensor<1xi32>)
      outs(%k, %c : tensor<1x2x16xi32>, tensor<1x2xi32>) {recent = 4 : i64, pool = 3 : i64}
      -> tensor<1x2x16xi32>, tensor<1x2xi32>
  return %0, %1 : tensor<1x2x16xi32>, tensor<1x2xi32>
}
