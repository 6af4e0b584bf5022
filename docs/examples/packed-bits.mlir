// Any mask at all, a bit a pair: bit `j mod 32` of word `j div 32` of the row.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=1000 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=4096 --random 1 --check
// RUN: sed 's/xf32>/xbf16>/g' %s | attn-run - --set s=701 --random 1 --check
//
// A word of zeros or of ones decides 32 pairs; a loop in front of the attention reads
// each word once, for all heads, and lists the tiles that are full and partial.
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  // Stripes of 300 rows and 400 keys; as a rule the words are an argument.
  %c31 = arith.constant 31 : index
  %c32 = arith.constant 32 : index
  %padded = arith.addi %s, %c31 : index
  %words = arith.divui %padded, %c32 : index
  %bits = tensor.generate %s, %words {
  ^bb0(%n: index, %w: index):
    %c300 = arith.constant 300 : index
    %c13 = arith.constant 13 : index
    %c3 = arith.constant 3 : index
    %x = arith.divui %n, %c300 : index
    %y = arith.divui %w, %c13 : index
    %z = arith.addi %x, %y : index
    %kind = arith.remui %z, %c3 : index
    %which = arith.index_cast %kind : index to i32
    %none = arith.constant 0 : i32
    %all = arith.constant -1 : i32
    %some = arith.constant 0x5A5AF00F : i32
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %isNone = arith.cmpi eq, %which, %zero : i32
    %isAll = arith.cmpi eq, %which, %one : i32
    %a = arith.select %isAll, %all, %some : i32
    %word = arith.select %isNone, %none, %a : i32
    tensor.yield %word : i32
  } : tensor<?x?xi32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>)
      mask(%bits at affine_map<(b, h, i, j) -> (i, j floordiv 32)> : tensor<?x?xi32>) {
      ^bb0(%word: i32, %b: index, %h: index, %i: index, %j: index):
        %size = arith.constant 32 : index
        %0 = arith.remsi %j, %size : index
        %n = arith.index_cast %0 : index to i32
        %bit = arith.shrui %word, %n : i32
        %visible = arith.trunci %bit : i32 to i1
        attn.yield %visible : i1
      } -> tensor<1x4x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}
