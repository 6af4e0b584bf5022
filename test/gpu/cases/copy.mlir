// HAND-WRITTEN: the copy of a plan, without a kernel.
// SIZES: --shape x=8x4
func.func @copy(%x: tensor<?x?xf32>) -> (tensor<?x?xf32> {attn.name = "y"}) {
  return %x : tensor<?x?xf32>
}
