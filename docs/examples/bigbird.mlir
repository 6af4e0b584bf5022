// BigBird on blocks of 128: three blocks around the own one, two global blocks, and
// three random ones. The random blocks are data: a list for each block of queries.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// A row tile is a block of queries, so its list has one entry a position, and every tile
// of keys is known to be empty or full before the attention starts.
#near = #attn.set<affine_map<(b, h, q, k) -> (q floordiv 128 - k floordiv 128 + 1, k floordiv 128 - q floordiv 128 + 1)>>
#global = #attn.global<256>
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  // Blocks (7 n + 5 r) mod blocks; as a rule they are drawn once and an argument.
  %c127 = arith.constant 127 : index
  %c128 = arith.constant 128 : index
  %last = arith.addi %s, %c127 : index
  %blocks = arith.divui %last, %c128 : index
  %random = tensor.generate %blocks {
  ^bb0(%n: index, %r: index):
    %c5 = arith.constant 5 : index
    %c7 = arith.constant 7 : index
    %x = arith.muli %n, %c7 : index
    %y = arith.muli %r, %c5 : index
    %z = arith.addi %x, %y : index
    %w = arith.remui %z, %blocks : index
    %block = arith.index_cast %w : index to i32
    tensor.yield %block : i32
  } : tensor<?x3xi32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>)
      mask(#near or #global or #attn.blocks<128>(%random : tensor<?x3xi32>)) -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
