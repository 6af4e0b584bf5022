// A Longformer whose later heads look farther at the same cost: heads 0 and 1 see a
// window of 128 to each side, heads 2 and 3 each fourth key of a window of 512.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// Constraints on the head alone tell the two kinds apart. The dilated heads are done by
// residues: queries and keys of one residue modulo 4 are a sequence of their own, with a
// window of 128 to each side, and no key in between is read.
func.func @layer(
    %q: tensor<1x4x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x32xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x32xf32>
  %init = tensor.empty(%s) : tensor<1x4x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>)
      outs(%init : tensor<1x4x?x32xf32>) mask(
          #attn.set<affine_map<(b, h, q, k) -> (1 - h)>> and #attn.window<128, 128>
          or #attn.set<affine_map<(b, h, q, k) -> (h - 2)>> and #attn.dilated<4> and #attn.window<512, 512>) -> tensor<1x4x?x32xf32>
  return %o : tensor<1x4x?x32xf32>
}
