func.func @retnet(%q: tensor<?x?x16x64xbf16>, %k: tensor<?x?x16x64xbf16>, %v: tensor<?x?x16x128xbf16>, %g: tensor<16xf32>) -> (tensor<?x?x16x128xbf16>, tensor<?x16x64x128xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %b = tensor.dim %v, %c0 : tensor<?x?x16x128xbf16>
  %s = tensor.dim %v, %c1 : tensor<?x?x16x128xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x?x16x128xbf16>
  %e = tensor.empty(%b) : tensor<?x16x64x128xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%e : tensor<?x16x64x128xf32>) -> tensor<?x16x64x128xf32>
  %r, %s1 = attn.linear_attention ins(%q, %k, %v : tensor<?x?x16x64xbf16>, tensor<?x?x16x64xbf16>, tensor<?x?x16x128xbf16>) layout(bshd)
     decay(%g : tensor<16xf32>) outs(%o, %s0 : tensor<?x?x16x128xbf16>, tensor<?x16x64x128xf32>) -> tensor<?x?x16x128xbf16>, tensor<?x16x64x128xf32>
  return %r, %s1 : tensor<?x?x16x128xbf16>, tensor<?x16x64x128xf32>
}
