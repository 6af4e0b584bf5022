// One new token for each of several sequences. `kv_lens` says how many keys of the
// cache each one has; what lies behind them may hold anything, NaN included.
//
// RUN: attn-run %s --set b=3,s=2000 --random 1 --check
//
// Long caches are cut into chunks whose (o, lse) are merged; `--report` says where.
func.func @step(
    %q: tensor<?x32x1x128xf32> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x8x?x128xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x8x?x128xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]})
    -> (tensor<?x32x1x128xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x32x1x128xf32>
  %init = tensor.empty(%b) : tensor<?x32x1x128xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x32x1x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>)
      kv_lens(%lens : tensor<?xi32>)
      outs(%init : tensor<?x32x1x128xf32>) mask(#attn.causal) -> tensor<?x32x1x128xf32>
  return %o : tensor<?x32x1x128xf32>
}
