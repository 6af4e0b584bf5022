// Longformer
// A window of 96 to each side, and 32 global tokens that see all and are seen by all.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @longformer(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.or<#attn.window<96, 96>, #attn.global<32>>) -> !t
  return %o : !t
}
