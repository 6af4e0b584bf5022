// RUN: attn-opt %s -pass-pipeline='builtin.module(func.func(attn-tile-recurrence))' -split-input-file -verify-diagnostics

func.func @sizes(%x: tensor<1x?x4x?xf32>, %dt: tensor<1x?x4xf32>, %a: tensor<4xf32>, %b: tensor<1x?x1x128xf32>) -> tensor<1x?x4x?xf32> {
  // expected-error @below {{expected static sizes of heads and states for tiling}}
  %y = attn.ssd ins(%x, %dt, %a, %b, %b : tensor<1x?x4x?xf32>, tensor<1x?x4xf32>, tensor<4xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
    outs(%x : tensor<1x?x4x?xf32>) -> tensor<1x?x4x?xf32>
  return %y : tensor<1x?x4x?xf32>
}

// -----

func.func @features(%q: tensor<1x4x?x64xf32>, %w: tensor<?x64xf32>) -> tensor<1x4x?x64xf32> {
  // expected-error @below {{expected a static number of features for tiling}}
  %y = attn.linear_attention ins(%q, %q, %q : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) favor(%w : tensor<?x64xf32>)
    outs(%q : tensor<1x4x?x64xf32>) -> tensor<1x4x?x64xf32>
  return %y : tensor<1x4x?x64xf32>
}
