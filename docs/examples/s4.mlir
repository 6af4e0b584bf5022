// An S4 layer with HiPPO-LegS: the impulse response of its state space, and the
// convolution with it (FFTW, Debian's libfftw3-single3). Step sizes are logarithms,
// 64 states a channel are 32 pairs of conjugates.
//
// RUN: attn-run %s --set s=300 --random 1 --check

func.func @s4(%u: tensor<1x?x32xf32> {attn.dims = ["b", "s", "d"]}, %log_delta: tensor<32xf32>, %c: tensor<32x32x2xf32>, %d: tensor<32xf32>)
    -> tensor<1x?x32xf32> {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %u, %c1 : tensor<1x?x32xf32>
  // delta = e^(w - 5).
  %none = tensor.empty() : tensor<32xf32>
  %five = arith.constant 5.0 : f32
  %delta = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%log_delta : tensor<32xf32>) outs(%none : tensor<32xf32>) {
  ^bb0(%from: f32, %into: f32):
    %less = arith.subf %from, %five : f32
    %e = math.exp %less : f32
    linalg.yield %e : f32
  } -> tensor<32xf32>
  // The same matrices for all channels.
  %lambda, %p, %b = attn.hippo legs : tensor<32x2xf32>, tensor<1x32x2xf32>, tensor<32x2xf32>
  %n = tensor.empty() : tensor<32x32x2xf32>
  %a_all = linalg.broadcast ins(%lambda : tensor<32x2xf32>) outs(%n : tensor<32x32x2xf32>) dimensions = [0]
  %b_all = linalg.broadcast ins(%b : tensor<32x2xf32>) outs(%n : tensor<32x32x2xf32>) dimensions = [0]
  %n1 = tensor.empty() : tensor<32x1x32x2xf32>
  %p_all = linalg.broadcast ins(%p : tensor<1x32x2xf32>) outs(%n1 : tensor<32x1x32x2xf32>) dimensions = [0]
  %k_e = tensor.empty(%s) : tensor<32x?xf32>
  %k = attn.s4_kernel ins(%delta, %a_all, %b_all, %c : tensor<32xf32>, tensor<32x32x2xf32>, tensor<32x32x2xf32>, tensor<32x32x2xf32>)
      low_rank(%p_all, %p_all : tensor<32x1x32x2xf32>, tensor<32x1x32x2xf32>) outs(%k_e : tensor<32x?xf32>) {bilinear, complex} -> tensor<32x?xf32>
  %init = tensor.empty(%s) : tensor<1x?x32xf32>
  %y = attn.fft_conv ins(%u, %k : tensor<1x?x32xf32>, tensor<32x?xf32>) skip(%d : tensor<32xf32>)
      outs(%init : tensor<1x?x32xf32>) -> tensor<1x?x32xf32>
  return %y : tensor<1x?x32xf32>
}
