// Sink and window (StreamingLLM)
// The first four keys stay visible beside a window of 256. `sink` alone shows them to the
// queries in front of them too, so the whole is cut to what is causal.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @sink_window(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(#attn.and<#attn.causal, #attn.or<#attn.sink<4>, #attn.window<255, 0>>>) -> !t
  return %o : !t
}
