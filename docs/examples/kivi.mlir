// A cache of four bits as KIVI has it: keys share a scale and a zero a channel and group of
// 32 tokens, values one a token and group of 32 channels. Codes are made here, so that the
// values are those of a real cache.
//
// RUN: attn-run %s --set n=70,s=256 --random 1 --check
func.func @layer(
    %q: tensor<1x4x?x64xf32> {attn.dims = ["b", "hq", "n", "d"]},
    %k: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]},
    %v: tensor<1x2x?x64xf32> {attn.dims = ["b", "hkv", "s", "d"]})
    -> (tensor<1x4x?x64xf32> {attn.name = "o"}, tensor<1x2x?x32xi8> {attn.name = "k_codes"},
        tensor<1x2x?x32xi8> {attn.name = "v_codes"}) {
  %c2 = arith.constant 2 : index
  %n = tensor.dim %q, %c2 : tensor<1x4x?x64xf32>
  %s = tensor.dim %k, %c2 : tensor<1x2x?x64xf32>
  %c32 = arith.constant 32 : index
  %groups = arith.ceildivui %s, %c32 : index
  %codes = tensor.empty(%s) : tensor<1x2x?x32xi8>
  %k_stats = tensor.empty(%groups) : tensor<1x2x?x64xf32>
  %v_stats = tensor.empty(%s) : tensor<1x2x?x2xf32>
  %kc, %ks, %kz = attn.kv_quantize ins(%k : tensor<1x2x?x64xf32>) packed(int4)
      at affine_map<(b, h, n, d) -> (b, h, n floordiv 32, d)>
      outs(%codes, %k_stats, %k_stats : tensor<1x2x?x32xi8>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      -> tensor<1x2x?x32xi8>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>
  %vc, %vs, %vz = attn.kv_quantize ins(%v : tensor<1x2x?x64xf32>) packed(int4)
      at affine_map<(b, h, n, d) -> (b, h, n, d floordiv 32)>
      outs(%codes, %v_stats, %v_stats : tensor<1x2x?x32xi8>, tensor<1x2x?x2xf32>, tensor<1x2x?x2xf32>)
      -> tensor<1x2x?x32xi8>, tensor<1x2x?x2xf32>, tensor<1x2x?x2xf32>
  %whole = tensor.empty(%s) : tensor<1x2x?x64xf32>
  %kd = attn.kv_dequantize ins(%kc : tensor<1x2x?x32xi8>) packed(int4) scale(%ks : tensor<1x2x?x64xf32>)
      zero(%kz : tensor<1x2x?x64xf32>) at affine_map<(b, h, n, d) -> (b, h, n floordiv 32, d)>
      outs(%whole : tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32>
  %vd = attn.kv_dequantize ins(%vc : tensor<1x2x?x32xi8>) packed(int4) scale(%vs : tensor<1x2x?x2xf32>)
      zero(%vz : tensor<1x2x?x2xf32>) at affine_map<(b, h, n, d) -> (b, h, n, d floordiv 32)>
      outs(%whole : tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32>
  %init = tensor.empty(%n) : tensor<1x4x?x64xf32>
  %o = attn.attention ins(%q, %kd, %vd : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      outs(%init : tensor<1x4x?x64xf32>) mask(#attn.causal) -> tensor<1x4x?x64xf32>
  return %o, %kc, %vc : tensor<1x4x?x64xf32>, tensor<1x2x?x32xi8>, tensor<1x2x?x32xi8>
}
