// Values of 512 columns with scales of 128 of them: a block for each 256 columns has its own
// groups. Keys have a scale each; 4 query heads a key head are columns of the products.
// SIZES: --set b=2,s=300
// SIZES: --set b=1,s=1500
func.func @f(%q: tensor<?x8x1x64xf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x2x?x64xf16> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<?x2x?x512xf16> {attn.dims = ["b", "hkv", "s", "e"]})
    -> (tensor<?x8x1x512xf16> {attn.name = "o"}, tensor<?x2x?x512xi8> {attn.name = "codes"}) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x1x64xf16>
  %s = tensor.dim %k, %c2 : tensor<?x2x?x64xf16>
  %ki = tensor.empty(%b, %s) : tensor<?x2x?x64xi8>
  %si = tensor.empty(%b, %s) : tensor<?x2x?xf32>
  %kc, %ks = attn.kv_quantize ins(%k : tensor<?x2x?x64xf16>) at affine_map<(b, h, n, d) -> (b, h, n)>
      outs(%ki, %si : tensor<?x2x?x64xi8>, tensor<?x2x?xf32>) -> tensor<?x2x?x64xi8>, tensor<?x2x?xf32>
  %vi = tensor.empty(%b, %s) : tensor<?x2x?x512xi8>
  %vsi = tensor.empty(%b, %s) : tensor<?x2x?x4xf32>
  %vc, %vs = attn.kv_quantize ins(%v : tensor<?x2x?x512xf16>) at affine_map<(b, h, n, d) -> (b, h, n, d floordiv 128)>
      outs(%vi, %vsi : tensor<?x2x?x512xi8>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x512xi8>, tensor<?x2x?x4xf32>
  %ko = tensor.empty(%b, %s) : tensor<?x2x?x64xf16>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x2x?x64xi8>) scale(%ks : tensor<?x2x?xf32>)
      at affine_map<(b, h, n, d) -> (b, h, n)> outs(%ko : tensor<?x2x?x64xf16>) -> tensor<?x2x?x64xf16>
  %vo = tensor.empty(%b, %s) : tensor<?x2x?x512xf16>
  %vd = attn.kv_dequantize ins(%vc : tensor<?x2x?x512xi8>) scale(%vs : tensor<?x2x?x4xf32>)
      at affine_map<(b, h, n, d) -> (b, h, n, d floordiv 128)> outs(%vo : tensor<?x2x?x512xf16>) -> tensor<?x2x?x512xf16>
  %init = tensor.empty(%b) : tensor<?x8x1x512xf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<?x8x1x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x512xf16>)
      outs(%init : tensor<?x8x1x512xf16>) -> tensor<?x8x1x512xf16>
  return %o, %vc : tensor<?x8x1x512xf16>, tensor<?x2x?x512xi8>
}
