func.func @f(%q: tensor<1x4x?x16xf32> {attn.dims = ["b", "hq", "sq", "d"]},
             %k: tensor<1x2x?x16xf32> {attn.dims = ["b", "hkv", "sk", "d"]},
             %v: tensor<1x2x?x16xf32> {attn.dims = ["b", "hkv", "sk", "d"]},
             %lens: tensor<1xi32>)
    -> (tensor<1x4x?x16xf32> {attn.name = "o"}, tensor<1x4x?xf32> {attn.name = "lse"}) {
  %c2 = arith.constant 2 : index
  %n = tensor.dim %q, %c2 : tensor<1x4x?x16xf32>
  %oi = tensor.empty(%n) : tensor<1x4x?x16xf32>
  %li = tensor.empty(%n) : tensor<1x4x?xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : tensor<1x4x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>)
      kv_lens(%lens : tensor<1xi32>) outs(%oi, %li : tensor<1x4x?x16xf32>, tensor<1x4x?xf32>)
      mask(#attn.or<#attn.sink<4>, #attn.window<15, 0>>) -> tensor<1x4x?x16xf32>, tensor<1x4x?xf32>
  return %o, %lse : tensor<1x4x?x16xf32>, tensor<1x4x?xf32>
}
