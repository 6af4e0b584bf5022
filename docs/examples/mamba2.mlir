// The mixer of a Mamba-2 layer behind its projection: a short convolution of x
// and the state space itself, for a prompt and for one more token. States are
// operands and results: those of the prompt go into the next token.
//
// RUN: attn-run %s --entry prefill --set s=70 --random 1 --check
// RUN: attn-run %s --entry decode --random 1 --check

func.func @prefill(%x: tensor<1x?x256xf32> {attn.dims = ["b", "s", "d"]}, %w: tensor<256x4xf32>, %bias: tensor<256xf32>,
    %dt: tensor<1x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %dt_bias: tensor<4xf32>, %d: tensor<4xf32>,
    %b: tensor<1x?x1x128xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<1x?x1x128xf32> {attn.dims = ["b", "s", "g", "n"]},
    %z: tensor<1x?x4x64xf32> {attn.dims = ["b", "s", "h", "p"]}, %conv: tensor<1x3x256xf32>, %state: tensor<1x4x64x128xf32>)
    -> (tensor<1x?x4x64xf32>, tensor<1x3x256xf32>, tensor<1x4x64x128xf32>) {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %x, %c1 : tensor<1x?x256xf32>
  %rows = tensor.empty(%s) : tensor<1x?x256xf32>
  %u, %conv1 = attn.causal_conv1d ins(%x, %w : tensor<1x?x256xf32>, tensor<256x4xf32>) bias(%bias : tensor<256xf32>)
      outs(%rows, %conv : tensor<1x?x256xf32>, tensor<1x3x256xf32>) {silu} -> tensor<1x?x256xf32>, tensor<1x3x256xf32>
  %heads = tensor.expand_shape %u [[0], [1], [2, 3]] output_shape [1, %s, 4, 64] : tensor<1x?x256xf32> into tensor<1x?x4x64xf32>
  // The weight is a logarithm: a = -e^w.
  %none = tensor.empty() : tensor<4xf32>
  %rate = linalg.generic {indexing_maps = [affine_map<(h) -> (h)>, affine_map<(h) -> (h)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%none : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %e = math.exp %from : f32
    %n = arith.negf %e : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  %init = tensor.empty(%s) : tensor<1x?x4x64xf32>
  %y, %state1 = attn.ssd ins(%heads, %dt, %rate, %b, %c : tensor<1x?x4x64xf32>, tensor<1x?x4xf32>, tensor<4xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
      dt_bias(%dt_bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<1x?x4x64xf32>)
      outs(%init, %state : tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>) {softplus} -> tensor<1x?x4x64xf32>, tensor<1x4x64x128xf32>
  return %y, %conv1, %state1 : tensor<1x?x4x64xf32>, tensor<1x3x256xf32>, tensor<1x4x64x128xf32>
}

func.func @decode(%x: tensor<1x1x256xf32>, %w: tensor<256x4xf32>, %bias: tensor<256xf32>,
    %dt: tensor<1x4xf32>, %a: tensor<4xf32>, %dt_bias: tensor<4xf32>, %d: tensor<4xf32>,
    %b: tensor<1x1x128xf32>, %c: tensor<1x1x128xf32>, %z: tensor<1x4x64xf32>,
    %conv: tensor<1x3x256xf32>, %state: tensor<1x4x64x128xf32>)
    -> (tensor<1x4x64xf32>, tensor<1x3x256xf32>, tensor<1x4x64x128xf32>) {
  %row = tensor.empty() : tensor<1x1x256xf32>
  %u, %conv1 = attn.causal_conv1d ins(%x, %w : tensor<1x1x256xf32>, tensor<256x4xf32>) bias(%bias : tensor<256xf32>)
      outs(%row, %conv : tensor<1x1x256xf32>, tensor<1x3x256xf32>) {silu} -> tensor<1x1x256xf32>, tensor<1x3x256xf32>
  %flat = tensor.collapse_shape %u [[0], [1, 2]] : tensor<1x1x256xf32> into tensor<1x256xf32>
  %heads = tensor.expand_shape %flat [[0], [1, 2]] output_shape [1, 4, 64] : tensor<1x256xf32> into tensor<1x4x64xf32>
  %none = tensor.empty() : tensor<4xf32>
  %rate = linalg.generic {indexing_maps = [affine_map<(h) -> (h)>, affine_map<(h) -> (h)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%none : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %e = math.exp %from : f32
    %n = arith.negf %e : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  %init = tensor.empty() : tensor<1x4x64xf32>
  %y, %state1 = attn.ssm_step ins(%heads, %dt, %rate, %b, %c : tensor<1x4x64xf32>, tensor<1x4xf32>, tensor<4xf32>, tensor<1x1x128xf32>, tensor<1x1x128xf32>)
      dt_bias(%dt_bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<1x4x64xf32>)
      outs(%init, %state : tensor<1x4x64xf32>, tensor<1x4x64x128xf32>) {softplus} -> tensor<1x4x64xf32>, tensor<1x4x64x128xf32>
  return %y, %conv1, %state1 : tensor<1x4x64xf32>, tensor<1x3x256xf32>, tensor<1x4x64x128xf32>
}
