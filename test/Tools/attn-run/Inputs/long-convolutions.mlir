// Kernels of state spaces, long convolutions and projections, for recurrences.test.

func.func @kernel(%delta: tensor<21xf32>, %a: tensor<21x12x2xf32>, %b: tensor<21x12x2xf32>, %c: tensor<21x12x2xf32>, %like: tensor<?xf32> {attn.dims = ["s"]}) -> tensor<21x?xf32> {
  %a_e = tensor.empty() : tensor<21x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<21x12x2xf32>) outs(%a_e : tensor<21x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<21x12x2xf32>
  %step_e = tensor.empty() : tensor<21xf32>
  %tenth = arith.constant 0.1 : f32
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<21xf32>) outs(%step_e : tensor<21xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %small = arith.mulf %size, %tenth : f32
    linalg.yield %small : f32
  } -> tensor<21xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf32>
  %init = tensor.empty(%n0) : tensor<21x?xf32>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<21xf32>, tensor<21x12x2xf32>, tensor<21x12x2xf32>, tensor<21x12x2xf32>)
      outs(%init : tensor<21x?xf32>) {complex} -> tensor<21x?xf32>
  return %k : tensor<21x?xf32>
}

func.func @kernel_real(%delta: tensor<3xf32>, %a: tensor<3x4xf32>, %b: tensor<3x4xf32>, %c: tensor<3x4xf32>, %like: tensor<?xf32> {attn.dims = ["s"]}) -> tensor<3x?xf32> {
  %a_e = tensor.empty() : tensor<3x4xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<3x4xf32>) outs(%a_e : tensor<3x4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<3x4xf32>
  %step_e = tensor.empty() : tensor<3xf32>
  %tenth = arith.constant 0.1 : f32
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<3xf32>) outs(%step_e : tensor<3xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %small = arith.mulf %size, %tenth : f32
    linalg.yield %small : f32
  } -> tensor<3xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf32>
  %init = tensor.empty(%n0) : tensor<3x?xf32>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<3xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
      outs(%init : tensor<3x?xf32>) -> tensor<3x?xf32>
  return %k : tensor<3x?xf32>
}

func.func @kernel_bilinear(%delta: tensor<21xf64>, %a: tensor<21x12x2xf64>, %b: tensor<21x12x2xf64>, %c: tensor<21x12x2xf64>, %like: tensor<?xf64> {attn.dims = ["s"]}) -> tensor<21x?xf64> {
  %a_e = tensor.empty() : tensor<21x12x2xf64>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<21x12x2xf64>) outs(%a_e : tensor<21x12x2xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %rate = arith.negf %size : f64
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f64
    linalg.yield %number : f64
  } -> tensor<21x12x2xf64>
  %step_e = tensor.empty() : tensor<21xf64>
  %tenth = arith.constant 0.1 : f64
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<21xf64>) outs(%step_e : tensor<21xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %small = arith.mulf %size, %tenth : f64
    linalg.yield %small : f64
  } -> tensor<21xf64>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf64>
  %init = tensor.empty(%n0) : tensor<21x?xf64>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<21xf64>, tensor<21x12x2xf64>, tensor<21x12x2xf64>, tensor<21x12x2xf64>)
      outs(%init : tensor<21x?xf64>) {complex, bilinear} -> tensor<21x?xf64>
  return %k : tensor<21x?xf64>
}

func.func @kernel_dplr(%delta: tensor<21xf32>, %a: tensor<21x12x2xf32>, %b: tensor<21x12x2xf32>, %c: tensor<21x12x2xf32>, %p: tensor<21x1x12x2xf32>, %like: tensor<?xf32> {attn.dims = ["s"]}) -> tensor<21x?xf32> {
  %a_e = tensor.empty() : tensor<21x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<21x12x2xf32>) outs(%a_e : tensor<21x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<21x12x2xf32>
  %step_e = tensor.empty() : tensor<21xf32>
  %tenth = arith.constant 0.1 : f32
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<21xf32>) outs(%step_e : tensor<21xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %small = arith.mulf %size, %tenth : f32
    linalg.yield %small : f32
  } -> tensor<21xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf32>
  %init = tensor.empty(%n0) : tensor<21x?xf32>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<21xf32>, tensor<21x12x2xf32>, tensor<21x12x2xf32>, tensor<21x12x2xf32>) low_rank(%p, %p : tensor<21x1x12x2xf32>, tensor<21x1x12x2xf32>)
      outs(%init : tensor<21x?xf32>) {complex, bilinear} -> tensor<21x?xf32>
  return %k : tensor<21x?xf32>
}

func.func @kernel_rank2(%delta: tensor<21xf64>, %a: tensor<21x12x2xf64>, %b: tensor<21x12x2xf64>, %c: tensor<21x12x2xf64>, %p: tensor<21x2x12x2xf64>, %like: tensor<?xf64> {attn.dims = ["s"]}) -> tensor<21x?xf64> {
  %a_e = tensor.empty() : tensor<21x12x2xf64>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<21x12x2xf64>) outs(%a_e : tensor<21x12x2xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %rate = arith.negf %size : f64
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f64
    linalg.yield %number : f64
  } -> tensor<21x12x2xf64>
  %step_e = tensor.empty() : tensor<21xf64>
  %tenth = arith.constant 0.1 : f64
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<21xf64>) outs(%step_e : tensor<21xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %small = arith.mulf %size, %tenth : f64
    linalg.yield %small : f64
  } -> tensor<21xf64>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf64>
  %init = tensor.empty(%n0) : tensor<21x?xf64>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<21xf64>, tensor<21x12x2xf64>, tensor<21x12x2xf64>, tensor<21x12x2xf64>) low_rank(%p, %p : tensor<21x2x12x2xf64>, tensor<21x2x12x2xf64>)
      outs(%init : tensor<21x?xf64>) {complex, bilinear} -> tensor<21x?xf64>
  return %k : tensor<21x?xf64>
}

func.func @kernel_real_dplr(%delta: tensor<8xf64>, %a: tensor<8x12xf64>, %b: tensor<8x12xf64>, %c: tensor<8x12xf64>, %p: tensor<8x2x12xf64>, %like: tensor<?xf64> {attn.dims = ["s"]}) -> tensor<8x?xf64> {
  %a_e = tensor.empty() : tensor<8x12xf64>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<8x12xf64>) outs(%a_e : tensor<8x12xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %rate = arith.negf %size : f64
    linalg.yield %rate : f64
  } -> tensor<8x12xf64>
  %step_e = tensor.empty() : tensor<8xf64>
  %tenth = arith.constant 0.1 : f64
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<8xf64>) outs(%step_e : tensor<8xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %small = arith.mulf %size, %tenth : f64
    linalg.yield %small : f64
  } -> tensor<8xf64>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xf64>
  %init = tensor.empty(%n0) : tensor<8x?xf64>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<8xf64>, tensor<8x12xf64>, tensor<8x12xf64>, tensor<8x12xf64>) low_rank(%p, %p : tensor<8x2x12xf64>, tensor<8x2x12xf64>)
      outs(%init : tensor<8x?xf64>) {bilinear} -> tensor<8x?xf64>
  return %k : tensor<8x?xf64>
}

func.func @kernel_bf16(%delta: tensor<21xbf16>, %a: tensor<21x12x2xbf16>, %b: tensor<21x12x2xbf16>, %c: tensor<21x12x2xbf16>, %like: tensor<?xbf16> {attn.dims = ["s"]}) -> tensor<21x?xbf16> {
  %a_e = tensor.empty() : tensor<21x12x2xbf16>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<21x12x2xbf16>) outs(%a_e : tensor<21x12x2xbf16>) {
  ^bb0(%from: bf16, %into: bf16):
    %size = math.absf %from : bf16
    %rate = arith.negf %size : bf16
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : bf16
    linalg.yield %number : bf16
  } -> tensor<21x12x2xbf16>
  %step_e = tensor.empty() : tensor<21xbf16>
  %tenth = arith.constant 0.1 : bf16
  %step = linalg.generic {indexing_maps = [affine_map<(d) -> (d)>, affine_map<(d) -> (d)>], iterator_types = ["parallel"]}
      ins(%delta : tensor<21xbf16>) outs(%step_e : tensor<21xbf16>) {
  ^bb0(%from: bf16, %into: bf16):
    %size = math.absf %from : bf16
    %small = arith.mulf %size, %tenth : bf16
    linalg.yield %small : bf16
  } -> tensor<21xbf16>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %like, %i : tensor<?xbf16>
  %init = tensor.empty(%n0) : tensor<21x?xbf16>
  %k = attn.s4_kernel ins(%step, %a_n, %b, %c : tensor<21xbf16>, tensor<21x12x2xbf16>, tensor<21x12x2xbf16>, tensor<21x12x2xbf16>)
      outs(%init : tensor<21x?xbf16>) {complex} -> tensor<21x?xbf16>
  return %k : tensor<21x?xbf16>
}

func.func @conv(%u: tensor<2x?x21xf32> {attn.dims = ["b", "s", "d"]}, %k: tensor<21x?xf32> {attn.dims = ["d", "s"]}) -> tensor<2x?x21xf32> {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x21xf32>
  %init = tensor.empty(%n0) : tensor<2x?x21xf32>
  %y = attn.fft_conv ins(%u, %k : tensor<2x?x21xf32>, tensor<21x?xf32>)
      outs(%init : tensor<2x?x21xf32>) -> tensor<2x?x21xf32>
  return %y : tensor<2x?x21xf32>
}

func.func @conv_skip(%u: tensor<2x?x32xf32> {attn.dims = ["b", "s", "d"]}, %k: tensor<32x?xf32> {attn.dims = ["d", "s"]}, %d: tensor<32xf32>) -> tensor<2x?x32xf32> {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x32xf32>
  %init = tensor.empty(%n0) : tensor<2x?x32xf32>
  %y = attn.fft_conv ins(%u, %k : tensor<2x?x32xf32>, tensor<32x?xf32>) skip(%d : tensor<32xf32>)
      outs(%init : tensor<2x?x32xf32>) -> tensor<2x?x32xf32>
  return %y : tensor<2x?x32xf32>
}

func.func @conv_short(%u: tensor<2x?x16xf32> {attn.dims = ["b", "s", "d"]}, %k: tensor<16x5xf32>) -> tensor<2x?x16xf32> {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x16xf32>
  %init = tensor.empty(%n0) : tensor<2x?x16xf32>
  %y = attn.fft_conv ins(%u, %k : tensor<2x?x16xf32>, tensor<16x5xf32>)
      outs(%init : tensor<2x?x16xf32>) -> tensor<2x?x16xf32>
  return %y : tensor<2x?x16xf32>
}

func.func @conv_f64(%u: tensor<2x?x9xf64> {attn.dims = ["b", "s", "d"]}, %k: tensor<9x?xf64> {attn.dims = ["d", "s"]}, %d: tensor<9xf64>) -> tensor<2x?x9xf64> {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x9xf64>
  %init = tensor.empty(%n0) : tensor<2x?x9xf64>
  %y = attn.fft_conv ins(%u, %k : tensor<2x?x9xf64>, tensor<9x?xf64>) skip(%d : tensor<9xf64>)
      outs(%init : tensor<2x?x9xf64>) -> tensor<2x?x9xf64>
  return %y : tensor<2x?x9xf64>
}

func.func @conv_bf16(%u: tensor<2x?x21xbf16> {attn.dims = ["b", "s", "d"]}, %k: tensor<21x?xbf16> {attn.dims = ["d", "s"]}, %d: tensor<21xbf16>) -> tensor<2x?x21xbf16> {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x21xbf16>
  %init = tensor.empty(%n0) : tensor<2x?x21xbf16>
  %y = attn.fft_conv ins(%u, %k : tensor<2x?x21xbf16>, tensor<21x?xbf16>) skip(%d : tensor<21xbf16>)
      outs(%init : tensor<2x?x21xbf16>) -> tensor<2x?x21xbf16>
  return %y : tensor<2x?x21xbf16>
}

func.func @linformer(%x: tensor<2x3x?x24xf32> {attn.dims = ["b", "h", "s", "d"]}, %e: tensor<5000x20xf32>) -> tensor<2x3x20x24xf32> {
  %init = tensor.empty() : tensor<2x3x20x24xf32>
  %y = attn.linformer_project ins(%x, %e : tensor<2x3x?x24xf32>, tensor<5000x20xf32>) outs(%init : tensor<2x3x20x24xf32>) -> tensor<2x3x20x24xf32>
  return %y : tensor<2x3x20x24xf32>
}

func.func @linformer_heads(%x: tensor<2x?x3x17xf32> {attn.dims = ["b", "s", "h", "d"]}, %e: tensor<3x5000x9xf32>) -> tensor<2x9x3x17xf32> {
  %init = tensor.empty() : tensor<2x9x3x17xf32>
  %y = attn.linformer_project ins(%x, %e : tensor<2x?x3x17xf32>, tensor<3x5000x9xf32>) layout(bshd) outs(%init : tensor<2x9x3x17xf32>) -> tensor<2x9x3x17xf32>
  return %y : tensor<2x9x3x17xf32>
}

func.func @linformer_bf16(%x: tensor<2x3x?x64xbf16> {attn.dims = ["b", "h", "s", "d"]}, %e: tensor<4x64xbf16>) -> tensor<2x3x64x64xbf16> {
  %init = tensor.empty() : tensor<2x3x64x64xbf16>
  %y = attn.linformer_project ins(%x, %e : tensor<2x3x?x64xbf16>, tensor<4x64xbf16>) outs(%init : tensor<2x3x64x64xbf16>) -> tensor<2x3x64x64xbf16>
  return %y : tensor<2x3x64x64xbf16>
}

func.func @linformer_f64(%x: tensor<2x3x?x24xf64> {attn.dims = ["b", "h", "s", "d"]}, %e: tensor<40x20xf64>) -> tensor<2x3x20x24xf64> {
  %init = tensor.empty() : tensor<2x3x20x24xf64>
  %y = attn.linformer_project ins(%x, %e : tensor<2x3x?x24xf64>, tensor<40x20xf64>) outs(%init : tensor<2x3x20x24xf64>) -> tensor<2x3x20x24xf64>
  return %y : tensor<2x3x20x24xf64>
}
