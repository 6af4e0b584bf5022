// Recurrences in their variants, for recurrences.test. Rates and decays are
// negated magnitudes of what is given, so that states stay bounded.

func.func @ssd(%x: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x24x40xf32>) -> (tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<2x?x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x4x24xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x40xf32>, tensor<2x?x2x40xf32>) 
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x?x4x24xf32>)
      outs(%init, %s : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {softplus} -> tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
  return %y, %t : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
}

func.func @ssd_bf16(%x: tensor<2x?x4x64xbf16> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x16xbf16> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x16xbf16> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x64xbf16> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x64x16xbf16>) -> (tensor<2x?x4x64xbf16>, tensor<2x4x64x16xbf16>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x64xbf16>
  %init = tensor.empty(%n0) : tensor<2x?x4x64xbf16>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x4x64xbf16>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x16xbf16>, tensor<2x?x2x16xbf16>) 
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x?x4x64xbf16>)
      outs(%init, %s : tensor<2x?x4x64xbf16>, tensor<2x4x64x16xbf16>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<2x?x4x64xbf16>, tensor<2x4x64x16xbf16>
  return %y, %t : tensor<2x?x4x64xbf16>, tensor<2x4x64x16xbf16>
}

func.func @ssd_f64(%x: tensor<2x?x2x5xf64> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x2xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<2xf32>, %b: tensor<2x?x1x3xf64> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x1x3xf64> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<2xf32>, %d: tensor<2xf32>, %z: tensor<2x?x2x5xf64> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x2x5x3xf64>) -> (tensor<2x?x2x5xf64>, tensor<2x2x5x3xf64>) {
  %r_e = tensor.empty() : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<2xf32>) outs(%r_e : tensor<2xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x2x5xf64>
  %init = tensor.empty(%n0) : tensor<2x?x2x5xf64>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x2x5xf64>, tensor<2x?x2xf32>, tensor<2xf32>, tensor<2x?x1x3xf64>, tensor<2x?x1x3xf64>) 
      dt_bias(%bias : tensor<2xf32>) skip(%d : tensor<2xf32>) gate(%z : tensor<2x?x2x5xf64>)
      outs(%init, %s : tensor<2x?x2x5xf64>, tensor<2x2x5x3xf64>) {softplus} -> tensor<2x?x2x5xf64>, tensor<2x2x5x3xf64>
  return %y, %t : tensor<2x?x2x5xf64>, tensor<2x2x5x3xf64>
}

func.func @ssd_chunk16(%x: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x24x40xf32>) -> (tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<2x?x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x4x24xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x40xf32>, tensor<2x?x2x40xf32>) 
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x?x4x24xf32>)
      outs(%init, %s : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {softplus, chunk = 16 : i64} -> tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
  return %y, %t : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
}

func.func @ssd_exact(%x: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x24x40xf32>) -> (tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<2x?x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x4x24xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x40xf32>, tensor<2x?x2x40xf32>) 
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x?x4x24xf32>)
      outs(%init, %s : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {softplus, exact} -> tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
  return %y, %t : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
}

func.func @ssd_bhsd(%x: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "p"]}, %dt: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %a: tensor<4xf32>, %b: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "n"]}, %c: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "n"]}, %bias: tensor<4xf32>, %d: tensor<4x24xf32>, %z: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "p"]}, %s: tensor<2x4x24x40xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 2 : index
  %n0 = tensor.dim %x, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x4x?x24xf32>, tensor<2x4x?xf32>, tensor<4xf32>, tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>) layout(bhsd)
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4x24xf32>) gate(%z : tensor<2x4x?x24xf32>)
      outs(%init, %s : tensor<2x4x?x24xf32>, tensor<2x4x24x40xf32>) {softplus} -> tensor<2x4x?x24xf32>, tensor<2x4x24x40xf32>
  return %y, %t : tensor<2x4x?x24xf32>, tensor<2x4x24x40xf32>
}

func.func @ssd_ragged(%x: tensor<?x4x24xf32> {attn.dims = ["s", "h", "p"]}, %dt: tensor<?x4xf32> {attn.dims = ["s", "h"]}, %a: tensor<4xf32>, %b: tensor<?x2x40xf32> {attn.dims = ["s", "g", "n"]}, %c: tensor<?x2x40xf32> {attn.dims = ["s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<?x4x24xf32> {attn.dims = ["s", "h", "p"]}, %s: tensor<3x4x24x40xf32>, %cu: tensor<4xi32>) -> (tensor<?x4x24xf32>, tensor<3x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %x, %i : tensor<?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<?x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<?x4x24xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x2x40xf32>, tensor<?x2x40xf32>) layout(thd)
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<?x4x24xf32>) cu_seqlens(%cu : tensor<4xi32>)
      outs(%init, %s : tensor<?x4x24xf32>, tensor<3x4x24x40xf32>) {softplus} -> tensor<?x4x24xf32>, tensor<3x4x24x40xf32>
  return %y, %t : tensor<?x4x24xf32>, tensor<3x4x24x40xf32>
}

func.func @ssd_ids(%x: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x40xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x24xf32> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x24x40xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}) -> (tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<2x?x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x?x4x24xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x40xf32>, tensor<2x?x2x40xf32>) 
      dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x?x4x24xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>) {softplus} -> tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
  return %y, %t : tensor<2x?x4x24xf32>, tensor<2x4x24x40xf32>
}

func.func @ssd_plain(%x: tensor<2x?x4x17xf32> {attn.dims = ["b", "s", "h", "p"]}, %dt: tensor<2x?x4xf32> {attn.dims = ["b", "s", "h"]}, %a: tensor<4xf32>, %b: tensor<2x?x2x33xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x33xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x?x4x17xf32> {attn.dims = ["b", "s", "h", "p"]}, %s: tensor<2x4x17x33xf32>) -> (tensor<2x?x4x17xf32>, tensor<2x4x17x33xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x4x17xf32>
  %init = tensor.empty(%n0) : tensor<2x?x4x17xf32>
  %steps_by = arith.constant 0.25 : f32
  %steps_e = tensor.empty(%n0) : tensor<2x?x4xf32>
  %steps = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%dt : tensor<2x?x4xf32>) outs(%steps_e : tensor<2x?x4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = arith.mulf %from, %steps_by : f32
    %rate = math.absf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x?x4xf32>
  %y, %t = attn.ssd ins(%x, %steps, %r, %b, %c : tensor<2x?x4x17xf32>, tensor<2x?x4xf32>, tensor<4xf32>, tensor<2x?x2x33xf32>, tensor<2x?x2x33xf32>) 
      
      outs(%init, %s : tensor<2x?x4x17xf32>, tensor<2x4x17x33xf32>)  -> tensor<2x?x4x17xf32>, tensor<2x4x17x33xf32>
  return %y, %t : tensor<2x?x4x17xf32>, tensor<2x4x17x33xf32>
}

func.func @linear(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %s: tensor<2x4x40x24xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y, %t = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>) 
      outs(%init, %s : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>) {scale = 0.25 : f64} -> tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>
  return %y, %t : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>
}

func.func @linear_elu(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}) -> (tensor<2x4x?x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>) 
      outs(%init : tensor<2x4x?x24xf32>) {elu1, normalized} -> tensor<2x4x?x24xf32>
  return %y : tensor<2x4x?x24xf32>
}

func.func @linear_norm(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %s: tensor<2x4x40x24xf32>, %z: tensor<2x4x40xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %y, %t, %u = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>) 
      outs(%init, %s, %z : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {elu1, normalized} -> tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
  return %y, %t, %u : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
}

func.func @linear_norm_exact(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %g: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %s: tensor<2x4x40x24xf32>, %z: tensor<2x4x40xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %r_e = tensor.empty(%n0) : tensor<2x4x?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<2x4x?xf32>) outs(%r_e : tensor<2x4x?xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?xf32>
  %y, %t, %u = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>)  decay(%r : tensor<2x4x?xf32>)
      outs(%init, %s, %z : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {elu1, normalized, exact} -> tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
  return %y, %t, %u : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
}

func.func @retnet(%q: tensor<2x?x2x64xbf16> {attn.dims = ["b", "s", "g", "k"]}, %k: tensor<2x?x2x64xbf16> {attn.dims = ["b", "s", "g", "k"]}, %v: tensor<2x?x4x64xbf16> {attn.dims = ["b", "s", "h", "e"]}, %g: tensor<4xf32>, %s: tensor<2x4x64x64xf32>) -> (tensor<2x?x4x64xbf16>, tensor<2x4x64x64xf32>) {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %v, %i : tensor<2x?x4x64xbf16>
  %init = tensor.empty(%n0) : tensor<2x?x4x64xbf16>
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%g : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %y, %t = attn.linear_attention ins(%q, %k, %v : tensor<2x?x2x64xbf16>, tensor<2x?x2x64xbf16>, tensor<2x?x4x64xbf16>) layout(bshd) decay(%r : tensor<4xf32>)
      outs(%init, %s : tensor<2x?x4x64xbf16>, tensor<2x4x64x64xf32>)  -> tensor<2x?x4x64xbf16>, tensor<2x4x64x64xf32>
  return %y, %t : tensor<2x?x4x64xbf16>, tensor<2x4x64x64xf32>
}

func.func @simple_gla(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %g: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}, %s: tensor<2x4x40x24xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %r_e = tensor.empty(%n0) : tensor<2x4x?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<2x4x?xf32>) outs(%r_e : tensor<2x4x?xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?xf32>
  %y, %t = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>)  decay(%r : tensor<2x4x?xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>)  -> tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>
  return %y, %t : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>
}

func.func @gla(%q: tensor<?x2x40xf32> {attn.dims = ["s", "g", "k"]}, %k: tensor<?x2x40xf32> {attn.dims = ["s", "g", "k"]}, %v: tensor<?x4x24xf32> {attn.dims = ["s", "h", "e"]}, %g: tensor<?x4x40xf32> {attn.dims = ["s", "h", "k"]}, %cu: tensor<3xi32>, %s: tensor<2x4x40x24xf32>) -> (tensor<?x4x24xf32>, tensor<2x4x40x24xf32>) {
  %i = arith.constant 0 : index
  %n0 = tensor.dim %v, %i : tensor<?x4x24xf32>
  %init = tensor.empty(%n0) : tensor<?x4x24xf32>
  %r_e = tensor.empty(%n0) : tensor<?x4x40xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<?x4x40xf32>) outs(%r_e : tensor<?x4x40xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<?x4x40xf32>
  %y, %t = attn.linear_attention ins(%q, %k, %v : tensor<?x2x40xf32>, tensor<?x2x40xf32>, tensor<?x4x24xf32>) layout(thd) decay(%r : tensor<?x4x40xf32>) cu_seqlens(%cu : tensor<3xi32>)
      outs(%init, %s : tensor<?x4x24xf32>, tensor<2x4x40x24xf32>)  -> tensor<?x4x24xf32>, tensor<2x4x40x24xf32>
  return %y, %t : tensor<?x4x24xf32>, tensor<2x4x40x24xf32>
}

func.func @gla_norm(%q: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x40xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %g: tensor<2x4x?x40xf32> {attn.dims = ["b", "h", "s", "k"]}, %s: tensor<2x4x40x24xf32>, %z: tensor<2x4x40xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %r_e = tensor.empty(%n0) : tensor<2x4x?x40xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%g : tensor<2x4x?x40xf32>) outs(%r_e : tensor<2x4x?x40xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?x40xf32>
  %y, %t, %u = attn.linear_attention ins(%q, %k, %v : tensor<2x2x?x40xf32>, tensor<2x2x?x40xf32>, tensor<2x4x?x24xf32>)  decay(%r : tensor<2x4x?x40xf32>)
      outs(%init, %s, %z : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>) {elu1, normalized} -> tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
  return %y, %t, %u : tensor<2x4x?x24xf32>, tensor<2x4x40x24xf32>, tensor<2x4x40xf32>
}

func.func @delta(%q: tensor<2x2x?x8xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x8xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x24xf32> {attn.dims = ["b", "h", "s", "e"]}, %beta: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %s: tensor<2x4x8x24xf32>) -> (tensor<2x4x?x24xf32>, tensor<2x4x8x24xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x24xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x24xf32>
  %keys_by = arith.constant 0.25 : f32
  %keys_e = tensor.empty(%n0) : tensor<2x2x?x8xf32>
  %keys = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%k : tensor<2x2x?x8xf32>) outs(%keys_e : tensor<2x2x?x8xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = arith.mulf %from, %keys_by : f32
    %rate = math.absf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x2x?x8xf32>
  %rates_by = arith.constant 0.125 : f32
  %rates_e = tensor.empty(%n0) : tensor<2x4x?xf32>
  %rates = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%beta : tensor<2x4x?xf32>) outs(%rates_e : tensor<2x4x?xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = arith.mulf %from, %rates_by : f32
    %rate = math.absf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?xf32>
  %y, %t = attn.linear_attention ins(%q, %keys, %v : tensor<2x2x?x8xf32>, tensor<2x2x?x8xf32>, tensor<2x4x?x24xf32>)  beta(%rates : tensor<2x4x?xf32>)
      outs(%init, %s : tensor<2x4x?x24xf32>, tensor<2x4x8x24xf32>) {scale = 0.25 : f64} -> tensor<2x4x?x24xf32>, tensor<2x4x8x24xf32>
  return %y, %t : tensor<2x4x?x24xf32>, tensor<2x4x8x24xf32>
}

func.func @gated_delta(%q: tensor<2x2x?x8xf32> {attn.dims = ["b", "g", "s", "k"]}, %k: tensor<2x2x?x8xf32> {attn.dims = ["b", "g", "s", "k"]}, %v: tensor<2x4x?x70xf32> {attn.dims = ["b", "h", "s", "e"]}, %g: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %beta: tensor<2x4x?xf32> {attn.dims = ["b", "h", "s"]}, %s: tensor<2x4x8x70xf32>) -> (tensor<2x4x?x70xf32>, tensor<2x4x8x70xf32>) {
  %i = arith.constant 2 : index
  %n0 = tensor.dim %v, %i : tensor<2x4x?x70xf32>
  %init = tensor.empty(%n0) : tensor<2x4x?x70xf32>
  %r_e = tensor.empty(%n0) : tensor<2x4x?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<2x4x?xf32>) outs(%r_e : tensor<2x4x?xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?xf32>
  %keys_by = arith.constant 0.25 : f32
  %keys_e = tensor.empty(%n0) : tensor<2x2x?x8xf32>
  %keys = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%k : tensor<2x2x?x8xf32>) outs(%keys_e : tensor<2x2x?x8xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = arith.mulf %from, %keys_by : f32
    %rate = math.absf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x2x?x8xf32>
  %rates_by = arith.constant 0.125 : f32
  %rates_e = tensor.empty(%n0) : tensor<2x4x?xf32>
  %rates = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%beta : tensor<2x4x?xf32>) outs(%rates_e : tensor<2x4x?xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = arith.mulf %from, %rates_by : f32
    %rate = math.absf %size : f32
    linalg.yield %rate : f32
  } -> tensor<2x4x?xf32>
  %y, %t = attn.linear_attention ins(%q, %keys, %v : tensor<2x2x?x8xf32>, tensor<2x2x?x8xf32>, tensor<2x4x?x70xf32>)  decay(%r : tensor<2x4x?xf32>) beta(%rates : tensor<2x4x?xf32>)
      outs(%init, %s : tensor<2x4x?x70xf32>, tensor<2x4x8x70xf32>)  -> tensor<2x4x?x70xf32>, tensor<2x4x8x70xf32>
  return %y, %t : tensor<2x4x?x70xf32>, tensor<2x4x8x70xf32>
}

func.func @scan(%u: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<48x16xf32>, %b: tensor<2x?x2x16xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x16xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x48x16xf32>) -> (tensor<2x?x48xf32>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x48xf32>
  %init = tensor.empty(%n0) : tensor<2x?x48xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x48xf32>, tensor<2x?x48xf32>, tensor<48x16xf32>, tensor<2x?x2x16xf32>, tensor<2x?x2x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<2x?x48xf32>)
      outs(%init, %s : tensor<2x?x48xf32>, tensor<2x48x16xf32>) {softplus} -> tensor<2x?x48xf32>, tensor<2x48x16xf32>
  return %y, %t : tensor<2x?x48xf32>, tensor<2x48x16xf32>
}

func.func @scan_exact(%u: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<48x16xf32>, %b: tensor<2x?x2x16xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x16xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x48x16xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}) -> (tensor<2x?x48xf32>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x48xf32>
  %init = tensor.empty(%n0) : tensor<2x?x48xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x48xf32>, tensor<2x?x48xf32>, tensor<48x16xf32>, tensor<2x?x2x16xf32>, tensor<2x?x2x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<2x?x48xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x48xf32>, tensor<2x48x16xf32>) {softplus, exact} -> tensor<2x?x48xf32>, tensor<2x48x16xf32>
  return %y, %t : tensor<2x?x48xf32>, tensor<2x48x16xf32>
}

func.func @scan_ids(%u: tensor<2x?x50xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x50xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<50x20xf32>, %b: tensor<2x?x2x20xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x2x20xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<50xf32>, %d: tensor<50xf32>, %z: tensor<2x?x50xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x50x20xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}) -> (tensor<2x?x50xf32>, tensor<2x50x20xf32>) {
  %r_e = tensor.empty() : tensor<50x20xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<50x20xf32>) outs(%r_e : tensor<50x20xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<50x20xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x50xf32>
  %init = tensor.empty(%n0) : tensor<2x?x50xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x50xf32>, tensor<2x?x50xf32>, tensor<50x20xf32>, tensor<2x?x2x20xf32>, tensor<2x?x2x20xf32>) dt_bias(%bias : tensor<50xf32>) skip(%d : tensor<50xf32>) gate(%z : tensor<2x?x50xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x50xf32>, tensor<2x50x20xf32>) {softplus} -> tensor<2x?x50xf32>, tensor<2x50x20xf32>
  return %y, %t : tensor<2x?x50xf32>, tensor<2x50x20xf32>
}

func.func @scan_ragged(%u: tensor<?x48xbf16> {attn.dims = ["s", "d"]}, %delta: tensor<?x48xbf16> {attn.dims = ["s", "d"]}, %a: tensor<48x16xf32>, %b: tensor<?x2x16xbf16> {attn.dims = ["s", "g", "n"]}, %c: tensor<?x2x16xbf16> {attn.dims = ["s", "g", "n"]}, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<?x48xbf16> {attn.dims = ["s", "d"]}, %s: tensor<2x48x16xf32>, %cu: tensor<3xi32>) -> (tensor<?x48xbf16>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %i = arith.constant 0 : index
  %n0 = tensor.dim %u, %i : tensor<?x48xbf16>
  %init = tensor.empty(%n0) : tensor<?x48xbf16>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<?x48xbf16>, tensor<?x48xbf16>, tensor<48x16xf32>, tensor<?x2x16xbf16>, tensor<?x2x16xbf16>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<?x48xbf16>) cu_seqlens(%cu : tensor<3xi32>)
      outs(%init, %s : tensor<?x48xbf16>, tensor<2x48x16xf32>) {softplus} -> tensor<?x48xbf16>, tensor<2x48x16xf32>
  return %y, %t : tensor<?x48xbf16>, tensor<2x48x16xf32>
}

func.func @scan_plain(%u: tensor<2x?x37xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<2x?x37xf32> {attn.dims = ["b", "s", "d"]}, %a: tensor<37x5xf32>, %b: tensor<2x?x1x5xf32> {attn.dims = ["b", "s", "g", "n"]}, %c: tensor<2x?x1x5xf32> {attn.dims = ["b", "s", "g", "n"]}, %bias: tensor<37xf32>, %d: tensor<37xf32>, %z: tensor<2x?x37xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x37x5xf32>) -> (tensor<2x?x37xf32>, tensor<2x37x5xf32>) {
  %r_e = tensor.empty() : tensor<37x5xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<37x5xf32>) outs(%r_e : tensor<37x5xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<37x5xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x37xf32>
  %init = tensor.empty(%n0) : tensor<2x?x37xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x37xf32>, tensor<2x?x37xf32>, tensor<37x5xf32>, tensor<2x?x1x5xf32>, tensor<2x?x1x5xf32>) 
      outs(%init, %s : tensor<2x?x37xf32>, tensor<2x37x5xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<2x?x37xf32>, tensor<2x37x5xf32>
  return %y, %t : tensor<2x?x37xf32>, tensor<2x37x5xf32>
}

func.func @s4d(%u: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<48xf32>, %a: tensor<48x16xf32>, %b: tensor<48x16xf32>, %c: tensor<48x16xf32>, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x48x16xf32>) -> (tensor<2x?x48xf32>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x48xf32>
  %init = tensor.empty(%n0) : tensor<2x?x48xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x48xf32>, tensor<48xf32>, tensor<48x16xf32>, tensor<48x16xf32>, tensor<48x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<2x?x48xf32>)
      outs(%init, %s : tensor<2x?x48xf32>, tensor<2x48x16xf32>) {softplus, zoh} -> tensor<2x?x48xf32>, tensor<2x48x16xf32>
  return %y, %t : tensor<2x?x48xf32>, tensor<2x48x16xf32>
}

func.func @s4d_exact(%u: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %delta: tensor<48xf32>, %a: tensor<48x16xf32>, %b: tensor<48x16xf32>, %c: tensor<48x16xf32>, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<2x?x48xf32> {attn.dims = ["b", "s", "d"]}, %s: tensor<2x48x16xf32>) -> (tensor<2x?x48xf32>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %i = arith.constant 1 : index
  %n0 = tensor.dim %u, %i : tensor<2x?x48xf32>
  %init = tensor.empty(%n0) : tensor<2x?x48xf32>
  %y, %t = attn.ssm_scan ins(%u, %delta, %r, %b, %c : tensor<2x?x48xf32>, tensor<48xf32>, tensor<48x16xf32>, tensor<48x16xf32>, tensor<48x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<2x?x48xf32>)
      outs(%init, %s : tensor<2x?x48xf32>, tensor<2x48x16xf32>) {softplus, zoh, exact} -> tensor<2x?x48xf32>, tensor<2x48x16xf32>
  return %y, %t : tensor<2x?x48xf32>, tensor<2x48x16xf32>
}

func.func @conv(%x: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %w: tensor<40x4xf32>, %bias: tensor<40xf32>, %s: tensor<2x3x40xf32>) -> (tensor<2x?x40xf32>, tensor<2x3x40xf32>) {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y, %t = attn.causal_conv1d ins(%x, %w : tensor<2x?x40xf32>, tensor<40x4xf32>) bias(%bias : tensor<40xf32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x3x40xf32>) {silu} -> tensor<2x?x40xf32>, tensor<2x3x40xf32>
  return %y, %t : tensor<2x?x40xf32>, tensor<2x3x40xf32>
}

func.func @conv_ids(%x: tensor<2x?x40xf32> {attn.dims = ["b", "s", "d"]}, %w: tensor<40x3xf32>, %bias: tensor<40xf32>, %ids: tensor<2x?xi32> {attn.dims = ["b", "s"]}, %s: tensor<2x2x40xf32>) -> (tensor<2x?x40xf32>, tensor<2x2x40xf32>) {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x40xf32>
  %init = tensor.empty(%n0) : tensor<2x?x40xf32>
  %y, %t = attn.causal_conv1d ins(%x, %w : tensor<2x?x40xf32>, tensor<40x3xf32>) bias(%bias : tensor<40xf32>) seq_ids(%ids : tensor<2x?xi32>)
      outs(%init, %s : tensor<2x?x40xf32>, tensor<2x2x40xf32>) {silu} -> tensor<2x?x40xf32>, tensor<2x2x40xf32>
  return %y, %t : tensor<2x?x40xf32>, tensor<2x2x40xf32>
}

func.func @conv_ragged(%x: tensor<?x40xbf16> {attn.dims = ["s", "d"]}, %w: tensor<40x8xf32>, %bias: tensor<40xf32>, %cu: tensor<3xi32>, %s: tensor<2x7x40xbf16>) -> (tensor<?x40xbf16>, tensor<2x7x40xbf16>) {
  %i = arith.constant 0 : index
  %n0 = tensor.dim %x, %i : tensor<?x40xbf16>
  %init = tensor.empty(%n0) : tensor<?x40xbf16>
  %y, %t = attn.causal_conv1d ins(%x, %w : tensor<?x40xbf16>, tensor<40x8xf32>) bias(%bias : tensor<40xf32>) cu_seqlens(%cu : tensor<3xi32>)
      outs(%init, %s : tensor<?x40xbf16>, tensor<2x7x40xbf16>) {silu} -> tensor<?x40xbf16>, tensor<2x7x40xbf16>
  return %y, %t : tensor<?x40xbf16>, tensor<2x7x40xbf16>
}

func.func @conv_plain(%x: tensor<2x?x19xf32> {attn.dims = ["b", "s", "d"]}, %w: tensor<19x2xf32>) -> (tensor<2x?x19xf32>) {
  %i = arith.constant 1 : index
  %n0 = tensor.dim %x, %i : tensor<2x?x19xf32>
  %init = tensor.empty(%n0) : tensor<2x?x19xf32>
  %y = attn.causal_conv1d ins(%x, %w : tensor<2x?x19xf32>, tensor<19x2xf32>)
      outs(%init : tensor<2x?x19xf32>)  -> tensor<2x?x19xf32>
  return %y : tensor<2x?x19xf32>
}

func.func @step_mamba2(%x: tensor<5x4x24xf32>, %dt: tensor<5x4xf32>, %a: tensor<4xf32>, %b: tensor<5x2x40xf32>, %c: tensor<5x2x40xf32>, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<5x4x24xf32>, %s: tensor<9x4x24x40xf32>) -> (tensor<5x4x24xf32>, tensor<9x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %init = tensor.empty() : tensor<5x4x24xf32>
  %slots = arith.constant dense<[3, -1, 0, 9, 8]> : tensor<5xi32>
  %y, %t = attn.ssm_step ins(%x, %dt, %r, %b, %c : tensor<5x4x24xf32>, tensor<5x4xf32>, tensor<4xf32>, tensor<5x2x40xf32>, tensor<5x2x40xf32>) dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<5x4x24xf32>) slots(%slots : tensor<5xi32>)
      outs(%init, %s : tensor<5x4x24xf32>, tensor<9x4x24x40xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<5x4x24xf32>, tensor<9x4x24x40xf32>
  return %y, %t : tensor<5x4x24xf32>, tensor<9x4x24x40xf32>
}

func.func @step_mamba1(%x: tensor<5x48xf32>, %dt: tensor<5x48xf32>, %a: tensor<48x16xf32>, %b: tensor<5x2x16xf32>, %c: tensor<5x2x16xf32>, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<5x48xf32>, %s: tensor<9x48x16xf32>) -> (tensor<5x48xf32>, tensor<9x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %init = tensor.empty() : tensor<5x48xf32>
  %slots = arith.constant dense<[3, -1, 0, 9, 8]> : tensor<5xi32>
  %y, %t = attn.ssm_step ins(%x, %dt, %r, %b, %c : tensor<5x48xf32>, tensor<5x48xf32>, tensor<48x16xf32>, tensor<5x2x16xf32>, tensor<5x2x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<5x48xf32>) slots(%slots : tensor<5xi32>)
      outs(%init, %s : tensor<5x48xf32>, tensor<9x48x16xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<5x48xf32>, tensor<9x48x16xf32>
  return %y, %t : tensor<5x48xf32>, tensor<9x48x16xf32>
}

func.func @step_plain(%x: tensor<5x4x24xf32>, %dt: tensor<5x4xf32>, %a: tensor<4xf32>, %b: tensor<5x2x40xf32>, %c: tensor<5x2x40xf32>, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<5x4x24xf32>, %s: tensor<5x4x24x40xf32>) -> (tensor<5x4x24xf32>, tensor<5x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %init = tensor.empty() : tensor<5x4x24xf32>
  %y, %t = attn.ssm_step ins(%x, %dt, %r, %b, %c : tensor<5x4x24xf32>, tensor<5x4xf32>, tensor<4xf32>, tensor<5x2x40xf32>, tensor<5x2x40xf32>) dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<5x4x24xf32>)
      outs(%init, %s : tensor<5x4x24xf32>, tensor<5x4x24x40xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<5x4x24xf32>, tensor<5x4x24x40xf32>
  return %y, %t : tensor<5x4x24xf32>, tensor<5x4x24x40xf32>
}
