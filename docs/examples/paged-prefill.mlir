// Chunks of prompts and single tokens in one call: ragged queries, each sequence with its
// own pages of 64 tokens, a sliding window with sinks, the soft cap of Gemma.
//
// RUN: attn-run %s --set t=300,sequences=4,ends=5,pages=40,columns=10 --random 1 --check
func.func @mixed(
    %q: tensor<?x8x64xf16> {attn.dims = ["t", "hq", "d"]},
    %k_pages: tensor<?x64x2x64xf16> {attn.dims = ["pages", "slots", "hkv", "d"]},
    %v_pages: tensor<?x64x2x64xf16> {attn.dims = ["pages", "slots", "hkv", "d"]},
    %starts: tensor<?xi32> {attn.dims = ["ends"]},
    %lens: tensor<?xi32> {attn.dims = ["sequences"]},
    %tables: tensor<?x?xi32> {attn.dims = ["sequences", "columns"]})
    -> (tensor<?x8x64xf16> {attn.name = "o"}) {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<?x8x64xf16>
  %init = tensor.empty(%t) : tensor<?x8x64xf16>
  %o = attn.attention ins(%q, %k_pages, %v_pages : tensor<?x8x64xf16>, tensor<?x64x2x64xf16>, tensor<?x64x2x64xf16>)
      layout(thd) kv_lens(%lens : tensor<?xi32>) cu_seqlens(%starts : tensor<?xi32>) pages(%tables : tensor<?x?xi32>, nhd)
      outs(%init : tensor<?x8x64xf16>) mask(#attn.window<127, 0> or #attn.sink<4> and #attn.causal) score {
      ^bb0(%x: f32, %b: index, %h: index, %i: index, %j: index):
        %cap = arith.constant 30.0 : f32
        %0 = arith.divf %x, %cap : f32
        %1 = math.tanh %0 : f32
        %y = arith.mulf %1, %cap : f32
        attn.yield %y : f32
      } -> tensor<?x8x64xf16>
  return %o : tensor<?x8x64xf16>
}
