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
