// One new token of each sequence on a cache of int8, with a scale for each token and head:
// keys and values become codes, which go to their slots, and their scales to the same ones
// of pools of their own. Attention decodes a tile of codes where it reads it.
//
// RUN: attn-run %s --set b=3,pages=96,columns=32 --random 1 --check
func.func @step(
    %q: tensor<?x8x1x128xbf16> {attn.dims = ["b", "hq", "one", "d"]},
    %k: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %v: tensor<?x2x128xbf16> {attn.dims = ["b", "hkv", "d"]},
    %slots: tensor<?xi32> {attn.dims = ["b"]},
    %tables: tensor<?x?xi32> {attn.dims = ["b", "columns"]},
    %lens: tensor<?xi32> {attn.dims = ["b"]},
    %k_pages: tensor<?x2x16x128xi8> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated},
    %v_pages: tensor<?x2x16x128xi8> {attn.dims = ["pages", "hkv", "slots", "d"], attn.donated},
    %k_scales: tensor<?x2x16x1xf32> {attn.dims = ["pages", "hkv", "slots", "one"], attn.donated},
    %v_scales: tensor<?x2x16x1xf32> {attn.dims = ["pages", "hkv", "slots", "one"], attn.donated})
    -> (tensor<?x8x1x128xbf16> {attn.name = "o"}, tensor<?x2x16x128xi8> {attn.name = "k_next"},
        tensor<?x2x16x128xi8> {attn.name = "v_next"}, tensor<?x2x16x1xf32> {attn.name = "k_scales_next"},
        tensor<?x2x16x1xf32> {attn.name = "v_scales_next"}) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %q, %c0 : tensor<?x8x1x128xbf16>
  %pages = tensor.dim %k_pages, %c0 : tensor<?x2x16x128xi8>
  %codes = tensor.empty(%b) : tensor<?x2x128xi8>
  %scales = tensor.empty(%b) : tensor<?x2x1xf32>
  %k_codes, %k_scale = attn.kv_quantize ins(%k : tensor<?x2x128xbf16>) at affine_map<(t, h, d) -> (t, h, 0)>
      outs(%codes, %scales : tensor<?x2x128xi8>, tensor<?x2x1xf32>) -> tensor<?x2x128xi8>, tensor<?x2x1xf32>
  %v_codes, %v_scale = attn.kv_quantize ins(%v : tensor<?x2x128xbf16>) at affine_map<(t, h, d) -> (t, h, 0)>
      outs(%codes, %scales : tensor<?x2x128xi8>, tensor<?x2x1xf32>) -> tensor<?x2x128xi8>, tensor<?x2x1xf32>
  %kc, %vc = attn.kv_append ins(%k_codes, %v_codes : tensor<?x2x128xi8>, tensor<?x2x128xi8>) slots(%slots : tensor<?xi32>)
      outs(%k_pages, %v_pages : tensor<?x2x16x128xi8>, tensor<?x2x16x128xi8>)
      -> tensor<?x2x16x128xi8>, tensor<?x2x16x128xi8>
  %ks, %vs = attn.kv_append ins(%k_scale, %v_scale : tensor<?x2x1xf32>, tensor<?x2x1xf32>) slots(%slots : tensor<?xi32>)
      outs(%k_scales, %v_scales : tensor<?x2x16x1xf32>, tensor<?x2x16x1xf32>)
      -> tensor<?x2x16x1xf32>, tensor<?x2x16x1xf32>
  %whole = tensor.empty(%pages) : tensor<?x2x16x128xbf16>
  %kd = attn.kv_dequantize ins(%kc : tensor<?x2x16x128xi8>) scale(%ks : tensor<?x2x16x1xf32>)
      at affine_map<(p, h, n, d) -> (p, h, n, 0)> outs(%whole : tensor<?x2x16x128xbf16>) -> tensor<?x2x16x128xbf16>
  %vd = attn.kv_dequantize ins(%vc : tensor<?x2x16x128xi8>) scale(%vs : tensor<?x2x16x1xf32>)
      at affine_map<(p, h, n, d) -> (p, h, n, 0)> outs(%whole : tensor<?x2x16x128xbf16>) -> tensor<?x2x16x128xbf16>
  %init = tensor.empty(%b) : tensor<?x8x1x128xbf16>
  %o = attn.attention ins(%q, %kd, %vd : tensor<?x8x1x128xbf16>, tensor<?x2x16x128xbf16>, tensor<?x2x16x128xbf16>)
      kv_lens(%lens : tensor<?xi32>) pages(%tables : tensor<?x?xi32>)
      outs(%init : tensor<?x8x1x128xbf16>) mask(#attn.causal) -> tensor<?x8x1x128xbf16>
  return %o, %kc, %vc, %ks, %vs : tensor<?x8x1x128xbf16>, tensor<?x2x16x128xi8>, tensor<?x2x16x128xi8>,
      tensor<?x2x16x1xf32>, tensor<?x2x16x1xf32>
}
