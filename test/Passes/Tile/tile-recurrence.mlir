// RUN: attn-opt %s -pass-pipeline='builtin.module(func.func(attn-tile-recurrence))' -split-input-file | FileCheck %s

// A task is the heads of a group: chunks carry their part of out and their states,
// transposed, with rows a cache line longer; products of queries and keys are
// made once.
// CHECK-LABEL: func.func @ssd
func.func @ssd(%x: tensor<1x?x4x64xf32>, %dt: tensor<1x?x4xf32>, %a: tensor<4xf32>, %b: tensor<1x?x1x128xf32>, %s: tensor<1x4x64x128xf32>)
    -> (tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>) {
  // CHECK: scf.forall
  // CHECK: bufferization.alloc_tensor() : tensor<4x128x80xf32>
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (tensor<?x4x64xf32>, tensor<4x128x64xf32>)
  // CHECK: %[[PAIRS:.*]] = attn.pair_products
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (tensor<?x4x64xf32>, tensor<4x128x64xf32>)
  // CHECK: linalg.generic
  // CHECK: attn.scan_chunk {{.*}} pairs(%[[PAIRS]] : tensor<64x64xf32>) {{.*}} chunked {max_tokens = 64 : i64}
  // CHECK: tensor.parallel_insert_slice
  %y:2 = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<1x?x4x64xf32>, tensor<1x?x4xf32>, tensor<4xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
    outs(%x, %s : tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>) {softplus} -> tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>
  return %y#0, %y#1 : tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>
}

// -----

// Exact: the state as it lies in memory.
// CHECK-LABEL: func.func @exact
func.func @exact(%x: tensor<1x?x4x64xf32>, %dt: tensor<1x?x4xf32>, %a: tensor<4xf32>, %b: tensor<1x?x1x128xf32>, %s: tensor<1x4x64x128xf32>)
    -> (tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>) {
  // CHECK: iter_args({{.*}}) -> (tensor<?x64xf32>, tensor<64x128xf32>)
  // CHECK: attn.scan_chunk {{.*}} sequential {max_tokens = 64 : i64, transposed}
  %y:2 = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<1x?x4x64xf32>, tensor<1x?x4xf32>, tensor<4xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
    outs(%x, %s : tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>) {softplus, exact} -> tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>
  return %y#0, %y#1 : tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>
}

// -----

// Blocks of 48 channels, N x channels.
// CHECK-LABEL: func.func @channels
func.func @channels(%u: tensor<1x?x96xf32>, %a: tensor<96x16xf32>, %b: tensor<1x?x1x16xf32>) -> tensor<1x?x96xf32> {
  // CHECK: scf.forall (%{{.*}}, %{{.*}}) in (%{{.*}}, 2)
  // CHECK: attn.scan_chunk {{.*}} rates({{.*}} : tensor<16x48xf32>) {{.*}} sequential {max_tokens = 32 : i64}
  %y = attn.ssm_scan ins(%u, %u, %a, %b, %b : tensor<1x?x96xf32>, tensor<1x?x96xf32>, tensor<96x16xf32>, tensor<1x?x1x16xf32>, tensor<1x?x1x16xf32>)
    outs(%u : tensor<1x?x96xf32>) {softplus} -> tensor<1x?x96xf32>
  return %y : tensor<1x?x96xf32>
}

// -----

// Decays that are the same for all tokens, of complex numbers: real parts, then
// imaginary ones.
// CHECK-LABEL: func.func @s4d
func.func @s4d(%u: tensor<1x?x96xf32>, %d: tensor<96xf32>, %a: tensor<96x16x2xf32>) -> tensor<1x?x96xf32> {
  // CHECK: math.cos
  // CHECK: attn.scan_chunk {{.*}} factors({{.*}} : tensor<32x48xf32>) {{.*}} sequential {complex, fixed, max_tokens = 32 : i64}
  %y = attn.ssm_scan ins(%u, %d, %a, %a, %a : tensor<1x?x96xf32>, tensor<96xf32>, tensor<96x16x2xf32>, tensor<96x16x2xf32>, tensor<96x16x2xf32>)
    outs(%u : tensor<1x?x96xf32>) {zoh, complex} -> tensor<1x?x96xf32>
  return %y : tensor<1x?x96xf32>
}

// -----

// Random features: what came before decays where their largest exponent grows.
// CHECK-LABEL: func.func @favor
func.func @favor(%q: tensor<1x4x?x64xf32>, %w: tensor<128x64xf32>) -> tensor<1x4x?x64xf32> {
  // CHECK: iter_args({{.*}}) -> (tensor<?x64xf32>, tensor<128x64xf32>, tensor<1xf32>)
  // CHECK: %[[Q:.*]] = attn.favor_features
  // CHECK: %[[K:.*]]:3 = attn.favor_features
  // CHECK: attn.scan_chunk ins(%[[Q]], %[[K]]#0, {{.*}}) decay(%[[K]]#1 : tensor<?xf32>) {{.*}} chunked
  %y = attn.linear_attention ins(%q, %q, %q : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) favor(%w : tensor<128x64xf32>)
    outs(%q : tensor<1x4x?x64xf32>) -> tensor<1x4x?x64xf32>
  return %y : tensor<1x4x?x64xf32>
}
