// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-fold-rope))' | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-fold-rope))' --remarks-filter=attn-fold-rope 2>&1 | FileCheck %s --check-prefix=REMARK

!t = tensor<?x2x32xf32>
!pool = tensor<?x2x16x32xf32>

// The cache holds turned keys.
// REMARK: rotary positions: folded into attn.kv_append
// CHECK-LABEL: func.func @folds
// CHECK-SAME: %[[K:[a-z0-9]+]]: tensor<?x2x32xf32>
// CHECK: %[[F:.*]] = arith.constant dense
// CHECK-NOT: attn.rope
// CHECK: attn.kv_append ins(%[[K]], {{.*}}) rope(%{{.*}} : tensor<1x?xi32>) frequencies(%[[F]] : tensor<1x8xf64>) pairs(interleaved) outs({{.*}}) {magnitude = {{.*}}, rotary = 16 : i64}
func.func @folds(%k: !t, %v: !t, %s: tensor<?xi64>, %p: tensor<1x?xi32>, %kp: !pool, %vp: !pool) -> (!pool, !pool) {
  %r = attn.rope ins(%k : !t) layout(thd) pairs(interleaved) positions(%p : tensor<1x?xi32>) outs(%k : !t)
    {rotary = 16 : i64, scaling = #attn.rope_yarn<4.0, 64>} -> !t
  %a, %b = attn.kv_append ins(%r, %v : !t, !t) slots(%s : tensor<?xi64>) outs(%kp, %vp : !pool, !pool) -> !pool, !pool
  return %a, %b : !pool, !pool
}

// -----

!t = tensor<?x2x32xf32>
!pool = tensor<?x2x16x32xf32>

// REMARK: rotary positions: not folded into attn.kv_append: the turned keys are used elsewhere, too
// CHECK-LABEL: func.func @stays
// CHECK: attn.rope
// CHECK: attn.kv_append {{.*}} slots({{.*}}) outs(
func.func @stays(%k: !t, %s: tensor<?xi64>, %p: tensor<1x?xi32>, %kp: !pool, %vp: !pool) -> (!pool, !pool) {
  %r = attn.rope ins(%k : !t) layout(thd) positions(%p : tensor<1x?xi32>) outs(%k : !t) -> !t
  %a, %b = attn.kv_append ins(%r, %r : !t, !t) slots(%s : tensor<?xi64>) outs(%kp, %vp : !pool, !pool) -> !pool, !pool
  return %a, %b : !pool, !pool
}
