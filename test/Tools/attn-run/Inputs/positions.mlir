// cos and sin of rotary positions and of the sinusoidal table, at positions of a million.
func.func @tables() -> (tensor<9x64xf32> {attn.name = "rope"}, tensor<9x64xf32> {attn.name = "sinusoidal"},
                        tensor<12xf32> {attn.name = "slopes"}) {
  %from = arith.constant 1000000 : index
  %x = arith.constant dense<1.0> : tensor<1x1x9x64xf32>
  %e4 = tensor.empty() : tensor<1x1x9x64xf32>
  %r = attn.rope ins(%x : tensor<1x1x9x64xf32>) offset(%from) outs(%e4 : tensor<1x1x9x64xf32>) -> tensor<1x1x9x64xf32>
  %rope = tensor.collapse_shape %r [[0, 1, 2], [3]] : tensor<1x1x9x64xf32> into tensor<9x64xf32>
  %e = tensor.empty() : tensor<9x64xf32>
  %t = attn.sinusoidal offset(%from) outs(%e : tensor<9x64xf32>) -> tensor<9x64xf32>
  %s = attn.alibi_slopes : tensor<12xf32>
  return %rope, %t, %s : tensor<9x64xf32>, tensor<9x64xf32>, tensor<12xf32>
}

// Rotary positions that attention turns as it reads.
func.func @given(%q: tensor<2x3x?x40xf32> {attn.dims = ["b", "h", "s", "d"]}, %k: tensor<2x1x?x40xf32> {attn.dims = ["b", "hk", "s", "d"]},
                 %p: tensor<2x?xi32> {attn.dims = ["b", "s"]}) -> (tensor<2x3x?x40xf32> {attn.name = "o"}) {
  %c2 = arith.constant 2 : index
  %s = tensor.dim %q, %c2 : tensor<2x3x?x40xf32>
  %eq = tensor.empty(%s) : tensor<2x3x?x40xf32>
  %ek = tensor.empty(%s) : tensor<2x1x?x40xf32>
  %qr = attn.rope ins(%q : tensor<2x3x?x40xf32>) pairs(interleaved) positions(%p : tensor<2x?xi32>) outs(%eq : tensor<2x3x?x40xf32>)
    {rotary = 38 : i64, scaling = #attn.rope_yarn<4.0, 64>} -> tensor<2x3x?x40xf32>
  %kr = attn.rope ins(%k : tensor<2x1x?x40xf32>) pairs(interleaved) positions(%p : tensor<2x?xi32>) outs(%ek : tensor<2x1x?x40xf32>)
    {rotary = 38 : i64, scaling = #attn.rope_yarn<4.0, 64>} -> tensor<2x1x?x40xf32>
  %o = attn.attention ins(%qr, %kr, %k : tensor<2x3x?x40xf32>, tensor<2x1x?x40xf32>, tensor<2x1x?x40xf32>)
    outs(%eq : tensor<2x3x?x40xf32>) mask(#attn.causal) -> tensor<2x3x?x40xf32>
  return %o : tensor<2x3x?x40xf32>
}

// Few rows, positions from an offset; tables; heads behind tokens.
func.func @decode(%q: tensor<1x1x4x64xbf16>, %k: tensor<1x?x2x64xbf16> {attn.dims = ["b", "s", "h", "d"]}, %at: index,
                  %cos: tensor<4096x32xf32>, %sin: tensor<4096x32xf32>) -> (tensor<1x1x4x64xbf16> {attn.name = "o"}) {
  %c1 = arith.constant 1 : index
  %s = tensor.dim %k, %c1 : tensor<1x?x2x64xbf16>
  %eq = tensor.empty() : tensor<1x1x4x64xbf16>
  %ek = tensor.empty(%s) : tensor<1x?x2x64xbf16>
  %qr = attn.rope ins(%q : tensor<1x1x4x64xbf16>) layout(bshd) offset(%at) tables(%cos, %sin : tensor<4096x32xf32>, tensor<4096x32xf32>)
    outs(%eq : tensor<1x1x4x64xbf16>) -> tensor<1x1x4x64xbf16>
  %kr = attn.rope ins(%k : tensor<1x?x2x64xbf16>) layout(bshd) tables(%cos, %sin : tensor<4096x32xf32>, tensor<4096x32xf32>)
    outs(%ek : tensor<1x?x2x64xbf16>) -> tensor<1x?x2x64xbf16>
  %o = attn.attention ins(%qr, %kr, %k : tensor<1x1x4x64xbf16>, tensor<1x?x2x64xbf16>, tensor<1x?x2x64xbf16>) layout(bshd)
    outs(%eq : tensor<1x1x4x64xbf16>) -> tensor<1x1x4x64xbf16>
  return %o : tensor<1x1x4x64xbf16>
}

// Sequences one after the other, and residue classes.
func.func @ragged(%x: tensor<300x2x32xf32>, %y: tensor<300x2x32xf32>, %p: tensor<1x300xi32>,
                  %cu: tensor<?xi32> {attn.dims = ["ends"]}) -> (tensor<300x2x32xf32> {attn.name = "o"}) {
  %e = tensor.empty() : tensor<300x2x32xf32>
  %q = attn.rope ins(%x : tensor<300x2x32xf32>) layout(thd) positions(%p : tensor<1x300xi32>) outs(%e : tensor<300x2x32xf32>) -> tensor<300x2x32xf32>
  %k = attn.rope ins(%y : tensor<300x2x32xf32>) layout(thd) positions(%p : tensor<1x300xi32>) outs(%e : tensor<300x2x32xf32>) -> tensor<300x2x32xf32>
  %o = attn.attention ins(%q, %k, %x : tensor<300x2x32xf32>, tensor<300x2x32xf32>, tensor<300x2x32xf32>) layout(thd)
    cu_seqlens(%cu, %cu : tensor<?xi32>, tensor<?xi32>) outs(%e : tensor<300x2x32xf32>) mask(#attn.causal) -> tensor<300x2x32xf32>
  return %o : tensor<300x2x32xf32>
}

func.func @classes(%x: tensor<1x2x300x32xf32>, %y: tensor<1x2x300x32xf32>) -> (tensor<1x2x300x32xf32> {attn.name = "o"}) {
  %e = tensor.empty() : tensor<1x2x300x32xf32>
  %q = attn.rope ins(%x : tensor<1x2x300x32xf32>) outs(%e : tensor<1x2x300x32xf32>) -> tensor<1x2x300x32xf32>
  %k = attn.rope ins(%y : tensor<1x2x300x32xf32>) outs(%e : tensor<1x2x300x32xf32>) -> tensor<1x2x300x32xf32>
  %o = attn.attention ins(%q, %k, %x : tensor<1x2x300x32xf32>, tensor<1x2x300x32xf32>, tensor<1x2x300x32xf32>)
    outs(%e : tensor<1x2x300x32xf32>) mask(#attn.and<#attn.dilated<3>, #attn.causal>) -> tensor<1x2x300x32xf32>
  return %o : tensor<1x2x300x32xf32>
}
