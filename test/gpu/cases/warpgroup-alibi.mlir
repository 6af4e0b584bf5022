// A score region with a captured tensor, and one with tanh.
// TARGET: sm_90
// SIZES: --set b=2 --set s=500
// SIZES: --set b=1 --set s=1024
func.func @f(%q: tensor<?x4x?x96xbf16> {attn.dims = ["b", "h", "s", "d"]},
             %k: tensor<?x4x?x96xbf16> {attn.dims = ["b", "h", "s", "d"]},
             %v: tensor<?x4x?x96xbf16> {attn.dims = ["b", "h", "s", "d"]})
    -> (tensor<?x4x?x96xbf16> {attn.name = "o"}) {
  %slopes = arith.constant dense<[0.5, 0.125, 0.03125, 0.0078125]> : tensor<4xf32>
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x4x?x96xbf16>
  %s = tensor.dim %q, %c2 : tensor<?x4x?x96xbf16>
  %i = tensor.empty(%b, %s) : tensor<?x4x?x96xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x4x?x96xbf16>, tensor<?x4x?x96xbf16>, tensor<?x4x?x96xbf16>)
      outs(%i : tensor<?x4x?x96xbf16>) mask(#attn.causal)
      score(%slopes at affine_map<(b, h, i, j) -> (h)> : tensor<4xf32>) {
      ^bb0(%x: f32, %slope: f32, %bb: index, %h: index, %q0: index, %k0: index):
        %cap = arith.constant 2.0e+01 : f32
        %0 = arith.divf %x, %cap : f32
        %1 = math.tanh %0 : f32
        %y = arith.mulf %1, %cap : f32
        %d = arith.subi %q0, %k0 : index
        %n = arith.index_cast %d : index to i32
        %distance = arith.sitofp %n : i32 to f32
        %2 = arith.mulf %slope, %distance : f32
        %3 = arith.subf %y, %2 : f32
        attn.yield %3 : f32
      } -> tensor<?x4x?x96xbf16>
  return %o : tensor<?x4x?x96xbf16>
}
