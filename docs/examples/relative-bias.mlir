// Relative position bias: a learned value for each head and distance, as in T5 (whose
// buckets are a table of distances too) and Swin.
//
// RUN: attn-run %s --set s=300 --random 1 --check
// RUN: attn-run %s --set s=1001 --random 1 --check
//
// `table[h, 2047 + j - i]`: distances from -2047 to 2047, for up to 2048 positions.
func.func @layer(
    %q: tensor<1x4x?x64xbf16> {attn.dims = ["b", "h", "s", "d"]},
    %k: tensor<1x4x?x64xbf16> {attn.dims = ["b", "h", "s", "d"]},
    %v: tensor<1x4x?x64xbf16> {attn.dims = ["b", "h", "s", "d"]},
    %table: tensor<4x4095xf32>)
    -> (tensor<1x4x?x64xbf16> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xbf16>
  %init = tensor.empty(%s) : tensor<1x4x?x64xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>, tensor<1x4x?x64xbf16>)
      outs(%init : tensor<1x4x?x64xbf16>)
      score(%table at affine_map<(b, h, i, j) -> (h, j - i + 2047)> : tensor<4x4095xf32>) {
      ^bb0(%x: f32, %bias: f32, %b: index, %h: index, %i: index, %j: index):
        %y = arith.addf %x, %bias : f32
        attn.yield %y : f32
      } -> tensor<1x4x?x64xbf16>
  return %o : tensor<1x4x?x64xbf16>
}
