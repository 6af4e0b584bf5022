// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3},canonicalize,cse))' | FileCheck %s

// A row of the table steers the loop; no step is longer than a page.
// CHECK-LABEL: func.func @decode
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]], %{{.*}}) in
// CHECK: %[[ROW:.*]] = tensor.extract_slice %{{.*}}[%[[B]], 0] [1, %{{.*}}] [1, 1] : tensor<3x?xi32> to tensor<?xi32>
// CHECK: attn.key_loop step(%c16) segments({{.*}}) source(pages) list(%[[ROW]] : tensor<?xi32>)
// CHECK-NEXT: ^bb0(%[[K0:.*]]: index, %[[SIZE:.*]]: index, %[[PAGE:[a-z0-9]+]]: index,
// CHECK: %[[NUMBER:.*]] = arith.divui %[[K0]], %c16
// CHECK: %[[START:.*]] = arith.muli %[[NUMBER]], %c16
// CHECK: %[[SLOT:.*]] = arith.subi %[[K0]], %[[START]]
// CHECK: tensor.extract_slice %{{.*}}[%[[PAGE]], %[[SLOT]], %[[H]], 0] [1, %[[SIZE]], 1, 64]
// CHECK: page_size = 16
func.func @decode(%q: tensor<3x8x1x64xf32>, %pool: tensor<?x16x2x64xf32>, %t: tensor<3x?xi32>, %l: tensor<3xi32>) -> tensor<3x8x1x64xf32> {
  %o = attn.attention ins(%q, %pool, %pool : tensor<3x8x1x64xf32>, tensor<?x16x2x64xf32>, tensor<?x16x2x64xf32>) kv_lens(%l : tensor<3xi32>)
    pages(%t : tensor<3x?xi32>, nhd) outs(%q : tensor<3x8x1x64xf32>) mask(#attn.causal) -> tensor<3x8x1x64xf32>
  return %o : tensor<3x8x1x64xf32>
}
