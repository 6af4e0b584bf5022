// Multi-query attention: all heads share one of k and v. Falcon-7B has 71 query
// heads of size 64. `lse`, the second result, is what attn.merge_states takes.
//
// RUN: attn-run %s --set s=150 --random 1 --check
func.func @layer(
    %q: tensor<1x71x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x71x?x64xf32> {attn.name = "o"}, tensor<1x71x?xf32> {attn.name = "lse"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x71x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x71x?x64xf32>
  %linit = tensor.empty(%s) : tensor<1x71x?xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : tensor<1x71x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>)
      outs(%init, %linit : tensor<1x71x?x64xf32>, tensor<1x71x?xf32>) mask(#attn.causal)
      -> tensor<1x71x?x64xf32>, tensor<1x71x?xf32>
  return %o, %lse : tensor<1x71x?x64xf32>, tensor<1x71x?xf32>
}
