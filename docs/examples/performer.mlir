// Causal attention of a Performer: softmax by positive random features, in time
// linear in the length. The features are an operand; tools/random_features.py
// makes orthogonal ones. State, norm and maximum go from the prompt to the next
// token, which is a sequence of one. Features are exponentials, so f32 keeps a digit
// less of them than --check allows.
//
// RUN: %python %attn_source/tools/random_features.py 128 64 %t.npy --seed 1
// RUN: attn-run %s --entry prefill --set s=300 --random 1 --inputs w=%t.npy --check --tolerance 8
// RUN: attn-run %s --entry decode --random 1 --inputs w=%t.npy --check --tolerance 8

func.func @prefill(%q: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]}, %k: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %v: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]}, %w: tensor<128x64xf32>)
    -> (tensor<1x4x?x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  // Nothing was seen: a state of 0, and no maximum.
  %zero = arith.constant 0.0 : f32
  %none = arith.constant 0xFF800000 : f32
  %s_e = tensor.empty() : tensor<1x4x128x64xf32>
  %n_e = tensor.empty() : tensor<1x4x128xf32>
  %m_e = tensor.empty() : tensor<1x4xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%s_e : tensor<1x4x128x64xf32>) -> tensor<1x4x128x64xf32>
  %n0 = linalg.fill ins(%zero : f32) outs(%n_e : tensor<1x4x128xf32>) -> tensor<1x4x128xf32>
  %m0 = linalg.fill ins(%none : f32) outs(%m_e : tensor<1x4xf32>) -> tensor<1x4xf32>
  %o:4 = attn.linear_attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) favor(%w : tensor<128x64xf32>)
      outs(%init, %s0, %n0, %m0 : tensor<1x4x?x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>) {normalized}
      -> tensor<1x4x?x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>
  return %o#0, %o#1, %o#2, %o#3 : tensor<1x4x?x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>
}

func.func @decode(%q: tensor<1x4x1x64xf32>, %k: tensor<1x4x1x64xf32>, %v: tensor<1x4x1x64xf32>, %w: tensor<128x64xf32>,
    %s: tensor<1x4x128x64xf32>, %n: tensor<1x4x128xf32>, %m: tensor<1x4xf32>)
    -> (tensor<1x4x1x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>) {
  %init = tensor.empty() : tensor<1x4x1x64xf32>
  %o:4 = attn.linear_attention ins(%q, %k, %v : tensor<1x4x1x64xf32>, tensor<1x4x1x64xf32>, tensor<1x4x1x64xf32>) favor(%w : tensor<128x64xf32>)
      outs(%init, %s, %n, %m : tensor<1x4x1x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>) {normalized}
      -> tensor<1x4x1x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>
  return %o#0, %o#1, %o#2, %o#3 : tensor<1x4x1x64xf32>, tensor<1x4x128x64xf32>, tensor<1x4x128xf32>, tensor<1x4xf32>
}
