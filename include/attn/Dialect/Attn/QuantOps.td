//===- QuantOps.td - codes of few bits and their scales ---------------------===//
#ifndef ATTN_DIALECT_ATTN_QUANTOPS_TD
#define ATTN_DIALECT_ATTN_QUANTOPS_TD

include "attn/Dialect/Attn/PositionOps.td"

def Attn_Packing : I32EnumAttr<"Packing", "how codes lie in bytes", [
    I32EnumAttrCase<"Plain", 0, "plain">,
    I32EnumAttrCase<"Int4", 1, "int4">,
    I32EnumAttrCase<"Q8_0", 2, "q8_0">,
    I32EnumAttrCase<"Q4_0", 3, "q4_0">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_PackingAttr : EnumAttr<Attn_Dialect, Attn_Packing, "packing">;

class Attn_CacheOp<string name, list<Trait> traits = []> : Attn_Op<name, !listconcat(traits, [
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])> {
  code cacheDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getOperand(0).getType()); }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_KVDequantizeOp : Attn_CacheOp<"kv_dequantize", [AttrSizedOperandSegments]> {
  let summary = "elements from codes of few bits and their scales";
  let description = [{
    ```
    out[i] = code(codes, i) * scale[map(i)] + zero[map(i)]
    ```
    `map` sends the point `i` of an element to its scale, which gives scales of any
    grain: `(p, h, n, d) -> ()` for a tensor, `-> (h)` for a head, `-> (p, h, n)` for
    a token and head, `-> (p, h, n, d floordiv 32)` for groups of channels, `-> (p, h, n
    floordiv 32, d)` for a channel in groups of tokens (keys of KIVI). Its symbols, the
    values in brackets, are what tiling adds. Indices must lie in `scale`.

    | `packed` | element type | bytes of a row of D | code |
    |----------|--------------|---------------------|------|
    | (`plain`) | `f8E4M3FN`, `f8E5M2` | D | the number |
    | (`plain`) | `i8` | D | -128 to 127; with `zero` 0 to 255 |
    | `int4` | `i8` | D / 2 | element 2j in the low half of byte j; -8 to 7, with `zero` 0 to 15 |
    | `q8_0` | `i8` | D / 32 * 34 | of 32: an f16 scale, 32 codes of 8 bits |
    | `q4_0` | `i8` | D / 32 * 18 | of 32: an f16 scale, 16 bytes: j in the low, j + 16 in the high half; minus 8 |

    In front of `attn.attention` nothing of it is ever in memory as a whole: a tile of
    keys or values is decoded where it is read.

    Constraints:
    * `kv_dequantize_c1`: `codes` has the shape of `out` with rows as in the table,
      and the element type of its packing.
    * `kv_dequantize_c2`: `map` has a dimension for each of `out`, a symbol for each
      value in brackets and a result for each dimension of `scale`; `zero` has the
      shape of `scale`.
    * `kv_dequantize_c3`: `scale` is given but for `q8_0` and `q4_0`, which have
      their own, and `zero` for integers alone.
    * `kv_dequantize_c4`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %k = attn.kv_dequantize ins(%codes : tensor<4x8x?x128xi8>) scale(%s : tensor<4x8x?xf32>)
           at affine_map<(b, h, n, d) -> (b, h, n)> outs(%init : tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_Codes:$codes, Optional<Attn_Scales>:$scale, Optional<Attn_Scales>:$zero,
    Variadic<Index>:$map_symbols, Attn_AnyFloats:$out,
    OptionalAttr<AffineMapAttr>:$map,
    DefaultValuedAttr<Attn_PackingAttr, "::attn::Packing::Plain">:$packing);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $codes `:` type($codes) `)` (`packed` `(` custom<Packing>($packing)^ `)`)?
    (`scale` `(` $scale^ `:` type($scale) `)`)? (`zero` `(` $zero^ `:` type($zero) `)`)?
    (`at` $map^)? (`[` $map_symbols^ `]`)?
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = cacheDeclaration;
}

def Attn_KVQuantizeOp : Attn_CacheOp<"kv_quantize", [AttrSizedOperandSegments]> {
  let summary = "codes of few bits for elements, and their scales";
  let description = [{
    ```
    scale[s] = max(max |x[i]| / Q, 1e-6)               over the i with map(i) = s
    code[i]  = round(clamp(x[i] / scale[map(i)], -Q, Q))
    ```
    With `zero` among the results, codes start at the least element:
    ```
    zero[s]  = min x[i],  scale[s] = max((max x[i] - zero[s]) / (2^bits - 1), 1e-6)
    code[i]  = round(clamp((x[i] - zero[map(i)]) / scale[map(i)], 0, 2^bits - 1))
    ```
    Q is 448 for `f8E4M3FN`, 57344 for `f8E5M2`, 127 for 8 bits and 7 for `int4`. All of
    it is f32 arithmetic; rounding is to nearest, ties to even. Codes are those that
    `attn.kv_dequantize` reads with the same `map`, but for `q8_0` and `q4_0`, which
    are only read. With `scale` (and `zero`) among the operands, these are used.

    | operand | shape |
    |---------|-------|
    | `x` | sizes... x D |
    | `codes` | sizes... x bytes of a row |
    | `scale`, `zero` | the results of `map` |

    Constraints:
    * `kv_quantize_c1`: `codes` has the shape of `x` with rows as in
      `attn.kv_dequantize`, and the element type of its packing.
    * `kv_quantize_c2`: `map` has a dimension for each of `x`, no symbols, and a
      result for each dimension of `scale`; `zero` has the shape of `scale`.
    * `kv_quantize_c3`: destinations are the codes, and the f32 scale (and zero)
      where they are no operands; `zero` is for integers alone; rows of `int4` are
      of even size.
    * `kv_quantize_c4`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %c, %s = attn.kv_quantize ins(%k : tensor<?x8x128xbf16>) at affine_map<(t, h, d) -> (t, h)>
               outs(%ci, %si : tensor<?x8x128xi8>, tensor<?x8xf32>) -> tensor<?x8x128xi8>, tensor<?x8xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$x, Optional<Attn_Scales>:$scale, Optional<Attn_Scales>:$zero,
    Variadic<AnyShaped>:$outs, AffineMapAttr:$map,
    DefaultValuedAttr<Attn_PackingAttr, "::attn::Packing::Plain">:$packing);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` (`packed` `(` custom<Packing>($packing)^ `)`)?
    (`scale` `(` $scale^ `:` type($scale) `)`)? (`zero` `(` $zero^ `:` type($zero) `)`)?
    `at` $map `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = cacheDeclaration # [{
    ::mlir::Value getCodes() { return getOuts()[0]; }
    /// Whether scales are made, and not given.
    bool makesScales() { return !getScale(); }
    /// The scale and the zero of the codes, given or made; zero may be null.
    ::mlir::Value getScaleBuffer() { return getScale() ? getScale() : getOuts()[1]; }
    ::mlir::Value getZeroBuffer() {
      if (getScale()) { return getZero(); }
      return getOuts().size() > 2 ? getOuts()[2] : ::mlir::Value();
    }
  }];
}

#endif // ATTN_DIALECT_ATTN_QUANTOPS_TD
