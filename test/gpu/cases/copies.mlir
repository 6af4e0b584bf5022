// Concatenation, insertion and a slice that is returned.
// SIZES: --set s=5
// SIZES: --set s=3000
func.func @f(%a: tensor<?x3x8xf32> {attn.dims = ["s", "h", "d"]}, %b: tensor<?x3x8xf32> {attn.dims = ["s", "h", "d"]}, %c: tensor<?x8xf32> {attn.dims = ["s", "d"]}) -> (tensor<?x3x16xf32> {attn.name = "joined"}, tensor<?x3x8xf32> {attn.name = "put"}, tensor<?x2x4xf32> {attn.name = "part"}) {
  %c0 = arith.constant 0 : index
  %s = tensor.dim %a, %c0 : tensor<?x3x8xf32>
  %joined = tensor.concat dim(2) %a, %b : (tensor<?x3x8xf32>, tensor<?x3x8xf32>) -> tensor<?x3x16xf32>
  %put = tensor.insert_slice %c into %a[0, 1, 0] [%s, 1, 8] [1, 1, 1] : tensor<?x8xf32> into tensor<?x3x8xf32>
  %part = tensor.extract_slice %b[0, 1, 0] [%s, 2, 4] [1, 1, 2] : tensor<?x3x8xf32> to tensor<?x2x4xf32>
  return %joined, %put, %part : tensor<?x3x16xf32>, tensor<?x3x8xf32>, tensor<?x2x4xf32>
}
