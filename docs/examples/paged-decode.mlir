// One new token of each sequence: its key turns by its position and goes to its slot of
// the cache, then its query reads all keys of its sequence through the block table.
//
// RUN: attn-run %s --set b=3,pages=96,columns=32 --random 1 --check
//
// The new token is the last one of `lens`, which gives its position, and with the table
// its slot.
//
// `attn.donated` lets the function update the cache in place.
func.func @step(
    %q: tensor<?x8x1x128xbf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %v: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]},
    %k_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated},
    %v_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated})
    -> (tensor<?x8x1x128xbf16> {attn.name = "o"}, tensor<?x2x16x128xbf16> {attn.name = "k_next"},
        tensor<?x2x16x128xbf16> {attn.name = "v_next"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x1x128xbf16>
  %empty = tensor.empty(%b) : tensor<?x2x128xbf16>
  %c1 = arith.constant 1 : i32
  %c16 = arith.constant 16 : i32
  %positions = tensor.generate %b {
  ^bb0(%row: index, %n: index):
    %len = tensor.extract %lens[%n] : tensor<?xi32>
    %position = arith.subi %len, %c1 : i32
    tensor.yield %position : i32
  } : tensor<1x?xi32>
  %slots = tensor.generate %b {
  ^bb0(%n: index):
    %position = tensor.extract %positions[%c0, %n] : tensor<1x?xi32>
    %number = arith.divui %position, %c16 : i32
    %slot = arith.remui %position, %c16 : i32
    %column = arith.index_cast %number : i32 to index
    %page = tensor.extract %tables[%n, %column] : tensor<?x?xi32>
    %start = arith.muli %page, %c16 : i32
    %number_of_slot = arith.addi %start, %slot : i32
    tensor.yield %number_of_slot : i32
  } : tensor<?xi32>
  %turned = attn.rope ins(%k : tensor<?x2x128xbf16>) layout(thd) positions(%positions : tensor<1x?xi32>)
      outs(%empty : tensor<?x2x128xbf16>) -> tensor<?x2x128xbf16>
  %kc, %vc = attn.kv_append ins(%turned, %v : tensor<?x2x128xbf16>, tensor<?x2x128xbf16>) slots(%slots : tensor<?xi32>)
      outs(%k_pages, %v_pages : tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>)
      -> tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>
  %init = tensor.empty(%b) : tensor<?x8x1x128xbf16>
  %o = attn.attention ins(%q, %kc, %vc : tensor<?x8x1x128xbf16>, tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>)
      outs(%init : tensor<?x8x1x128xbf16>) mask(#attn.causal) -> tensor<?x8x1x128xbf16>
  return %o, %kc, %vc : tensor<?x8x1x128xbf16>, tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>
}
