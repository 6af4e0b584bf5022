// A learned temperature for each head: y = x / t[h].
//
// RUN: attn-run %s --set s=300 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g; s/tensor<4xbf16>/tensor<4xf32>/g' %s | attn-run - --set s=1001 --random 1 --check
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %k: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %v: tensor<1x4x?x64xf32> {attn.dims = ["b", "h", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}) {
  %temperature = arith.constant dense<[0.5, 1.0, 1.5, 2.0]> : tensor<4xf32>
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>) mask(#attn.causal)
      score(%temperature at affine_map<(b, h, i, j) -> (h)> : tensor<4xf32>) {
      ^bb0(%x: f32, %t: f32, %b: index, %h: index, %i: index, %j: index):
        %y = arith.divf %x, %t : f32
        attn.yield %y : f32
      } -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
