// Batches of products with columns of two dimensions, and a transpose.
// SIZES: --set b=3,s=70
// SIZES: --set b=1,s=1
func.func @f(%a: tensor<?x?x64xbf16> {attn.dims = ["b", "s", "c"]}, %w: tensor<?x64x4x16xbf16> {attn.dims = ["b", "c", "h", "d"]}) -> (tensor<?x4x?x16xf32> {attn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %b = tensor.dim %a, %c0 : tensor<?x?x64xbf16>
  %s = tensor.dim %a, %c1 : tensor<?x?x64xbf16>
  %e = tensor.empty(%b, %s) : tensor<?x?x4x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?x4x16xf32>) -> tensor<?x?x4x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(b, s, h, d, c) -> (b, s, c)>, affine_map<(b, s, h, d, c) -> (b, c, h, d)>, affine_map<(b, s, h, d, c) -> (b, s, h, d)>],
                       iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%a, %w : tensor<?x?x64xbf16>, tensor<?x64x4x16xbf16>) outs(%f : tensor<?x?x4x16xf32>) {
    ^bb0(%x: bf16, %y: bf16, %z: f32):
      %x32 = arith.extf %x : bf16 to f32
      %y32 = arith.extf %y : bf16 to f32
      %p = arith.mulf %x32, %y32 : f32
      %sum = arith.addf %z, %p : f32
      linalg.yield %sum : f32
    } -> tensor<?x?x4x16xf32>
  %t0 = tensor.empty(%b, %s) : tensor<?x4x?x16xf32>
  %t = linalg.transpose ins(%r : tensor<?x?x4x16xf32>) outs(%t0 : tensor<?x4x?x16xf32>) permutation = [0, 2, 1, 3]
  return %t : tensor<?x4x?x16xf32>
}
