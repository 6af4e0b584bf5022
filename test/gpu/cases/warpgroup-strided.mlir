// Each fourth row of a tensor of keys and values, from the second on.
// TARGET: sm_90
// SIZES: --set s=300
// SIZES: --set s=1024
func.func @f(%q: tensor<2x4x?x128xbf16> {attn.dims = ["b", "h", "s", "d"]},
             %kv: tensor<2x4x2048x256xbf16> {attn.dims = ["b", "h", "all", "dd"]})
    -> (tensor<2x4x?x128xbf16> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<2x4x?x128xbf16>
  %k = tensor.extract_slice %kv[0, 0, 1, 0] [2, 4, 511, 128] [1, 1, 4, 1]
      : tensor<2x4x2048x256xbf16> to tensor<2x4x511x128xbf16>
  %v = tensor.extract_slice %kv[0, 0, 3, 128] [2, 4, 511, 128] [1, 1, 4, 1]
      : tensor<2x4x2048x256xbf16> to tensor<2x4x511x128xbf16>
  %i = tensor.empty(%s) : tensor<2x4x?x128xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<2x4x?x128xbf16>, tensor<2x4x511x128xbf16>, tensor<2x4x511x128xbf16>)
      outs(%i : tensor<2x4x?x128xbf16>) mask(#attn.causal) -> tensor<2x4x?x128xbf16>
  return %o : tensor<2x4x?x128xbf16>
}
