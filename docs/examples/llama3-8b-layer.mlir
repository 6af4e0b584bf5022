// The attention of one layer of Llama-3-8B: 32 query heads, 8 key heads, head
// size 128, causal, any length.
//
// RUN: attn-run %s --set s=300 --random 1 --check
//
// The real size, timed and explained:
//
//   attn-run llama3-8b-layer.mlir --set s=4096 --random 1 --check --bench 3 --report
//
// Query heads share key heads in order; nothing is broadcast. `attn.dims` names
// the sizes: `s` of the three arguments is one number.
func.func @layer(
    %q: tensor<1x32x?x128xf32> {attn.name = "q", attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x8x?x128xf32> {attn.name = "k", attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x8x?x128xf32> {attn.name = "v", attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x32x?x128xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x32x?x128xf32>
  %init = tensor.empty(%s) : tensor<1x32x?x128xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x128xf32>)
      outs(%init : tensor<1x32x?x128xf32>) mask(#attn.causal) -> tensor<1x32x?x128xf32>
  return %o : tensor<1x32x?x128xf32>
}
