// Chunked prefill
// A part of a prompt, n queries from position `at` on, against a cache with room for s
// keys. What is causal does not see what is not written yet.
// explain: sizes=s=1024,n=256,at=512 rows=32 keys=32
!q = tensor<1x8x?x64xf32>
func.func @chunked_prefill(
    %q: !q {attn.dims = ["b", "h", "n", "d"]},
    %k: !q {attn.dims = ["b", "h", "s", "d"]},
    %v: !q {attn.dims = ["b", "h", "s", "d"]},
    %at: index {attn.name = "at"},
    %out: !q {attn.dims = ["b", "h", "n", "d"]}) -> !q {
  %o = attn.attention ins(%q, %k, %v : !q, !q, !q) offset(%at) outs(%out : !q)
      mask(#attn.causal) -> !q
  return %o : !q
}
