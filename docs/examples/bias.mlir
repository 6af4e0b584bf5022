// A bias on the score of each pair: one for each head, query and key, and one for each
// key of each sequence (padding), which all heads and queries share.
//
// RUN: attn-run %s --set b=2,s=300 --random 1 --check
//
// The maps say how each tensor is broadcast: no dimension of size 1 is needed.
func.func @layer(
    %q: tensor<?x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<?x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %bias: tensor<4x?x?xf32> {attn.dims = ["hq", "s", "s"]},
    %padding: tensor<?x?xf32> {attn.dims = ["b", "s"]})
    -> (tensor<?x4x?x64xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %batch = tensor.dim %q, %c0 : tensor<?x4x?x64xf32>
  %s = tensor.dim %q, %c2 : tensor<?x4x?x64xf32>
  %init = tensor.empty(%batch, %s) : tensor<?x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x4x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>)
      outs(%init : tensor<?x4x?x64xf32>)
      score(%bias at affine_map<(b, h, i, j) -> (h, i, j)> : tensor<4x?x?xf32>,
            %padding at affine_map<(b, h, i, j) -> (b, j)> : tensor<?x?xf32>) {
      ^bb0(%x: f32, %e: f32, %pad: f32, %b: index, %h: index, %i: index, %j: index):
        %both = arith.addf %e, %pad : f32
        %sum = arith.addf %x, %both : f32
        attn.yield %sum : f32
      } -> tensor<?x4x?x64xf32>
  return %o : tensor<?x4x?x64xf32>
}
