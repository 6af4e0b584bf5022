// What a cache keeps: by scores with their neighbours, by all heads of a sequence, by recency
// alone; and the scores of keys, on top of those that are there.
// SIZES: --set b=2,s=300,n=7
// SIZES: --set b=1,s=40,n=1
// SIZES: --set b=3,s=1025,n=33
func.func @f(%scores: tensor<?x2x?xf32> {attn.dims = ["b", "hkv", "s"]},
    %q: tensor<?x4x?x64xbf16> {attn.dims = ["b", "hq", "n", "d"]}, %k: tensor<?x2x?x64xbf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %lse: tensor<?x4x?xf32> {attn.dims = ["b", "hq", "n"]})
    -> (tensor<?x2x64xi32> {attn.name = "pooled"}, tensor<?x2xi32> {attn.name = "pooled_count"},
        tensor<?x2x64xi32> {attn.name = "shared"}, tensor<?x2xi32> {attn.name = "shared_count"},
        tensor<?x2x64xi32> {attn.name = "recent"}, tensor<?x2xi32> {attn.name = "recent_count"},
        tensor<?x2x?xf32> {attn.name = "next"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %scores, %c0 : tensor<?x2x?xf32>
  %s = tensor.dim %scores, %c2 : tensor<?x2x?xf32>
  %li = tensor.empty(%b) : tensor<?xi32>
  %lens = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%li : tensor<?xi32>) {
    ^bb0(%x: i32):
      %c13 = arith.constant 13 : index
      %i = linalg.index 0 : index
      %less = arith.muli %i, %c13 : index
      %length = arith.subi %s, %less : index
      %narrow = arith.index_cast %length : index to i32
      linalg.yield %narrow : i32
    } -> tensor<?xi32>
  %ki = tensor.empty(%b) : tensor<?x2x64xi32>
  %ci = tensor.empty(%b) : tensor<?x2xi32>
  %p, %pc = attn.kv_evict scores(%scores : tensor<?x2x?xf32>) kv_lens(%lens : tensor<?xi32>)
      outs(%ki, %ci : tensor<?x2x64xi32>, tensor<?x2xi32>) {recent = 8 : i64, pool = 5 : i64}
      -> tensor<?x2x64xi32>, tensor<?x2xi32>
  %h, %hc = attn.kv_evict scores(%scores : tensor<?x2x?xf32>) kv_lens(%lens : tensor<?xi32>)
      outs(%ki, %ci : tensor<?x2x64xi32>, tensor<?x2xi32>) {sinks = 2 : i64, budget = 40 : i64, pool = 3 : i64, max_pool, shared}
      -> tensor<?x2x64xi32>, tensor<?x2xi32>
  %r, %rc = attn.kv_evict kv_lens(%lens : tensor<?xi32>)
      outs(%ki, %ci : tensor<?x2x64xi32>, tensor<?x2xi32>) {sinks = 4 : i64, recent = 50 : i64}
      -> tensor<?x2x64xi32>, tensor<?x2xi32>
  %n = attn.kv_score ins(%q, %k : tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>) lse(%lse : tensor<?x4x?xf32>)
      kv_lens(%lens : tensor<?xi32>) outs(%scores : tensor<?x2x?xf32>) {queries = 5 : i64, power = 2 : i64} -> tensor<?x2x?xf32>
  return %p, %pc, %h, %hc, %r, %rc, %n : tensor<?x2x64xi32>, tensor<?x2xi32>, tensor<?x2x64xi32>, tensor<?x2xi32>,
      tensor<?x2x64xi32>, tensor<?x2xi32>, tensor<?x2x?xf32>
}
