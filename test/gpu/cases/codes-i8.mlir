// Bytes with a zero a token and head; a window; 8 query heads a key head.
// SIZES: --set b=2,n=1,s=300
// SIZES: --set b=1,n=2,s=2500
// SIZES: --set b=1,n=130,s=257
func.func @f(%q: tensor<?x16x?x80xbf16> {attn.dims = ["b", "hq", "n", "d"]},
    %k: tensor<?x2x?x80xbf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x2x?x80xbf16> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<?x16x?x80xbf16> {attn.name = "o"}, tensor<?x2x?x80xi8> {attn.name = "k_codes"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x16x?x80xbf16>
  %p = tensor.dim %k, %c0 : tensor<?x2x?x80xbf16>
  %s = tensor.dim %k, %c2 : tensor<?x2x?x80xbf16>
  %n = tensor.dim %q, %c2 : tensor<?x16x?x80xbf16>
  %codes = tensor.empty(%p, %s) : tensor<?x2x?x80xi8>
  %whole = tensor.empty(%p, %s) : tensor<?x2x?x80xbf16>
  %ki = tensor.empty(%p, %s) : tensor<?x2x?xf32>
  %kc, %ks, %kz = attn.kv_quantize ins(%k : tensor<?x2x?x80xbf16>)
      at affine_map<(b, h, n, d) -> (b, h, n)>
      outs(%codes, %ki, %ki : tensor<?x2x?x80xi8>, tensor<?x2x?xf32>, tensor<?x2x?xf32>)
      -> tensor<?x2x?x80xi8>, tensor<?x2x?xf32>, tensor<?x2x?xf32>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x2x?x80xi8>) scale(%ks : tensor<?x2x?xf32>) zero(%kz : tensor<?x2x?xf32>)
      at affine_map<(b, h, n, d) -> (b, h, n)> outs(%whole : tensor<?x2x?x80xbf16>) -> tensor<?x2x?x80xbf16>
  %vi = tensor.empty(%p, %s) : tensor<?x2x?xf32>
  %vc, %vs, %vz = attn.kv_quantize ins(%v : tensor<?x2x?x80xbf16>)
      at affine_map<(b, h, n, d) -> (b, h, n)>
      outs(%codes, %vi, %vi : tensor<?x2x?x80xi8>, tensor<?x2x?xf32>, tensor<?x2x?xf32>)
      -> tensor<?x2x?x80xi8>, tensor<?x2x?xf32>, tensor<?x2x?xf32>
  %vd = attn.kv_dequantize ins(%vc : tensor<?x2x?x80xi8>) scale(%vs : tensor<?x2x?xf32>) zero(%vz : tensor<?x2x?xf32>)
      at affine_map<(b, h, n, d) -> (b, h, n)> outs(%whole : tensor<?x2x?x80xbf16>) -> tensor<?x2x?x80xbf16>
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
  %i = tensor.empty(%b, %n) : tensor<?x16x?x80xbf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<?x16x?x80xbf16>, tensor<?x2x?x80xbf16>, tensor<?x2x?x80xbf16>)
      kv_lens(%lens : tensor<?xi32>) outs(%i : tensor<?x16x?x80xbf16>) mask(#attn.window<99, 0>) -> tensor<?x16x?x80xbf16>
  return %o, %kc : tensor<?x16x?x80xbf16>, tensor<?x2x?x80xi8>
}
