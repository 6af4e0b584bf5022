// Latent attention of two groups of 128 heads, in two tiles each: a window that
// hides keys on both sides, a sink logit, tokens in front of heads, f16.
// TARGET: sm_90
// SIZES: --set b=2 --set s=700
// SIZES: --set b=1 --set s=100
// SIZES: --set b=1 --set s=3000
func.func @f(%q: tensor<?x1x256x320xf16> {attn.dims = ["b", "one", "h", "d"]},
             %k: tensor<?x?x2x320xf16> {attn.dims = ["b", "s", "hk", "d"]},
             %sink: tensor<256xf32> {attn.dims = ["h"]})
    -> (tensor<?x1x256x256xf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %k, %c0 : tensor<?x?x2x320xf16>
  %s = tensor.dim %k, %c1 : tensor<?x?x2x320xf16>
  %v = tensor.extract_slice %k[0, 0, 0, 0] [%b, %s, 2, 256] [1, 1, 1, 1]
      : tensor<?x?x2x320xf16> to tensor<?x?x2x256xf16>
  %i = tensor.empty(%b) : tensor<?x1x256x256xf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x1x256x320xf16>, tensor<?x?x2x320xf16>, tensor<?x?x2x256xf16>)
      layout(bshd) sink(%sink : tensor<256xf32>)
      outs(%i : tensor<?x1x256x256xf16>) mask(#attn.window<1000, 0>)
      -> tensor<?x1x256x256xf16>
  return %o : tensor<?x1x256x256xf16>
}
