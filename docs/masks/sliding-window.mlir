// Sliding window
// A token sees itself and the 255 tokens before it.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @sliding_window(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.window<255, 0>) -> !t
  return %o : !t
}
