// A decode loop over calls: each writes the key and value of its token into the
// cache at `at`, attends to what is there, and returns the cache and the next place.
//
// RUN: attn-run %s --set s=64,at=10 --random 1 --repeat 20 --carry k_next=k,v_next=v,next=at --check
//
// `attn.donated` lets the function update the cache in place.
func.func @step(
    %q: tensor<1x8x1x64xf32> {attn.dims = ["b", "hq", "one", "d"]},
    %k_new: tensor<1x2x1x64xf32> {attn.dims = ["b", "hkv", "one", "d"]},
    %v_new: tensor<1x2x1x64xf32> {attn.dims = ["b", "hkv", "one", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"], attn.donated},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"], attn.donated},
    %at: index)
    -> (tensor<1x8x1x64xf32> {attn.name = "o"}, tensor<1x2x?x64xf32> {attn.name = "k_next"},
        tensor<1x2x?x64xf32> {attn.name = "v_next"}, index {attn.name = "next"}) {
  %c1 = arith.constant 1 : index
  %next = arith.addi %at, %c1 : index
  %k_next = tensor.insert_slice %k_new into %k[0, 0, %at, 0] [1, 2, 1, 64] [1, 1, 1, 1]
      : tensor<1x2x1x64xf32> into tensor<1x2x?x64xf32>
  %v_next = tensor.insert_slice %v_new into %v[0, 0, %at, 0] [1, 2, 1, 64] [1, 1, 1, 1]
      : tensor<1x2x1x64xf32> into tensor<1x2x?x64xf32>
  %ks = tensor.extract_slice %k_next[0, 0, 0, 0] [1, 2, %next, 64] [1, 1, 1, 1]
      : tensor<1x2x?x64xf32> to tensor<1x2x?x64xf32>
  %vs = tensor.extract_slice %v_next[0, 0, 0, 0] [1, 2, %next, 64] [1, 1, 1, 1]
      : tensor<1x2x?x64xf32> to tensor<1x2x?x64xf32>
  %init = tensor.empty() : tensor<1x8x1x64xf32>
  %o = attn.attention ins(%q, %ks, %vs : tensor<1x8x1x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x8x1x64xf32>) mask(#attn.causal) -> tensor<1x8x1x64xf32>
  return %o, %k_next, %v_next, %next
      : tensor<1x8x1x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, index
}
