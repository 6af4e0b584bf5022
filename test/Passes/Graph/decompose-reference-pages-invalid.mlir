// RUN: attn-opt %s -verify-diagnostics --attn-decompose-reference=row-streamed=false

func.func @pages(%q: tensor<3x8x1x64xf32>, %pool: tensor<?x2x16x64xf32>, %t: tensor<3x?xi32>, %l: tensor<3xi32>) -> tensor<3x8x1x64xf32> {
  // expected-error @below {{on pages has no materialised form; use row-streamed}}
  %o = attn.attention ins(%q, %pool, %pool : tensor<3x8x1x64xf32>, tensor<?x2x16x64xf32>, tensor<?x2x16x64xf32>) kv_lens(%l : tensor<3xi32>)
    pages(%t : tensor<3x?xi32>) outs(%q : tensor<3x8x1x64xf32>) -> tensor<3x8x1x64xf32>
  return %o : tensor<3x8x1x64xf32>
}
