// Random features, complex states and zero-order holds, for recurrences.test.

func.func @favor(%q: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf32>) -> (tensor<2x4x?x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<48x20xf32>)
      outs(%init : tensor<2x4x?x24xf32>) {normalized} -> tensor<2x4x?x24xf32>
  return %y : tensor<2x4x?x24xf32>
}

func.func @favor_state(%q: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf32>, %s: tensor<2x4x48x24xf32>, %z: tensor<2x4x48xf32>, %m: tensor<2x4xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y:4 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<48x20xf32>)
      outs(%init, %s, %z, %m : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>) {normalized} -> tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>
  return %y#0, %y#1, %y#2, %y#3 : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>
}

func.func @favor_plain(%q: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf32>, %s: tensor<2x4x48x24xf32>, %m: tensor<2x4xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y:3 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<48x20xf32>)
      outs(%init, %s, %m : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>) {scale = 0.5 : f64} -> tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>
  return %y#0, %y#1, %y#2 : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>
}

func.func @favor_ids(%q: tensor<2x2x?x17xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x17xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<33x17xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}) -> (tensor<2x4x?x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x17xf32>, tensor<2x2x?x17xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<33x17xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init : tensor<2x4x?x24xf32>) {normalized} -> tensor<2x4x?x24xf32>
  return %y : tensor<2x4x?x24xf32>
}

func.func @favor_ragged(%q: tensor<?x2x20xf32> {attn.dims = ["s", "g", "k"]}, %k: tensor<?x2x20xf32> {attn.dims = ["s", "g", "k"]}, %v: tensor<?x4x24xf32> {attn.dims = ["s", "h", "e"]}, %w: tensor<48x20xf32>, %s: tensor<2x4x48x24xf32>, %m: tensor<2x4xf32>, %cu: tensor<3xi32>) -> (tensor<?x4x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>) {
  %i = arith.constant 0 : index
  %n0 = tensor.dim %v, %i : tensor<?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<?x4x24xf32>
  %y:3 = attn.linear_attention ins(%q, %k, %v : tensor<?x2x20xf32>, tensor<?x2x20xf32>, tensor<?x4x24xf32>) layout(thd)
      favor(%w : tensor<48x20xf32>) cu_seqlens(%cu : tensor<3xi32>)
      outs(%init, %s, %m : tensor<?x4x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>) -> tensor<?x4x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>
  return %y#0, %y#1, %y#2 : tensor<?x4x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4xf32>
}

func.func @favor_exact(%q: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf32>, %s: tensor<2x4x48x24xf32>, %z: tensor<2x4x48xf32>, %m: tensor<2x4xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y:4 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<48x20xf32>)
      outs(%init, %s, %z, %m : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>) {normalized, exact} -> tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>
  return %y#0, %y#1, %y#2, %y#3 : tensor<2x4x?x24xf32>, tensor<2x4x48x24xf32>, tensor<2x4x48xf32>, tensor<2x4xf32>
}

func.func @favor_chunk(%q: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf32>) -> (tensor<2x4x?x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf32>, tensor<2x2x?x20xf32>, tensor<2x4x?x24xf32>)
      favor(%w : tensor<48x20xf32>)
      outs(%init : tensor<2x4x?x24xf32>) {normalized, chunk = 24 : i64} -> tensor<2x4x?x24xf32>
  return %y : tensor<2x4x?x24xf32>
}

func.func @favor_bf16(%q: tensor<2x2x?x20xbf16> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xbf16> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xbf16> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xbf16>) -> (tensor<2x4x?x24xbf16>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xbf16>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xbf16>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xbf16>, tensor<2x2x?x20xbf16>, tensor<2x4x?x24xbf16>)
      favor(%w : tensor<48x20xbf16>)
      outs(%init : tensor<2x4x?x24xbf16>) {normalized} -> tensor<2x4x?x24xbf16>
  return %y : tensor<2x4x?x24xbf16>
}

func.func @favor_f64(%q: tensor<2x2x?x20xf64> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x20xf64> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf64> {attn.dims = ["b", "h", "s", "e"]}, %w: tensor<48x20xf64>, %s: tensor<2x4x48x24xf64>, %z: tensor<2x4x48xf64>, %m: tensor<2x4xf64>) -> (tensor<2x4x?x24xf64>, tensor<2x4x48x24xf64>, tensor<2x4x48xf64>, tensor<2x4xf64>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf64>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf64>
  %y:4 = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x20xf64>, tensor<2x2x?x20xf64>, tensor<2x4x?x24xf64>)
      favor(%w : tensor<48x20xf64>)
      outs(%init, %s, %z, %m : tensor<2x4x?x24xf64>, tensor<2x4x48x24xf64>, tensor<2x4x48xf64>, tensor<2x4xf64>) {normalized} -> tensor<2x4x?x24xf64>, tensor<2x4x48x24xf64>, tensor<2x4x48xf64>, tensor<2x4xf64>
  return %y#0, %y#1, %y#2, %y#3 : tensor<2x4x?x24xf64>, tensor<2x4x48x24xf64>, tensor<2x4x48xf64>, tensor<2x4xf64>
}

func.func @s4d(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf32>, %a: tensor<40x12x2xf32>, %b: tensor<40x12x2xf32>, %c: tensor<40x12x2xf32>, %s: tensor<2x40x12x2xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<40xf32>, tensor<40x12x2xf32>, tensor<40x12x2xf32>, tensor<40x12x2xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {softplus, complex, zoh} -> tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
}

func.func @s4d_real(%u: tensor<2x?x37xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<37xf32>, %a: tensor<37x5xf32>, %b: tensor<37x5xf32>, %c: tensor<37x5xf32>, %s: tensor<2x37x5xf32>) -> (tensor<2x?x37xf32>, tensor<2x37x5xf32>) {
  %a_e = tensor.empty() : tensor<37x5xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<37x5xf32>) outs(%a_e : tensor<37x5xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<37x5xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x37xf32>
  %init = tensor.empty(%n0) : tensor<2x?x37xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x37xf32>, tensor<37xf32>, tensor<37x5xf32>, tensor<37x5xf32>, tensor<37x5xf32>)
      outs(%init, %s : tensor<2x?x37xf32>, tensor<2x37x5xf32>) {softplus, zoh} -> tensor<2x?x37xf32>, tensor<2x37x5xf32>
  return %y#0, %y#1 : tensor<2x?x37xf32>, tensor<2x37x5xf32>
}

func.func @s4d_ids(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf32>, %a: tensor<40x12x2xf32>, %b: tensor<40x12x2xf32>, %c: tensor<40x12x2xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}, %s: tensor<2x40x12x2xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<40xf32>, tensor<40x12x2xf32>, tensor<40x12x2xf32>, tensor<40x12x2xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {softplus, complex, zoh} -> tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
}

func.func @s4d_f64(%u: tensor<2x?x40xf64> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf64>, %a: tensor<40x33x2xf64>, %b: tensor<40x33x2xf64>, %c: tensor<40x33x2xf64>, %s: tensor<2x40x33x2xf64>) -> (tensor<2x?x40xf64>, tensor<2x40x33x2xf64>) {
  %a_e = tensor.empty() : tensor<40x33x2xf64>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x33x2xf64>) outs(%a_e : tensor<40x33x2xf64>) {
  ^bb0(%from: f64, %into: f64):
    %size = math.absf %from : f64
    %rate = arith.negf %size : f64
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f64
    linalg.yield %number : f64
  } -> tensor<40x33x2xf64>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf64>
  %init = tensor.empty(%n0) : tensor<2x?x40xf64>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf64>, tensor<40xf64>, tensor<40x33x2xf64>, tensor<40x33x2xf64>, tensor<40x33x2xf64>)
      outs(%init, %s : tensor<2x?x40xf64>, tensor<2x40x33x2xf64>) {softplus, complex, zoh} -> tensor<2x?x40xf64>, tensor<2x40x33x2xf64>
  return %y#0, %y#1 : tensor<2x?x40xf64>, tensor<2x40x33x2xf64>
}

func.func @selective(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<40x12x2xf32>, %b: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}, %c: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}, %bias: tensor<40xf32>, %d: tensor<40xf32>, %z: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x40x12x2xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<2x?x40xf32>, tensor<40x12x2xf32>, tensor<2x?x2x12x2xf32>, tensor<2x?x2x12x2xf32>)
      dt_bias(%bias : tensor<40xf32>) skip(%d : tensor<40xf32>) gate(%z : tensor<2x?x40xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {softplus, complex} -> tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
}

func.func @selective_zoh(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<40x12x2xf32>, %b: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}, %c: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}, %s: tensor<2x40x12x2xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<2x?x40xf32>, tensor<40x12x2xf32>, tensor<2x?x2x12x2xf32>, tensor<2x?x2x12x2xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>) {softplus, complex, zoh} -> tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12x2xf32>
}

func.func @selective_ragged(%u: tensor<?x40xf32> {attn.dims = ["s", "d"]}, %delta: tensor<?x40xf32> {attn.dims = ["s", "d"]}, %a: tensor<40x12x2xf32>, %b: tensor<?x2x12x2xf32> {attn.dims = ["s", "g", "n", "c"]}, %c: tensor<?x2x12x2xf32> {attn.dims = ["s", "g", "n", "c"]}, %bias: tensor<40xf32>, %d: tensor<40xf32>, %z: tensor<?x40xf32> {attn.dims = ["s", "d"]}, %cu: tensor<4xi32>, %s: tensor<3x40x12x2xf32>) -> (tensor<?x40xf32>, tensor<3x40x12x2xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %u, %i : tensor<?x40xf32>
  %init = tensor.empty(%n0) : tensor<?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<?x40xf32>, tensor<?x40xf32>, tensor<40x12x2xf32>, tensor<?x2x12x2xf32>, tensor<?x2x12x2xf32>)
      dt_bias(%bias : tensor<40xf32>) skip(%d : tensor<40xf32>) gate(%z : tensor<?x40xf32>) cu_seqlens(%cu : tensor<4xi32>)
      outs(%init, %s : tensor<?x40xf32>, tensor<3x40x12x2xf32>) {softplus, complex, zoh} -> tensor<?x40xf32>, tensor<3x40x12x2xf32>
  return %y#0, %y#1 : tensor<?x40xf32>, tensor<3x40x12x2xf32>
}

func.func @zoh_tokens(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<40x12xf32>, %b: tensor<2x?x2x12xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x12xf32> {attn.dims = ["b", "s", "g", "n"]}, %s: tensor<2x40x12xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12xf32>) {
  %a_e = tensor.empty() : tensor<40x12xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<40x12xf32>) outs(%a_e : tensor<40x12xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<40x12xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<2x?x40xf32>, tensor<40x12xf32>, tensor<2x?x2x12xf32>, tensor<2x?x2x12xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12xf32>) {softplus, zoh} -> tensor<2x?x40xf32>, tensor<2x40x12xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12xf32>
}

func.func @zoh_mixed(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf32>, %a: tensor<40x12xf32>, %b: tensor<2x?x2x12xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x12xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<40xf32>, %d: tensor<40xf32>, %z: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x40x12xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12xf32>) {
  %a_e = tensor.empty() : tensor<40x12xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<40x12xf32>) outs(%a_e : tensor<40x12xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<40x12xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<40xf32>, tensor<40x12xf32>, tensor<2x?x2x12xf32>, tensor<2x?x2x12xf32>)
      dt_bias(%bias : tensor<40xf32>) skip(%d : tensor<40xf32>) gate(%z : tensor<2x?x40xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12xf32>) {softplus, zoh} -> tensor<2x?x40xf32>, tensor<2x40x12xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12xf32>
}

func.func @zoh_exact(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf32>, %a: tensor<40x12xf32>, %b: tensor<40x12xf32>, %c: tensor<40x12xf32>, %s: tensor<2x40x12xf32>) -> (tensor<2x?x40xf32>, tensor<2x40x12xf32>) {
  %a_e = tensor.empty() : tensor<40x12xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<40x12xf32>) outs(%a_e : tensor<40x12xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<40x12xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y:2 = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<40xf32>, tensor<40x12xf32>, tensor<40x12xf32>, tensor<40x12xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x40x12xf32>) {softplus, zoh, exact} -> tensor<2x?x40xf32>, tensor<2x40x12xf32>
  return %y#0, %y#1 : tensor<2x?x40xf32>, tensor<2x40x12xf32>
}

func.func @fixed_tokens(%u: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<40xf32>, %a: tensor<40x12x2xf32>, %b: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}, %c: tensor<2x?x2x12x2xf32> {attn.dims = ["b", "s", "g", "n", "c"]}) -> (tensor<2x?x40xf32>) {
  %a_e = tensor.empty() : tensor<40x12x2xf32>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xf32>) outs(%a_e : tensor<40x12x2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : f32
    linalg.yield %number : f32
  } -> tensor<40x12x2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xf32>, tensor<40xf32>, tensor<40x12x2xf32>, tensor<2x?x2x12x2xf32>, tensor<2x?x2x12x2xf32>)
      outs(%init : tensor<2x?x40xf32>) {softplus, complex} -> tensor<2x?x40xf32>
  return %y : tensor<2x?x40xf32>
}

func.func @tokens_fixed(%u: tensor<2x?x40xbf16> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x40xbf16> {attn.dims = ["b", "s", "d"]}, %a: tensor<40x12x2xbf16>, %b: tensor<40x12x2xbf16>, %c: tensor<40x12x2xbf16>) -> (tensor<2x?x40xbf16>) {
  %a_e = tensor.empty() : tensor<40x12x2xbf16>
  %a_n = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : tensor<40x12x2xbf16>) outs(%a_e : tensor<40x12x2xbf16>) {
  ^bb0(%from: bf16, %into: bf16):
    %size = math.absf %from : bf16
    %rate = arith.negf %size : bf16
    %part = linalg.index 2 : index
    %zero = arith.constant 0 : index
    %isReal = arith.cmpi eq, %part, %zero : index
    %number = arith.select %isReal, %rate, %from : bf16
    linalg.yield %number : bf16
  } -> tensor<40x12x2xbf16>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x40xbf16>
  %init = tensor.empty(%n0) : tensor<2x?x40xbf16>
  %y = attn.ssm_scan ins(%u, %delta, %a_n, %b, %c : tensor<2x?x40xbf16>, tensor<2x?x40xbf16>, tensor<40x12x2xbf16>, tensor<40x12x2xbf16>, tensor<40x12x2xbf16>)
      outs(%init : tensor<2x?x40xbf16>) {softplus, complex} -> tensor<2x?x40xbf16>
  return %y : tensor<2x?x40xbf16>
}
