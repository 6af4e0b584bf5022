// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-whole-heads))' --split-input-file | FileCheck %s
// RUN: not attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-whole-heads{target=sm_80}))' --split-input-file 2>&1 | FileCheck %s --check-prefix=OLD

// OLD: 'attn.ssd' op has no lowering for sm_80: needs warpgroups (sm_90)

// Two heads of a group are one tile where there are more heads than
// multiprocessors, else one; the state is read where it was.
// CHECK-LABEL: func.func @pairs
// CHECK-SAME: %[[STATE:[a-z0-9]+]]: tensor<?x64x64x128xf32>
func.func @pairs(%x: tensor<?x?x64x64xbf16>, %dt: tensor<?x?x64xf32>, %a: tensor<64xf32>,
                 %b: tensor<?x?x1x128xbf16>, %c: tensor<?x?x1x128xbf16>, %init: tensor<?x?x64x64xbf16>,
                 %state: tensor<?x64x64x128xf32>) -> (tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>) {
  // CHECK: %[[FEW:.*]] = arith.cmpi sle
  // CHECK: scf.if %[[FEW]]
  // CHECK: scf.forall ({{.*}}) in (%{{.*}}, 64)
  // CHECK: } else {
  // CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (%{{.*}}, 32) shared_outs(%[[OUT:.*]] = %{{.*}}, %[[INTO:.*]] = %[[STATE]])
  // CHECK: %[[HEAD:.*]] = arith.muli %[[J]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0, %[[HEAD]], 0] [1, %{{.*}}, 2, 64]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0, %[[HEAD]]] [1, %{{.*}}, 2]
  // CHECK: tensor.extract_slice %{{.*}}[%[[HEAD]]] [2]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0, %{{.*}}, 0] [1, %{{.*}}, 1, 128]
  // CHECK: %[[START:.*]] = tensor.extract_slice %[[STATE]][%[[I]], %[[HEAD]], 0, 0] [1, 2, 64, 128]
  // CHECK: %[[TILED:.*]]:2 = attn.ssd
  // CHECK-SAME: outs(%{{.*}}, %[[START]] :
  // CHECK: tensor.parallel_insert_slice %[[TILED]]#0 into %[[OUT]]
  // CHECK: tensor.parallel_insert_slice %[[TILED]]#1 into %[[INTO]]
  %y, %s = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<?x?x64x64xbf16>, tensor<?x?x64xf32>, tensor<64xf32>, tensor<?x?x1x128xbf16>, tensor<?x?x1x128xbf16>)
    outs(%init, %state : tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>) {softplus} -> tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>
  return %y, %s : tensor<?x?x64x64xbf16>, tensor<?x64x64x128xf32>
}

// -----

// CHECK-LABEL: func.func @one
func.func @one(%q: tensor<2x4x100x128xbf16>, %k: tensor<2x4x100x128xbf16>, %v: tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16> {
  %o = tensor.empty() : tensor<2x4x100x64xbf16>
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) in (2, 4)
  // CHECK: attn.linear_attention
  %r = attn.linear_attention ins(%q, %k, %v : tensor<2x4x100x128xbf16>, tensor<2x4x100x128xbf16>, tensor<2x4x100x64xbf16>)
    outs(%o : tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16>
  return %r : tensor<2x4x100x64xbf16>
}
