// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-steps))' | FileCheck %s

// CHECK-LABEL: func.func @heads
func.func @heads(%x: tensor<?x64x64xbf16>, %dt: tensor<?x64xf32>, %a: tensor<64xf32>, %b: tensor<?x2x128xbf16>,
                 %c: tensor<?x2x128xbf16>, %o: tensor<?x64x64xbf16>, %s: tensor<?x64x64x128xf32>)
    -> (tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>) {
  // CHECK: scf.forall (%[[I:.*]], %[[H:.*]]) in (%{{.*}}, 64)
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], %[[H]], 0] [1, 1, 64]
  // CHECK: %[[GROUP:.*]] = arith.divui %[[H]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], %[[GROUP]], 0] [1, 1, 128]
  // CHECK: attn.ssm_step
  // CHECK: tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%[[I]], %[[H]], 0, 0] [1, 1, 64, 128]
  %y, %n = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<?x64x64xbf16>, tensor<?x64xf32>, tensor<64xf32>, tensor<?x2x128xbf16>, tensor<?x2x128xbf16>)
    outs(%o, %s : tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>) {softplus} -> tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>
  return %y, %n : tensor<?x64x64xbf16>, tensor<?x64x64x128xf32>
}

// CHECK-LABEL: func.func @channels
func.func @channels(%x: tensor<4x4096xbf16>, %dt: tensor<4x4096xbf16>, %a: tensor<4096x16xf32>, %b: tensor<4x1x16xbf16>,
                    %c: tensor<4x1x16xbf16>, %o: tensor<4x4096xbf16>, %s: tensor<4x4096x16xf32>)
    -> (tensor<4x4096xbf16>, tensor<4x4096x16xf32>) {
  // CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (4, 32)
  // CHECK: %[[FIRST:.*]] = arith.muli %[[J]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[FIRST]], 0] [128, 16]
  // CHECK: attn.ssm_step
  %y, %n = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<4x4096xbf16>, tensor<4x4096xbf16>, tensor<4096x16xf32>, tensor<4x1x16xbf16>, tensor<4x1x16xbf16>)
    outs(%o, %s : tensor<4x4096xbf16>, tensor<4x4096x16xf32>) {softplus} -> tensor<4x4096xbf16>, tensor<4x4096x16xf32>
  return %y, %n : tensor<4x4096xbf16>, tensor<4x4096x16xf32>
}

// The state of a sequence is in its slot; the pool changes in place.
// CHECK-LABEL: func.func @slots
func.func @slots(%x: tensor<4x4096xbf16>, %a: tensor<4096x16xf32>, %b: tensor<4x1x16xbf16>, %slots: tensor<4xi32>,
                 %o: tensor<4x4096xbf16>, %s: tensor<?x4096x16xf32>) -> (tensor<4x4096xbf16>, tensor<?x4096x16xf32>) {
  // CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (4, 32)
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]]] [1]
  // CHECK: tensor.extract_slice %{{.*}}[0, %{{.*}}, 0] [%{{.*}}, 128, 16]
  // CHECK: } {attn.in_place}
  %y, %n = attn.ssm_step ins(%x, %x, %a, %b, %b : tensor<4x4096xbf16>, tensor<4x4096xbf16>, tensor<4096x16xf32>, tensor<4x1x16xbf16>, tensor<4x1x16xbf16>)
    slots(%slots : tensor<4xi32>) outs(%o, %s : tensor<4x4096xbf16>, tensor<?x4096x16xf32>) -> tensor<4x4096xbf16>, tensor<?x4096x16xf32>
  return %y, %n : tensor<4x4096xbf16>, tensor<?x4096x16xf32>
}
