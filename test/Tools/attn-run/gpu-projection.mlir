// Projections of sequences become products, of which packages tell too.
// RUN: attn-run %s --target sm_90 --emit=package -o %t.attnpkg
// RUN: attn-run %s --target sm_80 --emit=package -o %t.attnpkg
func.func @project(%x: tensor<2x3x?x24xf32> {attn.dims = ["b", "h", "s", "d"]}, %e: tensor<5000x20xf32>)
    -> tensor<2x3x20x24xf32> {
  %init = tensor.empty() : tensor<2x3x20x24xf32>
  %y = attn.linformer_project ins(%x, %e : tensor<2x3x?x24xf32>, tensor<5000x20xf32>)
      outs(%init : tensor<2x3x20x24xf32>) -> tensor<2x3x20x24xf32>
  return %y : tensor<2x3x20x24xf32>
}
