// HAND-WRITTEN: pointers, a constant and sizes of the plan.
// SIZES: --shape x=1x1
// SIZES: --shape x=37x53
// SIZES: --shape x=0x5
// SIZES: --shape x=1024x1000
func.func @add(%x: tensor<?x?xf32>) -> (tensor<?x?xf32> {attn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x?xf32>
  %c = tensor.dim %x, %c1 : tensor<?x?xf32>
  %empty = tensor.empty(%n, %c) : tensor<?x?xf32>
  %y = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x?xf32>) outs(%empty : tensor<?x?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %f1 = arith.constant 1.0 : f32
    %s = arith.addf %a, %a : f32
    %t = arith.addf %s, %f1 : f32
    linalg.yield %t : f32
  } -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
