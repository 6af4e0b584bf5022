// Soft-capped scores, as in Gemma-2-9B: y = 50 tanh(x / 50), 16 query heads, 8 key
// heads, head size 256.
//
// RUN: attn-run %s --set s=200 --random 1 --check
//
// The score region sees scale * <q, k> in natural units. It runs before the mask,
// so what it makes of a hidden pair does not matter.
func.func @layer(
    %q: tensor<1x16x?x256xbf16> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x8x?x256xbf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x8x?x256xbf16> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x16x?x256xbf16> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x16x?x256xbf16>
  %init = tensor.empty(%s) : tensor<1x16x?x256xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x16x?x256xbf16>, tensor<1x8x?x256xbf16>, tensor<1x8x?x256xbf16>)
      outs(%init : tensor<1x16x?x256xbf16>) mask(#attn.causal)
      score {
      ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
        %cap = arith.constant 5.0e+01 : f32
        %0 = arith.divf %x, %cap : f32
        %1 = math.tanh %0 : f32
        %y = arith.mulf %1, %cap : f32
        attn.yield %y : f32
      } {scale = 6.25e-02 : f32} -> tensor<1x16x?x256xbf16>
  return %o : tensor<1x16x?x256xbf16>
}
