// Products of tf32: many queries, few, and one that decodes. The bound of f32
// times 512 is that of weights of 11 digits.
// SIZES: --set b=2,q=300,k=300 --tolerance 512
// SIZES: --set b=1,q=1,k=2500 --tolerance 512
// SIZES: --set b=1,q=3,k=77 --tolerance 512
func.func @f(%q: tensor<?x8x?x72xf32> {attn.dims = ["b", "h", "q", "d"]}, %k: tensor<?x2x?x72xf32> {attn.dims = ["b", "g", "k", "d"]}, %v: tensor<?x2x?x40xf32> {attn.dims = ["b", "g", "k", "e"]}) -> (tensor<?x8x?x40xf32> {attn.name = "out"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x?x72xf32>
  %s = tensor.dim %q, %c2 : tensor<?x8x?x72xf32>
  %init = tensor.empty(%b, %s) : tensor<?x8x?x40xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x8x?x72xf32>, tensor<?x2x?x72xf32>, tensor<?x2x?x40xf32>)
      outs(%init : tensor<?x8x?x40xf32>) mask(#attn.causal) {tf32} -> tensor<?x8x?x40xf32>
  return %o : tensor<?x8x?x40xf32>
}
