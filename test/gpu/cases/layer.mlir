// Products of cuBLASLt around attention: a layer with its projections.
// SIZES: --set s=100
// SIZES: --set s=1
// SIZES: --set s=5
// SIZES: --set s=777
func.func @layer(%x: tensor<?x96xf32> {attn.dims = ["s", "c"]}, %wq: tensor<96x128xf32>, %wk: tensor<96x64xf32>, %wv: tensor<64x96xf32>, %wo: tensor<128x80xf32>, %y0: tensor<?x80xf32> {attn.dims = ["s", "n"]}) -> (tensor<?x80xf32> {attn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %s = tensor.dim %x, %c0 : tensor<?x96xf32>
  %e = tensor.empty(%s) : tensor<?x128xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x128xf32>) -> tensor<?x128xf32>
  %q = linalg.matmul ins(%x, %wq : tensor<?x96xf32>, tensor<96x128xf32>) outs(%f : tensor<?x128xf32>) -> tensor<?x128xf32>
  %e2 = tensor.empty(%s) : tensor<?x64xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %k = linalg.matmul ins(%x, %wk : tensor<?x96xf32>, tensor<96x64xf32>) outs(%f2 : tensor<?x64xf32>) -> tensor<?x64xf32>
  // The weight as its transpose, as checkpoints have it.
  %v = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %wv : tensor<?x96xf32>, tensor<64x96xf32>) outs(%f2 : tensor<?x64xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %sum = arith.addf %c, %p : f32
      linalg.yield %sum : f32
    } -> tensor<?x64xf32>
  %q3 = tensor.expand_shape %q [[0], [1, 2]] output_shape [%s, 4, 32] : tensor<?x128xf32> into tensor<?x4x32xf32>
  %k3 = tensor.expand_shape %k [[0], [1, 2]] output_shape [%s, 2, 32] : tensor<?x64xf32> into tensor<?x2x32xf32>
  %v3 = tensor.expand_shape %v [[0], [1, 2]] output_shape [%s, 2, 32] : tensor<?x64xf32> into tensor<?x2x32xf32>
  %q4 = tensor.expand_shape %q3 [[0, 1], [2], [3]] output_shape [1, %s, 4, 32] : tensor<?x4x32xf32> into tensor<1x?x4x32xf32>
  %k4 = tensor.expand_shape %k3 [[0, 1], [2], [3]] output_shape [1, %s, 2, 32] : tensor<?x2x32xf32> into tensor<1x?x2x32xf32>
  %v4 = tensor.expand_shape %v3 [[0, 1], [2], [3]] output_shape [1, %s, 2, 32] : tensor<?x2x32xf32> into tensor<1x?x2x32xf32>
  %o = tensor.empty(%s) : tensor<1x?x4x32xf32>
  %a = attn.attention ins(%q4, %k4, %v4 : tensor<1x?x4x32xf32>, tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>)
      layout(bshd) outs(%o : tensor<1x?x4x32xf32>) mask(#attn.causal) {scale = 2.0e-03 : f32} -> tensor<1x?x4x32xf32>
  %flat = tensor.collapse_shape %a [[0, 1], [2, 3]] : tensor<1x?x4x32xf32> into tensor<?x128xf32>
  // The residual is what the product adds to.
  %y = linalg.matmul ins(%flat, %wo : tensor<?x128xf32>, tensor<128x80xf32>) outs(%y0 : tensor<?x80xf32>) -> tensor<?x80xf32>
  return %y : tensor<?x80xf32>
}
