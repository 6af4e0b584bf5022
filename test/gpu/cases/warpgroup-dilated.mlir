// Residue classes: tensor maps that step over rows; bshd, f16.
// TARGET: sm_90
// SIZES: --set b=2 --set s=700
// SIZES: --set b=1 --set s=1501
// SIZES: --set b=1 --set s=130
// SIZES: --set b=3 --set s=66
func.func @f(%q: tensor<?x?x4x64xf16> {attn.dims = ["b", "s", "h", "d"]},
             %k: tensor<?x?x4x64xf16> {attn.dims = ["b", "s", "h", "d"]},
             %v: tensor<?x?x4x64xf16> {attn.dims = ["b", "s", "h", "d"]})
    -> (tensor<?x?x4x64xf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %q, %c0 : tensor<?x?x4x64xf16>
  %s = tensor.dim %q, %c1 : tensor<?x?x4x64xf16>
  %i = tensor.empty(%b, %s) : tensor<?x?x4x64xf16>
  %o = attn.attention ins(%q, %k, %v : tensor<?x?x4x64xf16>, tensor<?x?x4x64xf16>, tensor<?x?x4x64xf16>)
      layout(bshd) outs(%i : tensor<?x?x4x64xf16>)
      mask(#attn.and<#attn.window<500, 200>, #attn.dilated<3>>) -> tensor<?x?x4x64xf16>
  return %o : tensor<?x?x4x64xf16>
}
