// Learned sinks with a window of 128, as the local layers of gpt-oss-20b have
// them: 64 query heads, 8 key heads, head size 64. The denominator of head h
// gains e^sink[h].
//
// RUN: attn-run %s --set s=200 --random 1 --check
func.func @layer(
    %q: tensor<1x64x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x8x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x8x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %sink: tensor<64xf32> {attn.dims = ["hq"]})
    -> (tensor<1x64x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x64x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x64x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x64x?x64xf32>, tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>)
      sink(%sink : tensor<64xf32>)
      outs(%init : tensor<1x64x?x64xf32>) mask(#attn.window<127, 0>) -> tensor<1x64x?x64xf32>
  return %o : tensor<1x64x?x64xf32>
}
