// Local layers of Gemma 3
// Five layers of six have a window of 512 tokens (of 1,024 in the larger models); the
// sixth is causal.
// explain: sizes=s=2048 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @gemma3_local(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.window<511, 0>) -> !t
  return %o : !t
}
