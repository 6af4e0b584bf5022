// Causal attention on fp8 with grouped heads. A scale for all of Q, and one a head for K and V, turn
// codes into elements; on sm_90 products are of the codes, and elsewhere of the elements. The result
// is bf16.
//
// RUN: attn-run %s --set b=2,s=333 --random 1 --check
func.func @f(
    %q: tensor<?x8x?x128xf8E4M3FN> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<?x2x?x128xf8E4M3FN> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x2x?x128xf8E4M3FN> {attn.dims = ["b", "hkv", "s", "d"]},
    %q_scale: tensor<f32>, %k_scale: tensor<2xf32>, %v_scale: tensor<2xf32>)
    -> (tensor<?x8x?x128xbf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x?x128xf8E4M3FN>
  %s = tensor.dim %q, %c2 : tensor<?x8x?x128xf8E4M3FN>
  %init = tensor.empty(%b, %s) : tensor<?x8x?x128xbf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x8x?x128xf8E4M3FN>, tensor<?x2x?x128xf8E4M3FN>, tensor<?x2x?x128xf8E4M3FN>)
      scales(%q_scale, %k_scale, %v_scale : tensor<f32>, tensor<2xf32>, tensor<2xf32>)
      outs(%init : tensor<?x8x?x128xbf16>) mask(#attn.causal) -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}
