// HAND-WRITTEN: cuBLASLt between two temporaries' steps.
// SIZES: --shape a=64x32,b=32x48
// SIZES: --shape a=1x7,b=7x5
// SIZES: --shape a=300x128,b=128x200
func.func @gemm(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>) -> (tensor<?x?xf32> {attn.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %a, %c0 : tensor<?x?xf32>
  %n = tensor.dim %b, %c1 : tensor<?x?xf32>
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  %y = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>)
      outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
