// Full
// Every query sees every key.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @full(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t) -> !t
  return %o : !t
}
