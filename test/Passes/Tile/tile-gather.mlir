// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-gather))' | FileCheck %s

// CHECK-LABEL: func.func @gather
// CHECK: scf.forall (%[[B:.*]], %[[H:.*]]) in (3, 2)
// CHECK: tensor.extract_slice %{{.*}}[%[[B]], 0, %[[H]], 0] [1, 17, 1, 20]
// CHECK: tensor.extract_slice %{{.*}}[0, %[[H]], 0, 0] [%{{.*}}, 1, 5, 20]
// CHECK: tensor.extract_slice %{{.*}}[%[[B]], 0] [1, %{{.*}}]
// CHECK: attn.kv_gather ins({{.*}} : tensor<?x1x5x20xf16>) layout(bshd) pages({{.*}} : tensor<1x?xi32>) kv_lens({{.*}} : tensor<1xi32>) outs({{.*}} : tensor<1x17x1x20xf16>)
func.func @gather(%p: tensor<?x2x5x20xf16>, %t: tensor<3x?xi32>, %l: tensor<3xi32>, %o: tensor<3x17x2x20xf16>) -> tensor<3x17x2x20xf16> {
  %d = attn.kv_gather ins(%p : tensor<?x2x5x20xf16>) layout(bshd) pages(%t : tensor<3x?xi32>) kv_lens(%l : tensor<3xi32>) outs(%o : tensor<3x17x2x20xf16>) -> tensor<3x17x2x20xf16>
  return %d : tensor<3x17x2x20xf16>
}
