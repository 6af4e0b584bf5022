// Lengths as data, keys past them hidden from all rows; d 80, a sink logit.
// TARGET: sm_90
// SIZES: --set b=3 --set sq=100 --set sk=400
// SIZES: --set b=2 --set sq=500 --set sk=500
func.func @f(%q: tensor<?x4x?x80xbf16> {attn.dims = ["b", "h", "sq", "d"]},
             %k: tensor<?x4x?x80xbf16> {attn.dims = ["b", "h", "sk", "d"]},
             %v: tensor<?x4x?x80xbf16> {attn.dims = ["b", "h", "sk", "d"]},
             %sink: tensor<4xf32> {attn.dims = ["h"]})
    -> (tensor<?x4x?x80xbf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x4x?x80xbf16>
  %s = tensor.dim %q, %c2 : tensor<?x4x?x80xbf16>
  %i = tensor.empty(%b, %s) : tensor<?x4x?x80xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x4x?x80xbf16>, tensor<?x4x?x80xbf16>, tensor<?x4x?x80xbf16>)
      sink(%sink : tensor<4xf32>)
      outs(%i : tensor<?x4x?x80xbf16>) mask(#attn.window<150, 40>) -> tensor<?x4x?x80xbf16>
  return %o : tensor<?x4x?x80xbf16>
}
