// Pages named by one list for all sequences (compressed rows) instead of block tables: the
// pages of sequence n are entries starts[n] to starts[n + 1]. Here all pages are full.
//
// RUN: attn-run %s --set pages=9 --random 1 --check
func.func @step(
    %q: tensor<3x8x1x128xbf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %v_pages: tensor<?x2x16x128xbf16> {attn.dims = ["pages", "hkv", "slots", "d"]})
    -> (tensor<3x8x1x128xbf16> {attn.name = "o"}) {
  %list = arith.constant dense<[7, 2, 0, 5, 8, 1, 3]> : tensor<7xi32>
  %starts = arith.constant dense<[0, 2, 2, 7]> : tensor<4xi32>
  %tables = attn.page_tables ins(%list : tensor<7xi32>) starts(%starts : tensor<4xi32>) -> tensor<3x?xi32>
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : i32
  %lens = tensor.generate {
  ^bb0(%n: index):
    %next = arith.addi %n, %c1 : index
    %first = tensor.extract %starts[%n] : tensor<4xi32>
    %end = tensor.extract %starts[%next] : tensor<4xi32>
    %count = arith.subi %end, %first : i32
    %keys = arith.muli %count, %c16 : i32
    tensor.yield %keys : i32
  } : tensor<3xi32>
  %init = tensor.empty() : tensor<3x8x1x128xbf16>
  %o = attn.attention ins(%q, %k_pages, %v_pages : tensor<3x8x1x128xbf16>, tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>)
      kv_lens(%lens : tensor<3xi32>) pages(%tables : tensor<3x?xi32>)
      outs(%init : tensor<3x8x1x128xbf16>) mask(#attn.causal) -> tensor<3x8x1x128xbf16>
  return %o : tensor<3x8x1x128xbf16>
}
