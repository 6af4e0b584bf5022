// Dilated
// Each fourth key before the query. Drawn pair by pair.
// explain: sizes=s=48 rows=1 keys=1
!t = tensor<1x8x?x64xf32>
func.func @dilated(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.and<#attn.causal, #attn.dilated<4>>) -> !t
  return %o : !t
}
