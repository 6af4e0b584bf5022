// Prefix-LM
// A prefix of 256 tokens is seen by all, by itself in both directions; the rest is causal.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @prefix_lm(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.or<#attn.causal, #attn.prefix<256>>) -> !t
  return %o : !t
}
