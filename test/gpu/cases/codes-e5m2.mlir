// fp8 with a scale a head, f16, any number of queries.
// SIZES: --set b=2,n=1,s=300
// SIZES: --set b=1,n=3,s=1100
// SIZES: --set b=1,n=70,s=200
func.func @f(%q: tensor<?x8x?x64xf16> {attn.dims = ["b", "hq", "n", "d"]},
    %k: tensor<?x2x?x64xf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x2x?x64xf16> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<?x8x?x64xf16> {attn.name = "o"}, tensor<?x2x?x64xf8E5M2> {attn.name = "k_codes"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x?x64xf16>
  %p = tensor.dim %k, %c0 : tensor<?x2x?x64xf16>
  %s = tensor.dim %k, %c2 : tensor<?x2x?x64xf16>
  %n = tensor.dim %q, %c2 : tensor<?x8x?x64xf16>
  %codes = tensor.empty(%p, %s) : tensor<?x2x?x64xf8E5M2>
  %whole = tensor.empty(%p, %s) : tensor<?x2x?x64xf16>
  %ki = tensor.empty() : tensor<2xf32>
  %kc, %ks = attn.kv_quantize ins(%k : tensor<?x2x?x64xf16>)
      at affine_map<(b, h, n, d) -> (h)>
      outs(%codes, %ki : tensor<?x2x?x64xf8E5M2>, tensor<2xf32>)
      -> tensor<?x2x?x64xf8E5M2>, tensor<2xf32>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x2x?x64xf8E5M2>) scale(%ks : tensor<2xf32>)
      at affine_map<(b, h, n, d) -> (h)> outs(%whole : tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16>
  %vi = tensor.empty() : tensor<2xf32>
  %vc, %vs = attn.kv_quantize ins(%v : tensor<?x2x?x64xf16>)
      at affine_map<(b, h, n, d) -> (h)>
      outs(%codes, %vi : tensor<?x2x?x64xf8E5M2>, tensor<2xf32>)
      -> tensor<?x2x?x64xf8E5M2>, tensor<2xf32>
  %vd = attn.kv_dequantize ins(%vc : tensor<?x2x?x64xf8E5M2>) scale(%vs : tensor<2xf32>)
      at affine_map<(b, h, n, d) -> (h)> outs(%whole : tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16>
  %li = tensor.empty(%b) : tensor<?xi32>
  %lens = linalg.generic {indexing_maps = [affine_map<(b) -> (b)>], iterator_types = ["parallel"]} outs(%li : tensor<?xi32>) {
    ^bb0(%x: i32):
      %less = arith.constant 37 : index
      %seq = linalg.index 0 : index
      %cut = arith.muli %seq, %less : index
      %length = arith.subi %s, %cut : index
      %narrow = arith.index_cast %length : index to i32
      linalg.yield %narrow : i32
    } -> tensor<?xi32>
  %i = tensor.empty(%b, %n) : tensor<?x8x?x64xf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<?x8x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>)
      kv_lens(%lens : tensor<?xi32>) outs(%i : tensor<?x8x?x64xf16>) mask(#attn.causal) -> tensor<?x8x?x64xf16>
  return %o, %kc : tensor<?x8x?x64xf16>, tensor<?x2x?x64xf8E5M2>
}
