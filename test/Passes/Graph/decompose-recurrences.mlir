// RUN: attn-opt %s -attn-decompose-reference | FileCheck %s
// RUN: attn-opt %s -attn-reference -o /dev/null
// Tokens one by one, states in f64.

// CHECK-LABEL: func.func @ssd(
// CHECK-SAME: -> (tensor<2x?x4x16xf64>, tensor<2x4x16x32xf64>)
// CHECK-NOT: attn.ssd
func.func @ssd(%x: tensor<2x?x4x16xf32>, %dt: tensor<2x?x4xf32>, %a: tensor<4xf32>, %b: tensor<2x?x2x32xf32>, %ids: tensor<2x?xi32>, %s: tensor<2x4x16x32xf32>) -> (tensor<2x?x4x16xf32>, tensor<2x4x16x32xf32>) {
  %1:2 = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<2x?x4x16xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x32xf32>, tensor<2x?x2x32xf32>)
    dt_bias(%a : tensor<4xf32>) skip(%a : tensor<4xf32>) gate(%x : tensor<2x?x4x16xf32>) seq_ids(%ids : tensor<2x?xi32>)
    outs(%x, %s : tensor<2x?x4x16xf32>, tensor<2x4x16x32xf32>) {softplus, dt_limit = array<f64: 0.001, 0.1>} -> tensor<2x?x4x16xf32>, tensor<2x4x16x32xf32>
  return %1#0, %1#1 : tensor<2x?x4x16xf32>, tensor<2x4x16x32xf32>
}

// CHECK-LABEL: func.func @delta(
// CHECK-NOT: attn.linear
func.func @delta(%q: tensor<2x2x?x32xf32>, %v: tensor<2x4x?x16xf32>, %g: tensor<2x4x?x32xf32>, %beta: tensor<2x4x?xf32>) -> tensor<2x4x?x16xf32> {
  %0 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x32xf32>, tensor<2x2x?x32xf32>, tensor<2x4x?x16xf32>) decay(%g : tensor<2x4x?x32xf32>)
    beta(%beta : tensor<2x4x?xf32>) outs(%v : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  return %0 : tensor<2x4x?x16xf32>
}

// CHECK-LABEL: func.func @normalized(
// CHECK-SAME: tensor<2x4x32xf64>)
func.func @normalized(%q: tensor<2x2x?x32xf32>, %v: tensor<2x4x?x16xf32>, %s: tensor<2x4x32x16xf32>, %n: tensor<2x4x32xf32>) -> (tensor<2x4x?x16xf32>, tensor<2x4x32x16xf32>, tensor<2x4x32xf32>) {
  %0:3 = attn.linear_attention ins(%q, %q, %v : tensor<2x2x?x32xf32>, tensor<2x2x?x32xf32>, tensor<2x4x?x16xf32>) 
    outs(%v, %s, %n : tensor<2x4x?x16xf32>, tensor<2x4x32x16xf32>, tensor<2x4x32xf32>) {elu1, normalized} -> tensor<2x4x?x16xf32>, tensor<2x4x32x16xf32>, tensor<2x4x32xf32>
  return %0#0, %0#1, %0#2 : tensor<2x4x?x16xf32>, tensor<2x4x32x16xf32>, tensor<2x4x32xf32>
}

// CHECK-LABEL: func.func @complex(
// CHECK: math.cos
func.func @complex(%u: tensor<?x32xf32>, %a: tensor<32x8x2xf32>, %d: tensor<32xf32>, %cu: tensor<4xi32>, %s: tensor<3x32x8x2xf32>) -> (tensor<?x32xf32>, tensor<3x32x8x2xf32>) {
  %0:2 = attn.ssm_scan ins(%u, %d, %a, %a, %a : tensor<?x32xf32>, tensor<32xf32>, tensor<32x8x2xf32>, tensor<32x8x2xf32>, tensor<32x8x2xf32>)
    cu_seqlens(%cu : tensor<4xi32>) outs(%u, %s : tensor<?x32xf32>, tensor<3x32x8x2xf32>) {zoh, complex} -> tensor<?x32xf32>, tensor<3x32x8x2xf32>
  return %0#0, %0#1 : tensor<?x32xf32>, tensor<3x32x8x2xf32>
}

// CHECK-LABEL: func.func @conv(
// CHECK-NOT: attn.causal
func.func @conv(%x: tensor<2x?x32xf32>, %w: tensor<32x4xf32>, %ids: tensor<2x?xi32>, %s: tensor<2x3x32xf32>) -> (tensor<2x?x32xf32>, tensor<2x3x32xf32>) {
  %0:2 = attn.causal_conv1d ins(%x, %w : tensor<2x?x32xf32>, tensor<32x4xf32>) seq_ids(%ids : tensor<2x?xi32>) outs(%x, %s : tensor<2x?x32xf32>, tensor<2x3x32xf32>) {silu} -> tensor<2x?x32xf32>, tensor<2x3x32xf32>
  return %0#0, %0#1 : tensor<2x?x32xf32>, tensor<2x3x32xf32>
}
