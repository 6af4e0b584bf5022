// Ragged batches: sequences without queries or keys, grouped heads, lse.
// TARGET: sm_90
// SIZES: --set t=500 --set u=900
func.func @f(%q: tensor<?x4x128xbf16> {attn.dims = ["t", "h", "d"]},
             %k: tensor<?x2x128xbf16> {attn.dims = ["u", "g", "d"]},
             %v: tensor<?x2x128xbf16> {attn.dims = ["u", "g", "d"]})
    -> (tensor<?x4x128xbf16> {attn.name = "o"}, tensor<4x?xf32> {attn.name = "lse"}) {
  %cq = arith.constant dense<[0, 130, 130, 131, 430, 500, 500]> : tensor<7xi32>
  %ck = arith.constant dense<[0, 130, 200, 200, 700, 900, 900]> : tensor<7xi32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<?x4x128xbf16>
  %i = tensor.empty(%t) : tensor<?x4x128xbf16>
  %l = tensor.empty(%t) : tensor<4x?xf32>
  %o:2 = attn.attention ins(%q, %k, %v : tensor<?x4x128xbf16>, tensor<?x2x128xbf16>, tensor<?x2x128xbf16>)
      layout(thd) cu_seqlens(%cq, %ck : tensor<7xi32>, tensor<7xi32>)
      outs(%i, %l : tensor<?x4x128xbf16>, tensor<4x?xf32>) mask(#attn.causal)
      -> tensor<?x4x128xbf16>, tensor<4x?xf32>
  return %o#0, %o#1 : tensor<?x4x128xbf16>, tensor<4x?xf32>
}
