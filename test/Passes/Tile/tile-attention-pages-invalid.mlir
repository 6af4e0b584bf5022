// RUN: attn-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(attn-tile-attention{target=x86-64-v3}))'

func.func @size(%q: tensor<3x8x1x64xf32>, %pool: tensor<?x2x?x64xf32>, %t: tensor<3x?xi32>, %l: tensor<3xi32>) -> tensor<3x8x1x64xf32> {
  // expected-error @below {{expected a static number of slots of a page for tiling}}
  %o = attn.attention ins(%q, %pool, %pool : tensor<3x8x1x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) kv_lens(%l : tensor<3xi32>)
    pages(%t : tensor<3x?xi32>) outs(%q : tensor<3x8x1x64xf32>) -> tensor<3x8x1x64xf32>
  return %o : tensor<3x8x1x64xf32>
}
