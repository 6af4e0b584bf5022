// ALiBi: y = x - slope[h] (i - j), with slopes 2^-1, ..., 2^-8 for 8 heads.
//
// RUN: attn-run %s --set s=300 --random 1 --check
//
// A tensor that the region reads is an operand with an affine map of (b, h, i, j).
// `i` is the position of the query, so the distance is right with a cache too.
func.func @layer(
    %q: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %k: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %v: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]})
    -> (tensor<1x8x?x64xf32> {attn.name = "o"}) {
  %slopes = arith.constant dense<[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]>
      : tensor<8xf32>
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x8x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>, tensor<1x8x?x64xf32>)
      outs(%init : tensor<1x8x?x64xf32>) mask(#attn.causal)
      score(%slopes at affine_map<(b, h, i, j) -> (h)> : tensor<8xf32>) {
      ^bb0(%x: f32, %slope: f32, %b: index, %h: index, %i: index, %j: index):
        %d = arith.subi %i, %j : index
        %n = arith.index_cast %d : index to i32
        %distance = arith.sitofp %n : i32 to f32
        %0 = arith.mulf %slope, %distance : f32
        %y = arith.subf %x, %0 : f32
        attn.yield %y : f32
      } -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}
