// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3 rows=32 keys=16},canonicalize))' --remarks-filter=attn-tile-attention 2>&1 | FileCheck %s
// RUN: attn-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=sm_90}))' --remarks-filter=attn-tile-attention 2>&1 | FileCheck %s --check-prefix=GPU

!q = tensor<1x2x64x32xf32>

// One table of both, in front of the tiles, which turn their queries once and their
// keys as they read them.
// GPU: of q, stays in front of attn.attention as a pass over memory: kernels of GPUs copy q and k
// CHECK: rotary positions: of q, folded into the loads of attn.attention
// CHECK: rotary positions: of k, folded into the loads of attn.attention
// CHECK-LABEL: func.func @folds
// CHECK-SAME: (%[[Q:[a-z0-9]+]]: tensor<1x2x64x32xf32>, %[[K:[a-z0-9]+]]: tensor<1x2x64x32xf32>
// CHECK: %[[T:.*]]:2 = scf.forall
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-NOT: linalg.generic
// CHECK: scf.forall
// CHECK: %[[X:.*]] = tensor.extract_slice %[[Q]]
// CHECK: %[[COS:.*]] = tensor.extract_slice %[[T]]#0[%[[FIRST:.*]], 0]
// CHECK: %[[SIN:.*]] = tensor.extract_slice %[[T]]#1[%[[FIRST]], 0]
// CHECK: attn.rope ins(%[[X]] : {{.*}}) tables(%[[COS]], %[[SIN]] : {{.*}}) {{.*}}rotary = 16 : i64
// CHECK: attn.key_loop
// CHECK: tensor.extract_slice %[[K]]
// CHECK: %[[TURNED:.*]] = attn.rope {{.*}} tables(
// CHECK: %[[TILE:.*]] = tensor.extract_slice %[[TURNED]]
// CHECK: attn.online_attention ins(%{{.*}}, %[[TILE]],
func.func @folds(%q: !q, %k: !q, %v: !q, %p: tensor<1x64xi32>, %o: !q) -> !q {
  %a = attn.rope ins(%q : !q) positions(%p : tensor<1x64xi32>) outs(%o : !q) {rotary = 16 : i64} -> !q
  %b = attn.rope ins(%k : !q) positions(%p : tensor<1x64xi32>) outs(%o : !q) {rotary = 16 : i64} -> !q
  %r = attn.attention ins(%a, %b, %v : !q, !q, !q) outs(%o : !q) -> !q
  return %r : !q
}

// -----

!q = tensor<1x2x8x32xf32>

// CHECK: rotary positions: of q, stays in front of attn.attention as a pass over memory: what turned is used elsewhere, too
// CHECK-LABEL: func.func @stays
// CHECK: attn.rope
// CHECK: attn.key_loop
// CHECK-NOT: attn.rope
func.func @stays(%q: !q, %o: !q) -> !q {
  %a = attn.rope ins(%q : !q) outs(%o : !q) -> !q
  %r = attn.attention ins(%a, %a, %q : !q, !q, !q) outs(%o : !q) -> !q
  return %r : !q
}

// -----

!q = tensor<1x2x?x32xf32>

// The queries of a tile turn, keys that many rows may read do in front.
// CHECK: rotary positions: of q, folded into the loads of attn.attention
// CHECK: rotary positions: of k, stays in front of attn.attention as a pass over memory: many rows
// CHECK-LABEL: func.func @many
// CHECK: %[[KEYS:.*]] = attn.rope
// CHECK: attn.rope {{.*}} tables(
// CHECK: attn.key_loop
// CHECK: tensor.extract_slice %[[KEYS]]
func.func @many(%q: !q, %k: !q, %v: !q, %o: !q) -> !q {
  %a = attn.rope ins(%q : !q) outs(%o : !q) -> !q
  %b = attn.rope ins(%k : !q) outs(%o : !q) -> !q
  %r = attn.attention ins(%a, %b, %v : !q, !q, !q) outs(%o : !q) mask(#attn.causal) -> !q
  return %r : !q
}
