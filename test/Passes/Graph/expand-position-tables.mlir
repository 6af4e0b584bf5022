// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-expand-position-tables))' | FileCheck %s

// CHECK-LABEL: func.func @slopes
// CHECK: arith.constant dense<[2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03, 5.000000e-01]> : tensor<5xf32>
func.func @slopes() -> tensor<5xf32> {
  %s = attn.alibi_slopes : tensor<5xf32>
  return %s : tensor<5xf32>
}

// CHECK-LABEL: func.func @sinusoidal
// CHECK-SAME: %[[O:[a-z0-9]+]]: index
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?x6xbf16>)
// CHECK: arith.addi %{{.*}}, %[[O]]
// CHECK-DAG: math.cos %{{.*}} : f64
// CHECK-DAG: math.sin %{{.*}} : f64
// CHECK: arith.truncf %{{.*}} : f64 to bf16
func.func @sinusoidal(%o: index, %t: tensor<?x6xbf16>) -> tensor<?x6xbf16> {
  %s = attn.sinusoidal offset(%o) outs(%t : tensor<?x6xbf16>) -> tensor<?x6xbf16>
  return %s : tensor<?x6xbf16>
}
