// One matrix product of a layer gives q, k and v side by side in each row:
// (32 + 2 * 8) heads of 128. They are slices of it, and nothing is copied.
//
// RUN: attn-run %s --set b=2,s=150 --random 1 --check
//
// `bshd` is the order that such a product leaves.
func.func @layer(%qkv: tensor<?x?x6144xf32> {attn.dims = ["b", "s", "qkv"]})
    -> (tensor<?x?x32x128xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %qkv, %c0 : tensor<?x?x6144xf32>
  %s = tensor.dim %qkv, %c1 : tensor<?x?x6144xf32>
  %heads = tensor.expand_shape %qkv [[0], [1], [2, 3]] output_shape [%b, %s, 48, 128]
      : tensor<?x?x6144xf32> into tensor<?x?x48x128xf32>
  %q = tensor.extract_slice %heads[0, 0, 0, 0] [%b, %s, 32, 128] [1, 1, 1, 1]
      : tensor<?x?x48x128xf32> to tensor<?x?x32x128xf32>
  %k = tensor.extract_slice %heads[0, 0, 32, 0] [%b, %s, 8, 128] [1, 1, 1, 1]
      : tensor<?x?x48x128xf32> to tensor<?x?x8x128xf32>
  %v = tensor.extract_slice %heads[0, 0, 40, 0] [%b, %s, 8, 128] [1, 1, 1, 1]
      : tensor<?x?x48x128xf32> to tensor<?x?x8x128xf32>
  %init = tensor.empty(%b, %s) : tensor<?x?x32x128xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x?x32x128xf32>, tensor<?x?x8x128xf32>, tensor<?x?x8x128xf32>)
      layout(bshd) outs(%init : tensor<?x?x32x128xf32>) mask(#attn.causal) -> tensor<?x?x32x128xf32>
  return %o : tensor<?x?x32x128xf32>
}
