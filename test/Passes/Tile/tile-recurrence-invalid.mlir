// RUN: attn-opt %s -pass-pipeline='builtin.module(func.func(attn-tile-recurrence))' -split-input-file -verify-diagnostics

func.func @sizes(%x: tensor<1x?x4x?xf32>, %dt: tensor<1x?x4xf32>, %a: tensor<4xf32>, %b: tensor<1x?x1x128xf32>) -> tensor<1x?x4x?xf32> {
  // expected-error @below {{expected static sizes of heads and states for tiling}}
  %y = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<1x?x4x?xf32>, tensor<1x?x4xf32>, tensor<4xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
    outs(%x : tensor<1x?x4x?xf32>) -> tensor<1x?x4x?xf32>
  return %y : tensor<1x?x4x?xf32>
}

// -----

func.func @complex(%u: tensor<1x?x96xf32>, %a: tensor<96x16x2xf32>) -> tensor<1x?x96xf32> {
  // expected-error @below {{of complex numbers has no tiles}}
  %y = attn.ssm_scan ins(%u, %u, %a, %a, %a : tensor<1x?x96xf32>, tensor<1x?x96xf32>, tensor<96x16x2xf32>, tensor<96x16x2xf32>, tensor<96x16x2xf32>)
    outs(%u : tensor<1x?x96xf32>) {complex} -> tensor<1x?x96xf32>
  return %y : tensor<1x?x96xf32>
}

// -----

func.func @hold(%u: tensor<1x?x96xf32>, %a: tensor<96x16xf32>) -> tensor<1x?x96xf32> {
  // expected-error @below {{with 'zoh' has tiles for parameters that are the same for all tokens alone}}
  %y = attn.ssm_scan ins(%u, %u, %a, %a, %a : tensor<1x?x96xf32>, tensor<1x?x96xf32>, tensor<96x16xf32>, tensor<96x16xf32>, tensor<96x16xf32>)
    outs(%u : tensor<1x?x96xf32>) {zoh} -> tensor<1x?x96xf32>
  return %y : tensor<1x?x96xf32>
}
