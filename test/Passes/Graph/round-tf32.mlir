// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-round-tf32))' | FileCheck %s

// CHECK-LABEL: func.func @f(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<1x2x?x8xf32>, %[[K:[a-z0-9]+]]: tensor<1x2x?x8xf32>
// CHECK: %[[RQ:.+]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<1x2x?x8xf32>)
// CHECK: ^bb0(%[[X:.+]]: f32, %{{.+}}: f32):
// CHECK: %[[BITS:.+]] = arith.bitcast %[[X]] : f32 to i32
// CHECK: %[[HALF:.+]] = arith.constant 4096 : i32
// CHECK: %[[SUM:.+]] = arith.addi %[[BITS]], %[[HALF]]
// CHECK: %[[KEPT:.+]] = arith.constant -8192 : i32
// CHECK: arith.andi %[[SUM]], %[[KEPT]]
// CHECK: arith.cmpf uno, %[[X]], %[[X]]
// CHECK: %[[RK:.+]] = linalg.generic {{.*}} ins(%[[K]] : tensor<1x2x?x8xf32>)
// Keys that are values too are rounded once.
// CHECK: attn.attention ins(%[[RQ]], %[[RK]], %[[RK]] :
// CHECK-NOT: tf32
// CHECK: return
func.func @f(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x8xf32>, %out: tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32> {
  %o = attn.attention ins(%q, %k, %k : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
      outs(%out : tensor<1x2x?x8xf32>) {tf32} -> tensor<1x2x?x8xf32>
  return %o : tensor<1x2x?x8xf32>
}

// CHECK-LABEL: func.func @exact(
// CHECK-NOT: linalg.generic
func.func @exact(%q: tensor<1x2x?x8xf32>, %out: tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32> {
  %o = attn.attention ins(%q, %q, %q : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>)
      outs(%out : tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
  return %o : tensor<1x2x?x8xf32>
}
