// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-expand-hippo))' | FileCheck %s

// CHECK-LABEL: func.func @legs
// CHECK-DAG: arith.constant dense<{{\[}}[-1.000000e+00, 0.000000e+00], [-1.73{{[0-9]+}}, -2.000000e+00]]> : tensor<2x2xf64>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 1.73{{[0-9]+}}]> : tensor<2xf64>
func.func @legs() -> (tensor<2x2xf64>, tensor<2xf64>) {
  %a, %b = attn.hippo legs : tensor<2x2xf64>, tensor<2xf64>
  return %a, %b : tensor<2x2xf64>, tensor<2xf64>
}

// -1/2 + sqrt(3)/2 i, and what p = (sqrt(1/2), sqrt(3/2)) and b are there.
// CHECK-LABEL: func.func @diagonal
// CHECK-DAG: arith.constant dense<{{\[}}[-5.000000e-01, 0.866025{{[0-9]+}}]]> : tensor<1x2xf64>
// CHECK-DAG: arith.constant dense<{{\[}}[1.414213{{[0-9]+}}, {{.*}}]]> : tensor<1x2xf64>
func.func @diagonal() -> (tensor<1x2xf64>, tensor<1x1x2xf64>, tensor<1x2xf64>) {
  %l, %p, %b = attn.hippo legs : tensor<1x2xf64>, tensor<1x1x2xf64>, tensor<1x2xf64>
  return %l, %p, %b : tensor<1x2xf64>, tensor<1x1x2xf64>, tensor<1x2xf64>
}
