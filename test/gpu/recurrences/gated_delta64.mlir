func.func @gated_delta64(%q: tensor<?x16x?x64xbf16>, %k: tensor<?x16x?x64xbf16>, %v: tensor<?x16x?x64xbf16>, %g: tensor<?x16x?xf32>, %beta: tensor<?x16x?xf32>, %s0: tensor<?x16x64x64xf32>) -> (tensor<?x16x?x64xbf16>, tensor<?x16x64x64xf32>) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %v, %c0 : tensor<?x16x?x64xbf16>
  %s = tensor.dim %v, %c2 : tensor<?x16x?x64xbf16>
  %o = tensor.empty(%b, %s) : tensor<?x16x?x64xbf16>
  %r, %s1 = attn.linear_attention ins(%q, %k, %v : tensor<?x16x?x64xbf16>, tensor<?x16x?x64xbf16>, tensor<?x16x?x64xbf16>)
     decay(%g : tensor<?x16x?xf32>) beta(%beta : tensor<?x16x?xf32>) outs(%o, %s0 : tensor<?x16x?x64xbf16>, tensor<?x16x64x64xf32>) {scale = 0.125 : f64} -> tensor<?x16x?x64xbf16>, tensor<?x16x64x64xf32>
  return %r, %s1 : tensor<?x16x?x64xbf16>, tensor<?x16x64x64xf32>
}
