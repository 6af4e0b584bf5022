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
      mask(%random at affine_map<(b, h, i, j) -> (i floordiv 128, 0)> : tensor<?x3xi32>,
           %random at affine_map<(b, h, i, j) -> (i floordiv 128, 1)> : tensor<?x3xi32>,
           %random at affine_map<(b, h, i, j) -> (i floordiv 128, 2)> : tensor<?x3xi32>) {
      ^bb0(%r0: i32, %r1: i32, %r2: i32, %b: index, %h: index, %i: index, %j: index):
        %size = arith.constant 128 : index
        %one = arith.constant 1 : index
        %back = arith.constant -1 : index
        %global = arith.constant 2 : index
        %mine = arith.floordivsi %i, %size : index
        %other = arith.floordivsi %j, %size : index
        %distance = arith.subi %mine, %other : index
        %0 = arith.cmpi sle, %distance, %one : index
        %1 = arith.cmpi sge, %distance, %back : index
        %window = arith.andi %0, %1 : i1
        %2 = arith.cmpi slt, %mine, %global : index
        %3 = arith.cmpi slt, %other, %global : index
        %4 = arith.ori %2, %3 : i1
        %5 = arith.ori %window, %4 : i1
        %key = arith.index_cast %other : index to i32
        %6 = arith.cmpi eq, %r0, %key : i32
        %7 = arith.cmpi eq, %r1, %key : i32
        %8 = arith.cmpi eq, %r2, %key : i32
        %9 = arith.ori %5, %6 : i1
        %10 = arith.ori %9, %7 : i1
        %visible = arith.ori %10, %8 : i1
        attn.yield %visible : i1
      } -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
