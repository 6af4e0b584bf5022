// Sequences of different lengths, one after the other without padding (`thd`).
// `cu_seqlens` holds where each starts and, last, where all end.
//
// RUN: attn-run %s --set t=500,ends=5 --random 1 --check
//
// Without files attn-run cuts the tokens evenly: here into 4 sequences.
func.func @layer(
    %q: tensor<?x8x64xf32> {attn.dims = ["t", "hq", "d"]},
    %k: tensor<?x2x64xf32> {attn.dims = ["t", "hkv", "d"]},
    %v: tensor<?x2x64xf32> {attn.dims = ["t", "hkv", "d"]},
    %cu: tensor<?xi32> {attn.dims = ["ends"]})
    -> (tensor<?x8x64xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<?x8x64xf32>
  %init = tensor.empty(%t) : tensor<?x8x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<?x8x64xf32>, tensor<?x2x64xf32>, tensor<?x2x64xf32>)
      layout(thd) cu_seqlens(%cu, %cu : tensor<?xi32>, tensor<?xi32>)
      outs(%init : tensor<?x8x64xf32>) mask(#attn.causal) -> tensor<?x8x64xf32>
  return %o : tensor<?x8x64xf32>
}
