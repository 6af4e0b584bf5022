// Rotary positions of Llama 3.1 in front of attention: queries and keys turn by their
// position, from 900,000 on.
//
// RUN: attn-run %s --set s=200 --random 1 --check
func.func @layer(
    %q: tensor<1x8x?x128xbf16> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x128xbf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x128xbf16> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x8x?x128xbf16> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x8x?x128xbf16>
  %first = arith.constant 900000 : index
  %empty_q = tensor.empty(%s) : tensor<1x8x?x128xbf16>
  %empty_k = tensor.empty(%s) : tensor<1x2x?x128xbf16>
  %qr = attn.rope ins(%q : tensor<1x8x?x128xbf16>) offset(%first) outs(%empty_q : tensor<1x8x?x128xbf16>)
      {base = 5.0e+05 : f64, scaling = #attn.rope_llama3<8.0, 1.0, 4.0, 8192>} -> tensor<1x8x?x128xbf16>
  %kr = attn.rope ins(%k : tensor<1x2x?x128xbf16>) offset(%first) outs(%empty_k : tensor<1x2x?x128xbf16>)
      {base = 5.0e+05 : f64, scaling = #attn.rope_llama3<8.0, 1.0, 4.0, 8192>} -> tensor<1x2x?x128xbf16>
  %o = attn.attention ins(%qr, %kr, %v : tensor<1x8x?x128xbf16>, tensor<1x2x?x128xbf16>, tensor<1x2x?x128xbf16>)
      outs(%empty_q : tensor<1x8x?x128xbf16>) mask(#attn.causal) -> tensor<1x8x?x128xbf16>
  return %o : tensor<1x8x?x128xbf16>
}
