// A generation loop on a paged cache: 20 calls, each of which appends the token at `at` of
// all sequences, reads the cache through the block tables, and gives the next place.
//
// RUN: attn-run %s --set b=3,pages=96,columns=32,at=10 --random 1 --repeat 20 --carry k_next=k_pages,v_next=v_pages,next=at --check
func.func @token(
    %q: tensor<?x8x1x128xbf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %v: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]},
    %at: index,
    %k_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated},
    %v_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated})
    -> (tensor<?x8x1x128xbf16> {attn.name = "o"}, tensor<?x2x16x128xbf16> {attn.name = "k_next"},
        tensor<?x2x16x128xbf16> {attn.name = "v_next"}, index {attn.name = "next"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x1x128xbf16>
  %empty = tensor.empty(%b) : tensor<?x2x128xbf16>
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : i32
  %next = arith.addi %at, %c1 : index
  %at_i32 = arith.index_cast %at : index to i32
  %next_i32 = arith.index_cast %next : index to i32
  %lens = tensor.generate %b {
  ^bb0(%n: index):
    tensor.yield %next_i32 : i32
  } : tensor<?xi32>
  %positions = tensor.generate %b {
  ^bb0(%row: index, %n: index):
    tensor.yield %at_i32 : i32
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
  return %o, %kc, %vc, %next : tensor<?x8x1x128xbf16>, tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>, index
}
