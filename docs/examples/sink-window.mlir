// StreamingLLM: the first 4 keys stay visible beside a window of 256.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// `sink<4>` alone is k < 4, for the queries in front of a sink too, so the whole
// is cut to what is causal.
#streaming = #attn.and<#attn.causal, #attn.or<#attn.sink<4>, #attn.window<255, 0>>>

func.func @layer(
    %q: tensor<1x8x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x8x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x8x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x8x?x64xf32>) mask(#streaming) -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}
