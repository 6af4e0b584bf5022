// SnapKV: the last 16 queries of a prompt choose the keys that its cache keeps. Their
// attention to each key, smoothed over five neighbours, ranks what is not recent; each key
// head keeps 64 keys, whose places make a table of pages of one key. The second attention
// reads nothing else.
//
// RUN: attn-run %s --set s=200 --random 1 --check
func.func @prompt(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "s", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %next: tensor<2x2x1x64xf32> {attn.dims = ["hkv", "group", "one", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}, tensor<2x2x1x64xf32> {attn.name = "next_o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  %init = tensor.empty(%s) : tensor<1x4x?x64xf32>
  %rows = tensor.empty(%s) : tensor<1x4x?xf32>
  %o, %lse = attn.attention ins(%q, %k, %v : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init, %rows : tensor<1x4x?x64xf32>, tensor<1x4x?xf32>) mask(#attn.causal)
      -> tensor<1x4x?x64xf32>, tensor<1x4x?xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%s) : tensor<1x2x?xf32>
  %none = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2x?xf32>) -> tensor<1x2x?xf32>
  %scores = attn.kv_score ins(%q, %k : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>) lse(%lse : tensor<1x4x?xf32>)
      outs(%none : tensor<1x2x?xf32>) {queries = 16 : i64} -> tensor<1x2x?xf32>
  %s_i32 = arith.index_cast %s : index to i32
  %lens = tensor.from_elements %s_i32 : tensor<1xi32>
  %kept_init = tensor.empty() : tensor<1x2x64xi32>
  %count_init = tensor.empty() : tensor<1x2xi32>
  %kept, %counts = attn.kv_evict scores(%scores : tensor<1x2x?xf32>) kv_lens(%lens : tensor<1xi32>)
      outs(%kept_init, %count_init : tensor<1x2x64xi32>, tensor<1x2xi32>) {recent = 16 : i64, pool = 5 : i64}
      -> tensor<1x2x64xi32>, tensor<1x2xi32>
  // Each key head is a sequence of its own, on pages of one key.
  %head_lens = tensor.collapse_shape %counts [[0, 1]] : tensor<1x2xi32> into tensor<2xi32>
  %c0 = arith.constant 0 : index
  %tables = tensor.generate {
  ^bb0(%head: index, %n: index):
    %key = tensor.extract %kept[%c0, %head, %n] : tensor<1x2x64xi32>
    %head_i32 = arith.index_cast %head : index to i32
    %first = arith.muli %head_i32, %s_i32 : i32
    %page = arith.addi %first, %key : i32
    tensor.yield %page : i32
  } : tensor<2x64xi32>
  %k_rows = tensor.collapse_shape %k [[0, 1, 2], [3]] : tensor<1x2x?x64xf32> into tensor<?x64xf32>
  %v_rows = tensor.collapse_shape %v [[0, 1, 2], [3]] : tensor<1x2x?x64xf32> into tensor<?x64xf32>
  %keys = tensor.dim %k_rows, %c0 : tensor<?x64xf32>
  %k_pages = tensor.expand_shape %k_rows [[0, 1, 2], [3]] output_shape [%keys, 1, 1, 64] : tensor<?x64xf32> into tensor<?x1x1x64xf32>
  %v_pages = tensor.expand_shape %v_rows [[0, 1, 2], [3]] output_shape [%keys, 1, 1, 64] : tensor<?x64xf32> into tensor<?x1x1x64xf32>
  %next_init = tensor.empty() : tensor<2x2x1x64xf32>
  %next_o = attn.attention ins(%next, %k_pages, %v_pages : tensor<2x2x1x64xf32>, tensor<?x1x1x64xf32>, tensor<?x1x1x64xf32>)
      kv_lens(%head_lens : tensor<2xi32>) pages(%tables : tensor<2x64xi32>)
      outs(%next_init : tensor<2x2x1x64xf32>) -> tensor<2x2x1x64xf32>
  return %o, %next_o : tensor<1x4x?x64xf32>, tensor<2x2x1x64xf32>
}
