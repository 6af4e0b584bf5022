// A long prompt in chunks: n queries from position `at` on, against a cache with
// room for s keys. The causal mask hides the keys that are not written yet.
//
// RUN: attn-run %s --set n=250,s=1000,at=500 --random 1 --check
// RUN: attn-run %s --set n=1000,s=4096,at=1024 --random 1 --check
// RUN: attn-run %s --set n=97,s=701,at=333 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set n=250,s=1000,at=500 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set n=1000,s=4096,at=1024 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set n=97,s=701,at=333 --random 1 --check
//
// Without `offset` the last query would be aligned with the last key.
func.func @chunk(
    %q: tensor<1x8x?x64xf32> {attn.dims = ["b", "hq", "n", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %at: index)
    -> (tensor<1x8x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %n = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %init = tensor.empty(%n) : tensor<1x8x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      offset(%at) outs(%init : tensor<1x8x?x64xf32>) mask(#attn.causal) -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}
