// HAND-WRITTEN: a tensor map: boxes inside and across the bounds.
// SIZES: --shape x=4x32
// SIZES: --shape x=37x100
// SIZES: --shape x=1x4
func.func @tma(%x: tensor<?x?xf32>) -> (tensor<?x?xf32> {attn.name = "y"}) {
  return %x : tensor<?x?xf32>
}
