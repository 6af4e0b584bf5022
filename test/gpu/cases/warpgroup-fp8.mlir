// Codes of 8 bits with scales of heads and sequences, grouped heads, lse, lengths of no tile.
// TARGET: sm_90
// SIZES: --set b=1 --set sq=300 --set sk=300
// SIZES: --set b=2 --set sq=129 --set sk=777
// SIZES: --set b=3 --set sq=128 --set sk=96
// SIZES: --set b=1 --set sq=200 --set sk=70
// SIZES: --set b=0 --set sq=128 --set sk=128
// SIZES: --set b=1 --set sq=2000 --set sk=2000
!q = tensor<?x8x?x128xf8E4M3FN>
!k = tensor<?x2x?x128xf8E4M3FN>
!o = tensor<?x8x?x128xbf16>
!l = tensor<?x8x?xf32>
func.func @f(%q: !q {attn.dims = ["b", "hq", "sq", "d"]}, %k: !k {attn.dims = ["b", "hk", "sk", "d"]},
             %v: !k {attn.dims = ["b", "hk", "sk", "d"]},
             %qs: tensor<8xf32> {attn.dims = ["hq"]}, %ks: tensor<2xf32>, %vs: tensor<?x2xf32> {attn.dims = ["b", "hk"]})
    -> (!o {attn.name = "o"}, !l {attn.name = "lse"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !q
  %s = tensor.dim %q, %c2 : !q
  %i = tensor.empty(%b, %s) : !o
  %l = tensor.empty(%b, %s) : !l
  // Scales are above 0.
  %qi = tensor.empty() : tensor<8xf32>
  %ki = tensor.empty() : tensor<2xf32>
  %qp = linalg.abs ins(%qs : tensor<8xf32>) outs(%qi : tensor<8xf32>) -> tensor<8xf32>
  %kp = linalg.abs ins(%ks : tensor<2xf32>) outs(%ki : tensor<2xf32>) -> tensor<2xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : !q, !k, !k)
      scales(%qp, %kp, %vs : tensor<8xf32>, tensor<2xf32>, tensor<?x2xf32>)
      outs(%i, %l : !o, !l) mask(#attn.causal) -> !o, !l
  return %o, %lse : !o, !l
}
