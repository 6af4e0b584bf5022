// A prefix that all sequences share is attended once: their queries are the rows of one
// sequence on it. What each has of its own is in pages; the two parts are merged.
//
// RUN: attn-run %s --set prefix=200,pages=9,columns=3 --random 1 --check
func.func @step(
    %q: tensor<3x1x8x64xf32> {attn.dims = ["b", "one", "hq", "d"]},
    %k: tensor<1x?x2x64xf32> {attn.dims = ["one", "prefix", "hkv", "d"]},
    %v: tensor<1x?x2x64xf32> {attn.dims = ["one", "prefix", "hkv", "d"]},
    %k_pages: tensor<?x2x16x64xf32> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %v_pages: tensor<?x2x16x64xf32> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %tables: tensor<3x?xi32> {attn.dims = ["b", "columns"]},
    %lens: tensor<3xi32> {attn.dims = ["b"]})
    -> (tensor<3x8x64xf32> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %rows = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<3x1x8x64xf32> into tensor<3x8x64xf32>
  %all = tensor.expand_shape %rows [[0, 1], [2], [3]] output_shape [1, 3, 8, 64] : tensor<3x8x64xf32> into tensor<1x3x8x64xf32>
  %prefix_init = tensor.empty() : tensor<1x3x8x64xf32>
  %prefix_lse_init = tensor.empty() : tensor<1x8x3xf32>
  %prefix_o, %prefix_lse = attn.attention ins(%all, %k, %v : tensor<1x3x8x64xf32>, tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>)
      layout(bshd) outs(%prefix_init, %prefix_lse_init : tensor<1x3x8x64xf32>, tensor<1x8x3xf32>)
      -> tensor<1x3x8x64xf32>, tensor<1x8x3xf32>
  %own_init = tensor.empty() : tensor<3x1x8x64xf32>
  %own_lse_init = tensor.empty() : tensor<3x8x1xf32>
  %own_o, %own_lse = attn.attention ins(%q, %k_pages, %v_pages : tensor<3x1x8x64xf32>, tensor<?x2x16x64xf32>, tensor<?x2x16x64xf32>)
      layout(bshd) kv_lens(%lens : tensor<3xi32>) pages(%tables : tensor<3x?xi32>)
      outs(%own_init, %own_lse_init : tensor<3x1x8x64xf32>, tensor<3x8x1xf32>)
      -> tensor<3x1x8x64xf32>, tensor<3x8x1xf32>
  %parts = tensor.generate {
  ^bb0(%part: index, %b: index, %h: index, %d: index):
    %x = tensor.extract %prefix_o[%c0, %b, %h, %d] : tensor<1x3x8x64xf32>
    %y = tensor.extract %own_o[%b, %c0, %h, %d] : tensor<3x1x8x64xf32>
    %is_prefix = arith.cmpi eq, %part, %c0 : index
    %z = arith.select %is_prefix, %x, %y : f32
    tensor.yield %z : f32
  } : tensor<2x3x8x64xf32>
  %lses = tensor.generate {
  ^bb0(%part: index, %b: index, %h: index):
    %x = tensor.extract %prefix_lse[%c0, %h, %b] : tensor<1x8x3xf32>
    %y = tensor.extract %own_lse[%b, %h, %c0] : tensor<3x8x1xf32>
    %is_prefix = arith.cmpi eq, %part, %c0 : index
    %z = arith.select %is_prefix, %x, %y : f32
    tensor.yield %z : f32
  } : tensor<2x3x8xf32>
  %init = tensor.empty() : tensor<3x8x64xf32>
  %o = attn.merge_states ins(%parts, %lses : tensor<2x3x8x64xf32>, tensor<2x3x8xf32>) outs(%init : tensor<3x8x64xf32>) -> tensor<3x8x64xf32>
  return %o : tensor<3x8x64xf32>
}
