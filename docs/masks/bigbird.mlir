// BigBird
// On blocks of 32: three blocks around the own one, two global blocks, and three random
// ones, whose numbers are data: a list for each block of queries.
// explain: sizes=s=1024 rows=32 keys=32
!t = tensor<1x8x?x64xf32>
func.func @bigbird(
    %q: !t {attn.dims = ["b", "h", "s", "d"]},
    %k: !t {attn.dims = ["b", "h", "s", "d"]},
    %v: !t {attn.dims = ["b", "h", "s", "d"]},
    %out: !t {attn.dims = ["b", "h", "s", "d"]}) -> !t {
  %c2 = arith.constant 2 : index
  %c31 = arith.constant 31 : index
  %c32 = arith.constant 32 : index
  %s = tensor.dim %q, %c2 : !t
  %last = arith.addi %s, %c31 : index
  %blocks = arith.divui %last, %c32 : index
  // As a rule they are drawn once and an argument: here (17 n^2 + 11 r n + 5 r) mod blocks.
  %random = tensor.generate %blocks {
  ^bb0(%n: index, %r: index):
    %c5 = arith.constant 5 : index
    %c11 = arith.constant 11 : index
    %c17 = arith.constant 17 : index
    %nn = arith.muli %n, %n : index
    %x = arith.muli %nn, %c17 : index
    %nr = arith.muli %n, %r : index
    %y = arith.muli %nr, %c11 : index
    %z = arith.muli %r, %c5 : index
    %xy = arith.addi %x, %y : index
    %xyz = arith.addi %xy, %z : index
    %w = arith.remui %xyz, %blocks : index
    %block = arith.index_cast %w : index to i32
    tensor.yield %block : i32
  } : tensor<?x3xi32>
  %o = attn.attention ins(%q, %k, %v : !t, !t, !t) outs(%out : !t)
      mask(%random at affine_map<(b, h, i, j) -> (i floordiv 32, 0)> : tensor<?x3xi32>,
           %random at affine_map<(b, h, i, j) -> (i floordiv 32, 1)> : tensor<?x3xi32>,
           %random at affine_map<(b, h, i, j) -> (i floordiv 32, 2)> : tensor<?x3xi32>) {
      ^bb0(%r0: i32, %r1: i32, %r2: i32, %b: index, %h: index, %i: index, %j: index):
        %size = arith.constant 32 : index
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
      } -> !t
  return %o : !t
}
