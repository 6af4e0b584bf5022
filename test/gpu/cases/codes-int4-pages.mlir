// Four bits with a sign on pages, as many query as key heads: keys a channel and page, values a token.
// SIZES: --set b=3,pages=30
// SIZES: --set b=2,pages=70
func.func @f(%q: tensor<?x2x1x128xf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x2x32x128xf16> {attn.dims = ["pages", "hkv", "slots", "d"]},
    %v: tensor<?x2x32x128xf16> {attn.dims = ["pages", "hkv", "slots", "d"]})
    -> (tensor<?x2x1x128xf16> {attn.name = "o"}, tensor<?x2x32x64xi8> {attn.name = "k_codes"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x2x1x128xf16>
  %p = tensor.dim %k, %c0 : tensor<?x2x32x128xf16>
  %codes = tensor.empty(%p) : tensor<?x2x32x64xi8>
  %whole = tensor.empty(%p) : tensor<?x2x32x128xf16>
  %ki = tensor.empty(%p) : tensor<?x2x128xf32>
  %kc, %ks = attn.kv_quantize ins(%k : tensor<?x2x32x128xf16>) packed(int4)
      at affine_map<(p, h, n, d) -> (p, h, d)>
      outs(%codes, %ki : tensor<?x2x32x64xi8>, tensor<?x2x128xf32>)
      -> tensor<?x2x32x64xi8>, tensor<?x2x128xf32>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x2x32x64xi8>) packed(int4) scale(%ks : tensor<?x2x128xf32>)
      at affine_map<(p, h, n, d) -> (p, h, d)> outs(%whole : tensor<?x2x32x128xf16>) -> tensor<?x2x32x128xf16>
  %vi = tensor.empty(%p) : tensor<?x2x32xf32>
  %vc, %vs = attn.kv_quantize ins(%v : tensor<?x2x32x128xf16>) packed(int4)
      at affine_map<(p, h, n, d) -> (p, h, n)>
      outs(%codes, %vi : tensor<?x2x32x64xi8>, tensor<?x2x32xf32>)
      -> tensor<?x2x32x64xi8>, tensor<?x2x32xf32>
  %vd = attn.kv_dequantize ins(%vc : tensor<?x2x32x64xi8>) packed(int4) scale(%vs : tensor<?x2x32xf32>)
      at affine_map<(p, h, n, d) -> (p, h, n)> outs(%whole : tensor<?x2x32x128xf16>) -> tensor<?x2x32x128xf16>
  %columns = arith.divui %p, %b : index
  %si = tensor.empty(%b, %columns) : tensor<?x?xi32>
  %tables = linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, c)>], iterator_types = ["parallel", "parallel"]}
      outs(%si : tensor<?x?xi32>) {
    ^bb0(%x: i32):
      %one = arith.constant 1 : index
      %row = linalg.index 0 : index
      %column = linalg.index 1 : index
      %start = arith.muli %row, %columns : index
      %number = arith.addi %start, %column : index
      %rest = arith.subi %p, %number : index
      %last = arith.subi %rest, %one : index
      %entry = arith.index_cast %last : index to i32
      linalg.yield %entry : i32
    } -> tensor<?x?xi32>
  %slots = arith.constant 32 : index
  %s = arith.muli %columns, %slots : index
  %li = tensor.empty(%b) : tensor<?xi32>
  %lens = linalg.generic {indexing_maps = [affine_map<(b) -> (b)>], iterator_types = ["parallel"]} outs(%li : tensor<?xi32>) {
    ^bb0(%x: i32):
      %less = arith.constant 37 : index
      %seq = linalg.index 0 : index
      %cut = arith.muli %seq, %less : index
      %length = arith.subi %s, %cut : index
      %narrow = arith.index_cast %length : index to i32
      linalg.yield %narrow : i32
    } -> tensor<?xi32>
  %i = tensor.empty(%b) : tensor<?x2x1x128xf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<?x2x1x128xf16>, tensor<?x2x32x128xf16>, tensor<?x2x32x128xf16>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>) outs(%i : tensor<?x2x1x128xf16>)  -> tensor<?x2x1x128xf16>
  return %o, %kc : tensor<?x2x1x128xf16>, tensor<?x2x32x64xi8>
}
