// (a + b) * s, and the size n.
func.func @scale(%a: tensor<?x4xf32> {attn.dims = ["n", "d"]},
                 %b: tensor<?x4xf32> {attn.dims = ["n", "d"]}, %s: f32)
    -> (tensor<?x4xf32> {attn.name = "sum"}, index) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %a, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %t = arith.addf %x, %y : f32
    %u = arith.mulf %t, %s : f32
    linalg.yield %u : f32
  } -> tensor<?x4xf32>
  return %r, %n : tensor<?x4xf32>, index
}

func.func @step(%x: tensor<2xf32>) -> (tensor<2xf32> {attn.name = "y"}) {
  %e = tensor.empty() : tensor<2xf32>
  %r = linalg.map { arith.addf } ins(%x, %x : tensor<2xf32>, tensor<2xf32>) outs(%e : tensor<2xf32>)
  return %r : tensor<2xf32>
}
