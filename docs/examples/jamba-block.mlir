// A block of Jamba: eight mixers, of which the fifth is attention and the others are
// Mamba-1. States of the short convolutions and of the scans are operands and results,
// so a prompt may come in pieces. Of each layer the mixer is here: norms, projections,
// and the sum with what came in.
//
// Rounding of eight layers in a row adds up, hence the tolerance.
//
// RUN: attn-run %s --entry block --set s=300 --random 1 --check --tolerance 4

// RMS norm; its factor of the width is the weights' behind it.
func.func private @norm(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s = tensor.dim %x, %c0 : tensor<?x?xf32>
  %d = tensor.dim %x, %c1 : tensor<?x?xf32>
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 1.0e-06 : f32
  %none = tensor.empty(%s) : tensor<?xf32>
  %start = linalg.fill ins(%zero : f32) outs(%none : tensor<?xf32>) -> tensor<?xf32>
  %squares = linalg.generic {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%start : tensor<?xf32>) {
  ^bb0(%e: f32, %sum: f32):
    %square = arith.mulf %e, %e : f32
    %next = arith.addf %sum, %square : f32
    linalg.yield %next : f32
  } -> tensor<?xf32>
  %into = tensor.empty(%s, %d) : tensor<?x?xf32>
  %normal = linalg.generic {indexing_maps = [affine_map<(t, d) -> (t, d)>, affine_map<(t, d) -> (t)>, affine_map<(t, d) -> (t, d)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %squares : tensor<?x?xf32>, tensor<?xf32>) outs(%into : tensor<?x?xf32>) {
  ^bb0(%e: f32, %sum: f32, %old: f32):
    %safe = arith.addf %sum, %least : f32
    %root = math.rsqrt %safe : f32
    %y = arith.mulf %e, %root : f32
    linalg.yield %y : f32
  } -> tensor<?x?xf32>
  return %normal : tensor<?x?xf32>
}

func.func private @mamba(%x: tensor<?x128xf32>, %win: tensor<128x512xf32>, %conv_w: tensor<256x4xf32>, %wx: tensor<256x40xf32>,
    %wdt: tensor<8x256xf32>, %log_a: tensor<256x16xf32>, %d: tensor<256xf32>, %wout: tensor<256x128xf32>,
    %conv: tensor<1x3x256xf32>, %state: tensor<1x256x16xf32>) -> (tensor<?x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>) {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %x, %c0 : tensor<?x128xf32>
  %zero = arith.constant 0.0 : f32
  %x_any = tensor.cast %x : tensor<?x128xf32> to tensor<?x?xf32>
  %normal_any = call @norm(%x_any) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %normal = tensor.cast %normal_any : tensor<?x?xf32> to tensor<?x128xf32>
  %e0 = tensor.empty(%s) : tensor<?x512xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x512xf32>) -> tensor<?x512xf32>
  %both = linalg.matmul ins(%normal, %win : tensor<?x128xf32>, tensor<128x512xf32>) outs(%z0 : tensor<?x512xf32>) -> tensor<?x512xf32>
  %u0 = tensor.extract_slice %both[0, 0] [%s, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %g0 = tensor.extract_slice %both[0, 256] [%s, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %u1 = tensor.expand_shape %u0 [[0, 1], [2]] output_shape [1, %s, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
  %gate = tensor.expand_shape %g0 [[0, 1], [2]] output_shape [1, %s, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
  %rows = tensor.empty(%s) : tensor<1x?x256xf32>
  %u, %conv1 = attn.causal_conv1d ins(%u1, %conv_w : tensor<1x?x256xf32>, tensor<256x4xf32>)
      outs(%rows, %conv : tensor<1x?x256xf32>, tensor<1x3x256xf32>) {silu} -> tensor<1x?x256xf32>, tensor<1x3x256xf32>
  %flat = tensor.collapse_shape %u [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
  // Steps of low rank, and what is written and read.
  %e1 = tensor.empty(%s) : tensor<?x40xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x40xf32>) -> tensor<?x40xf32>
  %made = linalg.matmul ins(%flat, %wx : tensor<?x256xf32>, tensor<256x40xf32>) outs(%z1 : tensor<?x40xf32>) -> tensor<?x40xf32>
  %low = tensor.extract_slice %made[0, 0] [%s, 8] [1, 1] : tensor<?x40xf32> to tensor<?x8xf32>
  %b0 = tensor.extract_slice %made[0, 8] [%s, 16] [1, 1] : tensor<?x40xf32> to tensor<?x16xf32>
  %c1 = tensor.extract_slice %made[0, 24] [%s, 16] [1, 1] : tensor<?x40xf32> to tensor<?x16xf32>
  %low_any = tensor.cast %low : tensor<?x8xf32> to tensor<?x?xf32>
  %low_n_any = call @norm(%low_any) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %low_n = tensor.cast %low_n_any : tensor<?x?xf32> to tensor<?x8xf32>
  %b0_any = tensor.cast %b0 : tensor<?x16xf32> to tensor<?x?xf32>
  %b_n_any = call @norm(%b0_any) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %b_n = tensor.cast %b_n_any : tensor<?x?xf32> to tensor<?x16xf32>
  %c1_any = tensor.cast %c1 : tensor<?x16xf32> to tensor<?x?xf32>
  %c_n_any = call @norm(%c1_any) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %c_n = tensor.cast %c_n_any : tensor<?x?xf32> to tensor<?x16xf32>
  %b = tensor.expand_shape %b_n [[0, 1, 2], [3]] output_shape [1, %s, 1, 16] : tensor<?x16xf32> into tensor<1x?x1x16xf32>
  %c = tensor.expand_shape %c_n [[0, 1, 2], [3]] output_shape [1, %s, 1, 16] : tensor<?x16xf32> into tensor<1x?x1x16xf32>
  %e2 = tensor.empty(%s) : tensor<?x256xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %dt0 = linalg.matmul ins(%low_n, %wdt : tensor<?x8xf32>, tensor<8x256xf32>) outs(%z2 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %dt = tensor.expand_shape %dt0 [[0, 1], [2]] output_shape [1, %s, 256] : tensor<?x256xf32> into tensor<1x?x256xf32>
  // The weight is a logarithm: a = -e^w.
  %e3 = tensor.empty() : tensor<256x16xf32>
  %a = linalg.generic {indexing_maps = [affine_map<(i, n) -> (i, n)>, affine_map<(i, n) -> (i, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%log_a : tensor<256x16xf32>) outs(%e3 : tensor<256x16xf32>) {
  ^bb0(%w: f32, %into: f32):
    %e = math.exp %w : f32
    %n = arith.negf %e : f32
    linalg.yield %n : f32
  } -> tensor<256x16xf32>
  %y0 = tensor.empty(%s) : tensor<1x?x256xf32>
  %y, %state1 = attn.ssm_scan ins(%u, %dt, %a, %b, %c : tensor<1x?x256xf32>, tensor<1x?x256xf32>, tensor<256x16xf32>, tensor<1x?x1x16xf32>, tensor<1x?x1x16xf32>)
      skip(%d : tensor<256xf32>) gate(%gate : tensor<1x?x256xf32>)
      outs(%y0, %state : tensor<1x?x256xf32>, tensor<1x256x16xf32>) {softplus} -> tensor<1x?x256xf32>, tensor<1x256x16xf32>
  %yf = tensor.collapse_shape %y [[0, 1], [2]] : tensor<1x?x256xf32> into tensor<?x256xf32>
  %out = linalg.matmul ins(%yf, %wout : tensor<?x256xf32>, tensor<256x128xf32>) outs(%x : tensor<?x128xf32>) -> tensor<?x128xf32>
  return %out, %conv1, %state1 : tensor<?x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>
}

// Without positions: the recurrences know the order.
func.func private @attention(%x: tensor<?x128xf32>, %wqkv: tensor<128x256xf32>, %wo: tensor<128x128xf32>) -> tensor<?x128xf32> {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %x, %c0 : tensor<?x128xf32>
  %zero = arith.constant 0.0 : f32
  %x_any = tensor.cast %x : tensor<?x128xf32> to tensor<?x?xf32>
  %normal_any = call @norm(%x_any) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %normal = tensor.cast %normal_any : tensor<?x?xf32> to tensor<?x128xf32>
  %e0 = tensor.empty(%s) : tensor<?x256xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %all = linalg.matmul ins(%normal, %wqkv : tensor<?x128xf32>, tensor<128x256xf32>) outs(%z0 : tensor<?x256xf32>) -> tensor<?x256xf32>
  %q0 = tensor.extract_slice %all[0, 0] [%s, 128] [1, 1] : tensor<?x256xf32> to tensor<?x128xf32>
  %k0 = tensor.extract_slice %all[0, 128] [%s, 64] [1, 1] : tensor<?x256xf32> to tensor<?x64xf32>
  %v0 = tensor.extract_slice %all[0, 192] [%s, 64] [1, 1] : tensor<?x256xf32> to tensor<?x64xf32>
  %q = tensor.expand_shape %q0 [[0, 1], [2, 3]] output_shape [1, %s, 4, 32] : tensor<?x128xf32> into tensor<1x?x4x32xf32>
  %k = tensor.expand_shape %k0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 32] : tensor<?x64xf32> into tensor<1x?x2x32xf32>
  %v = tensor.expand_shape %v0 [[0, 1], [2, 3]] output_shape [1, %s, 2, 32] : tensor<?x64xf32> into tensor<1x?x2x32xf32>
  %rows = tensor.empty(%s) : tensor<1x?x4x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x?x4x32xf32>, tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) layout(bshd)
      outs(%rows : tensor<1x?x4x32xf32>) mask(#attn.causal) -> tensor<1x?x4x32xf32>
  %flat = tensor.collapse_shape %o [[0, 1], [2, 3]] : tensor<1x?x4x32xf32> into tensor<?x128xf32>
  %y = linalg.matmul ins(%flat, %wo : tensor<?x128xf32>, tensor<128x128xf32>) outs(%x : tensor<?x128xf32>) -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

func.func @block(%x: tensor<?x128xf32> {attn.dims = ["s", "d"]}, %win: tensor<7x128x512xf32>, %conv_w: tensor<7x256x4xf32>, %wx: tensor<7x256x40xf32>, %wdt: tensor<7x8x256xf32>, %log_a: tensor<7x256x16xf32>, %d: tensor<7x256xf32>, %wout: tensor<7x256x128xf32>,
    %wqkv: tensor<128x256xf32>, %wo: tensor<128x128xf32>, %conv: tensor<7x3x256xf32>, %state: tensor<7x256x16xf32>) -> (tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c7 = arith.constant 7 : index
  %first:3 = scf.for %l = %c0 to %c4 step %c1 iter_args(%in = %x, %convs = %conv, %states = %state) -> (tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>) {
    %win_l = tensor.extract_slice %win[%l, 0, 0] [1, 128, 512] [1, 1, 1] : tensor<7x128x512xf32> to tensor<128x512xf32>
    %conv_w_l = tensor.extract_slice %conv_w[%l, 0, 0] [1, 256, 4] [1, 1, 1] : tensor<7x256x4xf32> to tensor<256x4xf32>
    %wx_l = tensor.extract_slice %wx[%l, 0, 0] [1, 256, 40] [1, 1, 1] : tensor<7x256x40xf32> to tensor<256x40xf32>
    %wdt_l = tensor.extract_slice %wdt[%l, 0, 0] [1, 8, 256] [1, 1, 1] : tensor<7x8x256xf32> to tensor<8x256xf32>
    %log_a_l = tensor.extract_slice %log_a[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<7x256x16xf32> to tensor<256x16xf32>
    %d_l = tensor.extract_slice %d[%l, 0] [1, 256] [1, 1] : tensor<7x256xf32> to tensor<256xf32>
    %wout_l = tensor.extract_slice %wout[%l, 0, 0] [1, 256, 128] [1, 1, 1] : tensor<7x256x128xf32> to tensor<256x128xf32>
    %conv_l = tensor.extract_slice %convs[%l, 0, 0] [1, 3, 256] [1, 1, 1] : tensor<7x3x256xf32> to tensor<1x3x256xf32>
    %state_l = tensor.extract_slice %states[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<7x256x16xf32> to tensor<1x256x16xf32>
    %out, %conv1, %state1 = func.call @mamba(%in, %win_l, %conv_w_l, %wx_l, %wdt_l, %log_a_l, %d_l, %wout_l, %conv_l, %state_l)
        : (tensor<?x128xf32>, tensor<128x512xf32>, tensor<256x4xf32>, tensor<256x40xf32>, tensor<8x256xf32>, tensor<256x16xf32>, tensor<256xf32>, tensor<256x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>) -> (tensor<?x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>)
    %convs1 = tensor.insert_slice %conv1 into %convs[%l, 0, 0] [1, 3, 256] [1, 1, 1] : tensor<1x3x256xf32> into tensor<7x3x256xf32>
    %states1 = tensor.insert_slice %state1 into %states[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<1x256x16xf32> into tensor<7x256x16xf32>
    scf.yield %out, %convs1, %states1 : tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>
  }
  %mixed = call @attention(%first#0, %wqkv, %wo) : (tensor<?x128xf32>, tensor<128x256xf32>, tensor<128x128xf32>) -> tensor<?x128xf32>
  %last:3 = scf.for %l = %c4 to %c7 step %c1 iter_args(%in = %mixed, %convs = %first#1, %states = %first#2) -> (tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>) {
    %win_l = tensor.extract_slice %win[%l, 0, 0] [1, 128, 512] [1, 1, 1] : tensor<7x128x512xf32> to tensor<128x512xf32>
    %conv_w_l = tensor.extract_slice %conv_w[%l, 0, 0] [1, 256, 4] [1, 1, 1] : tensor<7x256x4xf32> to tensor<256x4xf32>
    %wx_l = tensor.extract_slice %wx[%l, 0, 0] [1, 256, 40] [1, 1, 1] : tensor<7x256x40xf32> to tensor<256x40xf32>
    %wdt_l = tensor.extract_slice %wdt[%l, 0, 0] [1, 8, 256] [1, 1, 1] : tensor<7x8x256xf32> to tensor<8x256xf32>
    %log_a_l = tensor.extract_slice %log_a[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<7x256x16xf32> to tensor<256x16xf32>
    %d_l = tensor.extract_slice %d[%l, 0] [1, 256] [1, 1] : tensor<7x256xf32> to tensor<256xf32>
    %wout_l = tensor.extract_slice %wout[%l, 0, 0] [1, 256, 128] [1, 1, 1] : tensor<7x256x128xf32> to tensor<256x128xf32>
    %conv_l = tensor.extract_slice %convs[%l, 0, 0] [1, 3, 256] [1, 1, 1] : tensor<7x3x256xf32> to tensor<1x3x256xf32>
    %state_l = tensor.extract_slice %states[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<7x256x16xf32> to tensor<1x256x16xf32>
    %out, %conv1, %state1 = func.call @mamba(%in, %win_l, %conv_w_l, %wx_l, %wdt_l, %log_a_l, %d_l, %wout_l, %conv_l, %state_l)
        : (tensor<?x128xf32>, tensor<128x512xf32>, tensor<256x4xf32>, tensor<256x40xf32>, tensor<8x256xf32>, tensor<256x16xf32>, tensor<256xf32>, tensor<256x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>) -> (tensor<?x128xf32>, tensor<1x3x256xf32>, tensor<1x256x16xf32>)
    %convs1 = tensor.insert_slice %conv1 into %convs[%l, 0, 0] [1, 3, 256] [1, 1, 1] : tensor<1x3x256xf32> into tensor<7x3x256xf32>
    %states1 = tensor.insert_slice %state1 into %states[%l, 0, 0] [1, 256, 16] [1, 1, 1] : tensor<1x256x16xf32> into tensor<7x256x16xf32>
    scf.yield %out, %convs1, %states1 : tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>
  }
  return %last#0, %last#1, %last#2 : tensor<?x128xf32>, tensor<7x3x256xf32>, tensor<7x256x16xf32>
}
