// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-expand-page-tables))' | FileCheck %s --implicit-check-not=attn.

// The sequence with the most pages gives the columns.
// CHECK-LABEL: func.func @most
// CHECK: %[[COLUMNS:.*]] = scf.for
// CHECK: arith.maxsi
// CHECK: tensor.generate %[[COLUMNS]]
// CHECK: scf.if
// CHECK: tensor.extract
// CHECK: else
// CHECK: scf.yield %c-1_i32
func.func @most(%l: tensor<?xi32>, %s: tensor<5xi32>) -> tensor<4x?xi32> {
  %t = attn.page_tables ins(%l : tensor<?xi32>) starts(%s : tensor<5xi32>) -> tensor<4x?xi32>
  return %t : tensor<4x?xi32>
}

// CHECK-LABEL: func.func @given
// CHECK-SAME: %[[C:[a-z0-9]+]]: index
// CHECK-NOT: scf.for
// CHECK: tensor.generate %{{.*}}, %[[C]]
func.func @given(%c: index, %l: tensor<?xi32>, %s: tensor<?xi32>) -> tensor<?x?xi32> {
  %t = attn.page_tables ins(%l : tensor<?xi32>) starts(%s : tensor<?xi32>) columns(%c) -> tensor<?x?xi32>
  return %t : tensor<?x?xi32>
}
