// Zone maps as an op: the least and the largest document of each block of 128 tokens, made
// once, and read by the masks of all layers. A query sees the blocks that can have a token
// of its document, and in them all tokens: a mask by blocks, with two loads a block.
//
// RUN: attn-run %s --set s=1000 --random 1 --check
// RUN: attn-run %s --set s=4096 --random 1 --check
// RUN: attn-run %s --set s=701 --random 1 --check
func.func @layer(
    %q: tensor<1x2x?x32xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x1x?x32xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x2x?x32xf32> {attn.name = "o"}, tensor<?x2xi32> {attn.name = "zones"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x2x?x32xf32>
  // 12 documents; as a rule the ids are an argument.
  %ids = tensor.generate %s {
  ^bb0(%n: index):
    %c12 = arith.constant 12 : index
    %scaled = arith.muli %n, %c12 : index
    %d = arith.divui %scaled, %s : index
    %id = arith.index_cast %d : index to i32
    tensor.yield %id : i32
  } : tensor<?xi32>
  %zones = attn.block_summary %ids dim(0) block(128) : tensor<?xi32> -> tensor<?x2xi32>
  %init = tensor.empty(%s) : tensor<1x2x?x32xf32>
  %o = attn.attention ins(%q, %k, %v : tensor<1x2x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>)
      outs(%init : tensor<1x2x?x32xf32>)
      mask(%ids at affine_map<(b, h, i, j) -> (i)> : tensor<?xi32>,
           %zones at affine_map<(b, h, i, j) -> (j floordiv 128, 0)> : tensor<?x2xi32>,
           %zones at affine_map<(b, h, i, j) -> (j floordiv 128, 1)> : tensor<?x2xi32>) {
      ^bb0(%mine: i32, %least: i32, %largest: i32, %b: index, %h: index, %i: index, %j: index):
        %0 = arith.cmpi sle, %least, %mine : i32
        %1 = arith.cmpi sle, %mine, %largest : i32
        %visible = arith.andi %0, %1 : i1
        attn.yield %visible : i1
      } -> tensor<1x2x?x32xf32>
  return %o, %zones : tensor<1x2x?x32xf32>, tensor<?x2xi32>
}
