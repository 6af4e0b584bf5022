// Attention of a Linformer: keys and values of the whole sequence become 256 rows
// each, so that attention costs the same for each query at any length. It is not
// causal: a row is a sum over all tokens. Projections are normal numbers here, and
// not over the root of their number, so the scale of the scores makes up for it.
//
// RUN: attn-run %s --set s=300 --random 1 --check

func.func @linformer(%q: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]}, %k: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]},
    %v: tensor<1x8x?x64xf32> {attn.dims = ["b", "h", "s", "d"]}, %e: tensor<4096x256xf32>, %f: tensor<4096x256xf32>) -> tensor<1x8x?x64xf32> {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
  %rows = tensor.empty() : tensor<1x8x256x64xf32>
  %kr = attn.linformer_project ins(%k, %e : tensor<1x8x?x64xf32>, tensor<4096x256xf32>) outs(%rows : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
  %vr = attn.linformer_project ins(%v, %f : tensor<1x8x?x64xf32>, tensor<4096x256xf32>) outs(%rows : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
  %init = tensor.empty(%s) : tensor<1x8x?x64xf32>
  %o = attn.attention ins(%q, %kr, %vr : tensor<1x8x?x64xf32>, tensor<1x8x256x64xf32>, tensor<1x8x256x64xf32>)
      outs(%init : tensor<1x8x?x64xf32>) {scale = 0.0078125 : f32} -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}
