// RUN: not attn-run %s --target sm_90 --emit=ptx 2>&1 | FileCheck %s

// CHECK: whose groups of elements are no multiples of 16 bytes, or do not divide a row has no lowering for GPUs
func.func @f(%q: tensor<1x32x1x128xbf16>, %k: tensor<1x8x?x128xi8>, %s: tensor<1x8x?x16xf32>,
             %whole: tensor<1x8x?x128xbf16>) -> tensor<1x32x1x128xbf16> {
  %kd = attn.kv_dequantize ins(%k : tensor<1x8x?x128xi8>) scale(%s : tensor<1x8x?x16xf32>)
      at affine_map<(b, h, n, d) -> (b, h, n, d floordiv 8)>
      outs(%whole : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
  %i = tensor.empty() : tensor<1x32x1x128xbf16>
  %o = attn.attention ins(%q, %kd, %kd : tensor<1x32x1x128xbf16>, tensor<1x8x?x128xbf16>, tensor<1x8x?x128xbf16>)
      outs(%i : tensor<1x32x1x128xbf16>) -> tensor<1x32x1x128xbf16>
  return %o : tensor<1x32x1x128xbf16>
}
