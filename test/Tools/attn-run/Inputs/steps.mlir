// Prefill with `exact` against a loop of steps: differences are 0, bit by bit.

func.func @mamba2(%x: tensor<2x9x4x24xf32>, %dt: tensor<2x9x4xf32>, %a: tensor<4xf32>, %b: tensor<2x9x2x40xf32>, %c: tensor<2x9x2x40xf32>, %bias: tensor<4xf32>, %d: tensor<4xf32>, %z: tensor<2x9x4x24xf32>, %s: tensor<2x4x24x40xf32>) -> (tensor<2x9x4x24xf32>, tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>) {
  %r_e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%a : tensor<4xf32>) outs(%r_e : tensor<4xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<4xf32>
  %init = tensor.empty() : tensor<2x9x4x24xf32>
  %y, %t = attn.ssd ins(%x, %dt, %r, %b, %c : tensor<2x9x4x24xf32>, tensor<2x9x4xf32>, tensor<4xf32>, tensor<2x9x2x40xf32>, tensor<2x9x2x40xf32>) dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%z : tensor<2x9x4x24xf32>)
      outs(%init, %s : tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>, exact} -> tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %cs = arith.constant 9 : index
  %p, %q = scf.for %i = %c0 to %cs step %c1 iter_args(%o = %init, %w = %s) -> (tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>) {
    %xi = tensor.extract_slice %x[0, %i, 0, 0] [2, 1, 4, 24] [1, 1, 1, 1] : tensor<2x9x4x24xf32> to tensor<2x4x24xf32>
    %di = tensor.extract_slice %dt[0, %i, 0] [2, 1, 4] [1, 1, 1] : tensor<2x9x4xf32> to tensor<2x4xf32>
    %bi = tensor.extract_slice %b[0, %i, 0, 0] [2, 1, 2, 40] [1, 1, 1, 1] : tensor<2x9x2x40xf32> to tensor<2x2x40xf32>
    %ci = tensor.extract_slice %c[0, %i, 0, 0] [2, 1, 2, 40] [1, 1, 1, 1] : tensor<2x9x2x40xf32> to tensor<2x2x40xf32>
    %zi = tensor.extract_slice %z[0, %i, 0, 0] [2, 1, 4, 24] [1, 1, 1, 1] : tensor<2x9x4x24xf32> to tensor<2x4x24xf32>
    %oi = tensor.empty() : tensor<2x4x24xf32>
    %yi, %wi = attn.ssm_step ins(%xi, %di, %r, %bi, %ci : tensor<2x4x24xf32>, tensor<2x4xf32>, tensor<4xf32>, tensor<2x2x40xf32>, tensor<2x2x40xf32>) dt_bias(%bias : tensor<4xf32>) skip(%d : tensor<4xf32>) gate(%zi : tensor<2x4x24xf32>)
        outs(%oi, %w : tensor<2x4x24xf32>, tensor<2x4x24x40xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<2x4x24xf32>, tensor<2x4x24x40xf32>
    %on = tensor.insert_slice %yi into %o[0, %i, 0, 0] [2, 1, 4, 24] [1, 1, 1, 1] : tensor<2x4x24xf32> into tensor<2x9x4x24xf32>
    scf.yield %on, %wi : tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>
  }
  %gap_y_e = tensor.empty() : tensor<2x9x4x24xf32>
  %gap_y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%y, %p : tensor<2x9x4x24xf32>, tensor<2x9x4x24xf32>) outs(%gap_y_e : tensor<2x9x4x24xf32>) {
  ^bb0(%left: f32, %right: f32, %into: f32):
    %gap = arith.subf %left, %right : f32
    linalg.yield %gap : f32
  } -> tensor<2x9x4x24xf32>
  %gap_t_e = tensor.empty() : tensor<2x4x24x40xf32>
  %gap_t = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%t, %q : tensor<2x4x24x40xf32>, tensor<2x4x24x40xf32>) outs(%gap_t_e : tensor<2x4x24x40xf32>) {
  ^bb0(%left: f32, %right: f32, %into: f32):
    %gap = arith.subf %left, %right : f32
    linalg.yield %gap : f32
  } -> tensor<2x4x24x40xf32>
  return %y, %gap_y, %gap_t : tensor<2x9x4x24xf32>, tensor<2x9x4x24xf32>, tensor<2x4x24x40xf32>
}

func.func @mamba1(%x: tensor<2x9x48xf32>, %dt: tensor<2x9x48xf32>, %a: tensor<48x16xf32>, %b: tensor<2x9x2x16xf32>, %c: tensor<2x9x2x16xf32>, %bias: tensor<48xf32>, %d: tensor<48xf32>, %z: tensor<2x9x48xf32>, %s: tensor<2x48x16xf32>) -> (tensor<2x9x48xf32>, tensor<2x9x48xf32>, tensor<2x48x16xf32>) {
  %r_e = tensor.empty() : tensor<48x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<48x16xf32>) outs(%r_e : tensor<48x16xf32>) {
  ^bb0(%from: f32, %into: f32):
    %size = math.absf %from : f32
    %rate = arith.negf %size : f32
    linalg.yield %rate : f32
  } -> tensor<48x16xf32>
  %init = tensor.empty() : tensor<2x9x48xf32>
  %y, %t = attn.ssm_scan ins(%x, %dt, %r, %b, %c : tensor<2x9x48xf32>, tensor<2x9x48xf32>, tensor<48x16xf32>, tensor<2x9x2x16xf32>, tensor<2x9x2x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%z : tensor<2x9x48xf32>)
      outs(%init, %s : tensor<2x9x48xf32>, tensor<2x48x16xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>, exact} -> tensor<2x9x48xf32>, tensor<2x48x16xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %cs = arith.constant 9 : index
  %p, %q = scf.for %i = %c0 to %cs step %c1 iter_args(%o = %init, %w = %s) -> (tensor<2x9x48xf32>, tensor<2x48x16xf32>) {
    %xi = tensor.extract_slice %x[0, %i, 0] [2, 1, 48] [1, 1, 1] : tensor<2x9x48xf32> to tensor<2x48xf32>
    %di = tensor.extract_slice %dt[0, %i, 0] [2, 1, 48] [1, 1, 1] : tensor<2x9x48xf32> to tensor<2x48xf32>
    %bi = tensor.extract_slice %b[0, %i, 0, 0] [2, 1, 2, 16] [1, 1, 1, 1] : tensor<2x9x2x16xf32> to tensor<2x2x16xf32>
    %ci = tensor.extract_slice %c[0, %i, 0, 0] [2, 1, 2, 16] [1, 1, 1, 1] : tensor<2x9x2x16xf32> to tensor<2x2x16xf32>
    %zi = tensor.extract_slice %z[0, %i, 0] [2, 1, 48] [1, 1, 1] : tensor<2x9x48xf32> to tensor<2x48xf32>
    %oi = tensor.empty() : tensor<2x48xf32>
    %yi, %wi = attn.ssm_step ins(%xi, %di, %r, %bi, %ci : tensor<2x48xf32>, tensor<2x48xf32>, tensor<48x16xf32>, tensor<2x2x16xf32>, tensor<2x2x16xf32>) dt_bias(%bias : tensor<48xf32>) skip(%d : tensor<48xf32>) gate(%zi : tensor<2x48xf32>)
        outs(%oi, %w : tensor<2x48xf32>, tensor<2x48x16xf32>) {softplus, dt_limit = array<f64: 1.0e-02, 5.0e-01>} -> tensor<2x48xf32>, tensor<2x48x16xf32>
    %on = tensor.insert_slice %yi into %o[0, %i, 0] [2, 1, 48] [1, 1, 1] : tensor<2x48xf32> into tensor<2x9x48xf32>
    scf.yield %on, %wi : tensor<2x9x48xf32>, tensor<2x48x16xf32>
  }
  %gap_y_e = tensor.empty() : tensor<2x9x48xf32>
  %gap_y = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %p : tensor<2x9x48xf32>, tensor<2x9x48xf32>) outs(%gap_y_e : tensor<2x9x48xf32>) {
  ^bb0(%left: f32, %right: f32, %into: f32):
    %gap = arith.subf %left, %right : f32
    linalg.yield %gap : f32
  } -> tensor<2x9x48xf32>
  %gap_t_e = tensor.empty() : tensor<2x48x16xf32>
  %gap_t = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%t, %q : tensor<2x48x16xf32>, tensor<2x48x16xf32>) outs(%gap_t_e : tensor<2x48x16xf32>) {
  ^bb0(%left: f32, %right: f32, %into: f32):
    %gap = arith.subf %left, %right : f32
    linalg.yield %gap : f32
  } -> tensor<2x48x16xf32>
  return %y, %gap_y, %gap_t : tensor<2x9x48xf32>, tensor<2x9x48xf32>, tensor<2x48x16xf32>
}
