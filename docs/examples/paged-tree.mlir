// Speculative decoding on pages: the last 7 tokens of each sequence are a draft, a binary
// tree as a heap. A drafted token sees all tokens in front of the draft, its ancestors
// and itself.
//
// RUN: attn-run %s --set b=2,pages=80,columns=40 --random 1 --check
func.func @verify(
    %q: tensor<?x8x7x64xf32> {attn.dims = ["b", "hq", "draft", "d"]},
    %k_pages: tensor<?x2x16x64xf32> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %v_pages: tensor<?x2x16x64xf32> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]},
    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]})
    -> (tensor<?x8x7x64xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x7x64xf32>
  %init = tensor.empty(%b) : tensor<?x8x7x64xf32>
  %o = attn.attention ins(%q, %k_pages, %v_pages : tensor<?x8x7x64xf32>, tensor<?x2x16x64xf32>, tensor<?x2x16x64xf32>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>) outs(%init : tensor<?x8x7x64xf32>)
      mask(%lens at affine_map<(b, h, i, j) -> (b)> : tensor<?xi32>) {
      ^bb0(%len: i32, %bb: index, %h: index, %i: index, %j: index):
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c7 = arith.constant 7 : index
        %none = arith.constant 0 : index
        %n = arith.index_cast %len : i32 to index
        %first = arith.subi %n, %c7 : index
        %query = arith.subi %i, %first : index
        %key = arith.subi %j, %first : index
        %cached = arith.cmpi slt, %key, %none : index
        // The query, its parent and that one's parent, which is the root.
        %self = arith.cmpi eq, %query, %key : index
        %root = arith.cmpi eq, %key, %none : index
        %up = arith.subi %query, %c1 : index
        %up0 = arith.maxsi %up, %none : index
        %parent = arith.divui %up0, %c2 : index
        %is_parent = arith.cmpi eq, %parent, %key : index
        %0 = arith.ori %cached, %self : i1
        %1 = arith.ori %root, %is_parent : i1
        %visible = arith.ori %0, %1 : i1
        attn.yield %visible : i1
      } -> tensor<?x8x7x64xf32>
  return %o : tensor<?x8x7x64xf32>
}
