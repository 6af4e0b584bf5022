// Chunks of prompts on pages of 64 slots: ragged queries, lengths of keys that end
// inside of pages.
// TARGET: sm_90
// SIZES: --set t=500
func.func @f(%q: tensor<?x4x128xbf16> {attn.dims = ["t", "h", "d"]},
             %k: tensor<24x2x64x128xbf16> {attn.dims = ["pages", "g", "slots", "d"]},
             %v: tensor<24x2x64x128xbf16> {attn.dims = ["pages", "g", "slots", "d"]})
    -> (tensor<?x4x128xbf16> {attn.name = "o"}) {
  %cq = arith.constant dense<[0, 130, 130, 131, 430, 500]> : tensor<6xi32>
  %lens = arith.constant dense<[130, 7, 400, 450, 449]> : tensor<5xi32>
  %tables = arith.constant dense<[[3, 1, 9, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0],
                                  [7, 5, 23, 2, 11, 13, 17, 0], [6, 8, 10, 12, 14, 16, 18, 20],
                                  [22, 21, 19, 15, 1, 3, 9, 5]]> : tensor<5x8xi32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<?x4x128xbf16>
  %i = tensor.empty(%t) : tensor<?x4x128xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x4x128xbf16>, tensor<24x2x64x128xbf16>, tensor<24x2x64x128xbf16>)
      layout(thd) kv_lens(%lens : tensor<5xi32>) cu_seqlens(%cq : tensor<6xi32>)
      pages(%tables : tensor<5x8xi32>) outs(%i : tensor<?x4x128xbf16>)
      mask(#attn.causal) -> tensor<?x4x128xbf16>
  return %o : tensor<?x4x128xbf16>
}
