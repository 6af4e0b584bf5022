// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-whole-heads))' --split-input-file | FileCheck %s
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-whole-heads{target=sm_80}))' --split-input-file | FileCheck %s --check-prefix=OLD
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(attn-tile-whole-heads))' --split-input-file --remarks-filter=attn 2>&1 | FileCheck %s --check-prefix=REMARK

// OLD-LABEL: func.func @pairs
// OLD: scf.forall ({{.*}}) in (%{{.*}}, 64)
// OLD: attn.ssd {{.*}}attn.token_by_token

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

// -----

// Blocks of channels, which share B and C.
// REMARK: token by token: a decay for each channel and state
// CHECK-LABEL: func.func @channels
func.func @channels(%u: tensor<?x?x256xbf16>, %a: tensor<256x16xf32>, %b: tensor<?x?x2x16xbf16>, %d: tensor<256xf32>,
                    %init: tensor<?x?x256xbf16>, %state: tensor<?x256x16xf32>) -> (tensor<?x?x256xbf16>, tensor<?x256x16xf32>) {
  // CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (%{{.*}}, 4)
  // CHECK: %[[FIRST:.*]] = arith.muli %[[J]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0, %[[FIRST]]] [1, %{{.*}}, 64]
  // CHECK: tensor.extract_slice %{{.*}}[%[[FIRST]], 0] [64, 16]
  // CHECK: %[[GROUP:.*]] = arith.divui %[[FIRST]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], 0, %[[GROUP]], 0] [1, %{{.*}}, 1, 16]
  // CHECK: attn.ssm_scan {{.*}}attn.token_by_token
  // CHECK: tensor.parallel_insert_slice %{{.*}}[%[[I]], %[[FIRST]], 0] [1, 64, 16]
  %y, %s = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<?x?x256xbf16>, tensor<?x?x256xbf16>, tensor<256x16xf32>, tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>)
    skip(%d : tensor<256xf32>) outs(%init, %state : tensor<?x?x256xbf16>, tensor<?x256x16xf32>) -> tensor<?x?x256xbf16>, tensor<?x256x16xf32>
  return %y, %s : tensor<?x?x256xbf16>, tensor<?x256x16xf32>
}

// -----

// Values of a head in parts; a sequence has the ends of its tokens, not a slice.
// REMARK: token by token: with sequences inside of a batch
// CHECK-LABEL: func.func @ragged
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x4x128xbf16>
func.func @ragged(%q: tensor<?x4x128xbf16>, %beta: tensor<?x4xf32>, %cu: tensor<?xi32>, %init: tensor<?x4x128xbf16>, %state: tensor<?x4x128x128xf32>)
    -> (tensor<?x4x128xbf16>, tensor<?x4x128x128xf32>) {
  // CHECK: scf.forall (%[[I:.*]], %[[H:.*]], %[[PART:.*]]) in (%{{.*}}, 4, 2)
  // CHECK: %[[ROW:.*]] = arith.muli %[[PART]]
  // CHECK: tensor.extract_slice %[[Q]][0, %{{.*}}, 0] [%{{.*}}, 1, 128]
  // CHECK: tensor.extract_slice %[[Q]][0, %[[H]], %[[ROW]]] [%{{.*}}, 1, 64]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]]] [2]
  // CHECK: tensor.extract_slice %{{.*}}[%[[I]], %[[H]], 0, %[[ROW]]] [1, 1, 128, 64]
  // CHECK: attn.linear_attention {{.*}}attn.token_by_token
  %r, %s = attn.linear_attention ins(%q, %q, %q : tensor<?x4x128xbf16>, tensor<?x4x128xbf16>, tensor<?x4x128xbf16>) layout(thd) beta(%beta : tensor<?x4xf32>)
    cu_seqlens(%cu : tensor<?xi32>) outs(%init, %state : tensor<?x4x128xbf16>, tensor<?x4x128x128xf32>) -> tensor<?x4x128xbf16>, tensor<?x4x128x128xf32>
  return %r, %s : tensor<?x4x128xbf16>, tensor<?x4x128x128xf32>
}

// -----

// CHECK-LABEL: func.func @convolution
func.func @convolution(%x: tensor<2x?x80xf32>, %w: tensor<80x4xf32>, %o: tensor<2x?x80xf32>) -> tensor<2x?x80xf32> {
  // CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (2, 2)
  // CHECK: %[[FIRST:.*]] = arith.muli %[[J]]
  // CHECK: tensor.extract_slice %{{.*}}[%[[FIRST]], 0] [40, 4]
  // CHECK: attn.causal_conv1d
  %y = attn.causal_conv1d ins(%x, %w : tensor<2x?x80xf32>, tensor<80x4xf32>) outs(%o : tensor<2x?x80xf32>) -> tensor<2x?x80xf32>
  return %y : tensor<2x?x80xf32>
}

// -----

// Ids clear the state in the kernel of chunks.
// CHECK-LABEL: func.func @documents
func.func @documents(%q: tensor<2x4x100x128xbf16>, %v: tensor<2x4x100x64xbf16>, %ids: tensor<2x100xi32>, %o: tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16> {
  // CHECK: tensor.extract_slice %{{.*}} [1, 100] [1, 1] : tensor<2x100xi32>
  // CHECK: attn.linear_attention
  // CHECK-NOT: attn.token_by_token
  // CHECK: scf.forall.in_parallel
  %r = attn.linear_attention ins(%q, %q, %v : tensor<2x4x100x128xbf16>, tensor<2x4x100x128xbf16>, tensor<2x4x100x64xbf16>) seq_ids(%ids : tensor<2x100xi32>)
    outs(%o : tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16>
  return %r : tensor<2x4x100x64xbf16>
}

// -----

// Decays of keys and the delta rule have kernels of chunks too, a head a tile:
// factors of decays, and what inverts products of keys, are of one head.
// OLD-LABEL: func.func @keys
// OLD: attn.linear_attention {{.*}}attn.token_by_token
// CHECK-LABEL: func.func @keys
func.func @keys(%q: tensor<2x1x100x128xbf16>, %v: tensor<2x4x100x64xbf16>, %g: tensor<2x4x100x128xf32>, %o: tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16> {
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) in (2, 4)
  // CHECK: tensor.extract_slice %{{.*}} [1, 1, 100, 128] [1, 1, 1, 1] : tensor<2x4x100x128xf32>
  // CHECK: attn.linear_attention
  // CHECK-NOT: attn.token_by_token
  // CHECK: scf.forall.in_parallel
  %r = attn.linear_attention ins(%q, %q, %v : tensor<2x1x100x128xbf16>, tensor<2x1x100x128xbf16>, tensor<2x4x100x64xbf16>) decay(%g : tensor<2x4x100x128xf32>)
    outs(%o : tensor<2x4x100x64xbf16>) -> tensor<2x4x100x64xbf16>
  return %r : tensor<2x4x100x64xbf16>
}

// -----

// OLD-LABEL: func.func @delta
// OLD: attn.linear_attention {{.*}}attn.token_by_token
// CHECK-LABEL: func.func @delta
func.func @delta(%q: tensor<99x4x100x64xbf16>, %v: tensor<99x8x100x64xbf16>, %g: tensor<99x8x100xf32>, %o: tensor<99x8x100x64xbf16>) -> tensor<99x8x100x64xbf16> {
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) in (99, 8)
  // CHECK: attn.linear_attention
  // CHECK-NOT: attn.token_by_token
  // CHECK: scf.forall.in_parallel
  %r = attn.linear_attention ins(%q, %q, %v : tensor<99x4x100x64xbf16>, tensor<99x4x100x64xbf16>, tensor<99x8x100x64xbf16>) decay(%g : tensor<99x8x100xf32>)
    beta(%g : tensor<99x8x100xf32>) outs(%o : tensor<99x8x100x64xbf16>) -> tensor<99x8x100x64xbf16>
  return %r : tensor<99x8x100x64xbf16>
}

// -----

// REMARK: token by token: with decays of keys and ids, or the delta rule
// CHECK-LABEL: func.func @both
func.func @both(%q: tensor<2x4x100x128xbf16>, %g: tensor<2x4x100x128xf32>, %ids: tensor<2x100xi32>, %o: tensor<2x4x100x128xbf16>) -> tensor<2x4x100x128xbf16> {
  // CHECK: attn.token_by_token
  %r = attn.linear_attention ins(%q, %q, %q : tensor<2x4x100x128xbf16>, tensor<2x4x100x128xbf16>, tensor<2x4x100x128xbf16>) decay(%g : tensor<2x4x100x128xf32>)
    seq_ids(%ids : tensor<2x100xi32>) outs(%o : tensor<2x4x100x128xbf16>) -> tensor<2x4x100x128xbf16>
  return %r : tensor<2x4x100x128xbf16>
}

// -----

// Random features are tensors on GPUs: projections are products, and the state
// decays where the largest exponent of all keys so far grows.
// REMARK: token by token: normalized
// CHECK-LABEL: func.func @favor
func.func @favor(%q: tensor<2x2x?x20xf32>, %v: tensor<2x4x?x24xf32>, %w: tensor<48x20xf32>, %o: tensor<2x4x?x24xf32>, %s: tensor<2x4x48x24xf32>, %z: tensor<2x4x48xf32>, %m: tensor<2x4xf32>)
    -> (tensor<2x4x?x24xf32>, tensor<2x4xf32>) {
  // CHECK: linalg.generic {{.*}}"reduction"
  // CHECK: tensor.generate
  // CHECK: arith.maximumf
  // CHECK: math.exp
  // CHECK: linalg.generic {{.*}}"reduction"
  // CHECK: scf.forall
  // CHECK: attn.linear_attention ins({{.*}} : tensor<1x1x?x48xf32>, tensor<1x1x?x48xf32>, tensor<1x1x?x24xf32>) decay({{.*}} : tensor<1x1x?xf32>)
  // CHECK-NOT: favor
  %r:4 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>) favor(%w : tensor<48x20xf32>)
    outs(%o, %s, %z, %m : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>) {normalized} -> tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>
  return %r#0, %r#3 : tensor<2x4x?x24xf32>, tensor<2x4xf32>
}
