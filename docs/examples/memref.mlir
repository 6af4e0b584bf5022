// The same op on memrefs: it writes into `out`, and the function allocates no
// result. This is the form for a compiler whose tensors have become buffers.
//
// RUN: attn-run %s --set s=300 --random 1 --check
func.func @layer(
    %q: memref<1x8x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: memref<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: memref<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %out: memref<1x8x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]})
    -> (memref<1x8x?x64xf32> {attn.name = "o"}) {
  attn.attention ins(%q, %k, %v : memref<1x8x?x64xf32>, memref<1x2x?x64xf32>, memref<1x2x?x64xf32>)
      outs(%out : memref<1x8x?x64xf32>) mask(#attn.causal)
  return %out : memref<1x8x?x64xf32>
}
