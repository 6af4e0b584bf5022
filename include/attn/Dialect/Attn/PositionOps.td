//===- PositionOps.td - positions: rotary, sinusoidal, slopes ---------------===//
#ifndef ATTN_DIALECT_ATTN_POSITIONOPS_TD
#define ATTN_DIALECT_ATTN_POSITIONOPS_TD

include "attn/Dialect/Attn/AttnBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Scalings of the frequencies
//===----------------------------------------------------------------------===//

class Attn_RopeScalingAttr<string name, string attrMnemonic> : Attn_Attr<name, attrMnemonic,
    [DeclareAttrInterfaceMethods<Attn_RopeScalingInterface>]> {
  let genVerifyDecl = 1;
}

def Attn_RopeLinearAttr : Attn_RopeScalingAttr<"RopeLinear", "rope_linear"> {
  let summary = "Position Interpolation: `f / factor`";
  let parameters = (ins "::mlir::FloatAttr":$factor);
  let assemblyFormat = "`<` custom<Number>($factor) `>`";
}

def Attn_RopeNtkAttr : Attn_RopeScalingAttr<"RopeNtk", "rope_ntk"> {
  let summary = "a larger base: `base * factor^(R / (R - 2))`";
  let parameters = (ins "::mlir::FloatAttr":$factor);
  let assemblyFormat = "`<` custom<Number>($factor) `>`";
}

def Attn_RopeDynamicNtkAttr : Attn_RopeScalingAttr<"RopeDynamicNtk", "rope_dynamic_ntk"> {
  let summary = "a base that grows with the length beyond `original`";
  let description = [{
    From `original` positions on, `#attn.rope_ntk` by the factor
    `factor * length / original - (factor - 1)`.
  }];
  let parameters = (ins "::mlir::FloatAttr":$factor, "int64_t":$original);
  let assemblyFormat = "`<` custom<Number>($factor) `,` $original `>`";
}

def Attn_RopeYarnAttr : Attn_RopeScalingAttr<"RopeYarn", "rope_yarn"> {
  let summary = "YaRN: slow pairs interpolated, fast ones kept, a ramp between";
  let description = [{
    Pairs that turn less than `beta_slow` times in `original` positions get
    `f / factor`, those that turn more than `beta_fast` times keep `f`. Cos and sin
    are multiplied by `attention_factor`, or where that is 0 by
    `(0.1 mscale ln factor + 1) / (0.1 mscale_all_dim ln factor + 1)`.
  }];
  let parameters = (ins "::mlir::FloatAttr":$factor, "int64_t":$original,
                        "::mlir::FloatAttr":$beta_fast, "::mlir::FloatAttr":$beta_slow,
                        "::mlir::FloatAttr":$attention_factor,
                        "::mlir::FloatAttr":$mscale, "::mlir::FloatAttr":$mscale_all_dim);
  let assemblyFormat = [{ `<` custom<Number>($factor) `,` $original ``
    custom<YarnOptions>($beta_fast, $beta_slow, $attention_factor, $mscale, $mscale_all_dim) `>` }];
}

def Attn_RopeLlama3Attr : Attn_RopeScalingAttr<"RopeLlama3", "rope_llama3"> {
  let summary = "Llama 3: `f / factor` for long wavelengths, a ramp to short ones";
  let description = [{
    `#attn.rope_llama3<factor, low, high, original>`: wavelengths above
    `original / low` are divided, those below `original / high` kept.
  }];
  let parameters = (ins "::mlir::FloatAttr":$factor, "::mlir::FloatAttr":$low,
                        "::mlir::FloatAttr":$high, "int64_t":$original);
  let assemblyFormat = [{ `<` custom<Number>($factor) `,` custom<Number>($low) `,`
    custom<Number>($high) `,` $original `>` }];
}

def Attn_RopeLongAttr : Attn_RopeScalingAttr<"RopeLong", "rope_long"> {
  let summary = "LongRoPE: a divisor for each pair, others for long sequences";
  let description = [{
    `f_i / short[i]` up to `original` positions, `f_i / long[i]` for longer
    sequences. Positions below `kept` turn by `f_i` itself. Cos and sin are
    multiplied by `sqrt(1 + ln factor / ln original)`, where `factor` is that of the
    whole context.
  }];
  let parameters = (ins "::mlir::FloatAttr":$factor, "int64_t":$original,
                        "::mlir::DenseF64ArrayAttr":$short_factors,
                        "::mlir::DenseF64ArrayAttr":$long_factors,
                        DefaultValuedParameter<"int64_t", "0">:$kept);
  let assemblyFormat = [{ `<` custom<Number>($factor) `,` $original `,`
    `short` `=` $short_factors `,` `long` `=` $long_factors (`,` `kept` `=` $kept^)? `>` }];
}

def Attn_RopeScaling : Attr<
    CPred<"::mlir::isa<::attn::RopeScalingInterface>($_self)">,
    "a scaling of rotary positions: `#attn.rope_linear` and its like"> {
  let storageType = "::attn::RopeScalingInterface";
  let returnType = "::attn::RopeScalingInterface";
  let convertFromStorage = "$_self";
}

def Attn_RopePairs : I32EnumAttr<"RopePairs", "which elements turn together", [
    I32EnumAttrCase<"NeoX", 0, "neox">,
    I32EnumAttrCase<"Interleaved", 1, "interleaved">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_RopePairsAttr : EnumAttr<Attn_Dialect, Attn_RopePairs, "rope_pairs">;

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

def Attn_RopeOp : Attn_Op<"rope", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "turn pairs of elements by their position";
  let description = [{
    ```
    a         = position * f_i,  f_i = base^(-2i/R) unless scaled,  i < R / 2
    y[.., u]  = (x[.., u] * cos a - x[.., w] * sin a) * m
    y[.., w]  = (x[.., w] * cos a + x[.., u] * sin a) * m
    ```
    where pair i is `(u, w) = (i, i + R/2)` (`neox`) or `(2i, 2i + 1)`
    (`interleaved`), and m is the magnitude of the scaling. Elements from
    R = `rotary` on are copied (partial rotary).

    | operand | shape (`bhsd`) | `bshd` | `thd` |
    |---------|----------------|--------|-------|
    | `x`, `out` | B x H x S x D | B x S x H x D | T x H x D |
    | `positions` | B x S | B x S | 1 x T |
    | `cos`, `sin` | P x R/2 | P x R/2 | P x R/2 |
    | `frequencies` | 1 or 2 x R/2 | | |

    - The position of token s is `positions[b, s]`, else `offset + s`, else s.
    - Angles, cos and sin are computed in f64 and rounded to the accumulation
      type, so that they are right for positions of many millions.
    - `scaling` changes the frequencies; those that depend on the length of the
      sequence (`rope_dynamic_ntk`, `rope_long`) take it as `length`.
    - `tables(cos, sin)` are read at the position, clamped to them, in place of
      any computation; the magnitude is theirs.
    - `frequencies` gives f itself. Of two rows the first is for positions below
      `kept`. The compiler makes it of the scaling.

    Constraints:
    * `rope_c1`: `x` and `out` have one shape, of rank 4, or 3 for thd.
    * `rope_c2`: R is even, and from 2 to D.
    * `rope_c3`: `positions` is as in the table, and not given with `offset`;
      thd needs it.
    * `rope_c4`: `tables` are two of P x R/2, and exclude `scaling` and
      `frequencies`.
    * `rope_c5`: `length` is given for a scaling that depends on it, and for no
      other.
    * `rope_c6`: the scaling fits R: factors for each pair, R above 2 for NTK.
    * `rope_c7`: `frequencies` is 1 x R/2, or 2 x R/2 with `kept`, of f64, and
      excludes `scaling`; `magnitude` and `kept` come with it alone.
    * `rope_c8`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y = attn.rope ins(%x : tensor<1x32x?x128xbf16>) outs(%init : tensor<1x32x?x128xbf16>)
           {scaling = #attn.rope_llama3<8.0, 1.0, 4.0, 8192>, base = 5.0e+05 : f64} -> tensor<1x32x?x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_Data:$x,
    Optional<Attn_Positions>:$positions, Optional<Index>:$offset, Optional<Index>:$length,
    Optional<Attn_Stats>:$cos, Optional<Attn_Stats>:$sin,
    Optional<Attn_Stats>:$frequencies,
    Attn_Data:$out,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BHSD">:$layout,
    DefaultValuedAttr<Attn_RopePairsAttr, "::attn::RopePairs::NeoX">:$pairs,
    OptionalAttr<I64Attr>:$rotary,
    DefaultValuedAttr<F64Attr, "10000.0">:$base,
    OptionalAttr<Attn_RopeScaling>:$scaling,
    DefaultValuedAttr<F64Attr, "1.0">:$magnitude,
    OptionalAttr<I64Attr>:$kept);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)`
    (`layout` `(` custom<Layout>($layout)^ `)`)? (`pairs` `(` custom<RopePairs>($pairs)^ `)`)?
    (`positions` `(` $positions^ `:` type($positions) `)`)? (`offset` `(` $offset^ `)`)?
    (`length` `(` $length^ `)`)?
    (`tables` `(` $cos^ `,` $sin `:` type($cos) `,` type($sin) `)`)?
    (`frequencies` `(` $frequencies^ `:` type($frequencies) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getX().getType()); }
    /// f64 for f64 elements, f32 for all others.
    ::mlir::FloatType getAccumulatorType();
    int64_t getSeqDim();
    int64_t getHeadDim();
    int64_t getSizeDim() { return getLayout() == ::attn::Layout::THD ? 2 : 3; }
    /// R, or -1 where it is D and that is dynamic.
    int64_t getRotarySize();
    /// The scaling in C++; of kind none without one.
    ::attn::ref::RopeScaling getRopeScaling();
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_AlibiSlopesOp : Attn_Op<"alibi_slopes", [Pure]> {
  let summary = "the slopes of ALiBi for a number of heads";
  let description = [{
    `slopes[h] = 2^(-8(h+1)/n)` for h < n, the largest power of two up to H, and
    `2^(-4(2(h-n)+1)/n)` for the others.

    | result | shape |
    |---------|-------|
    | `slopes` | H |

    Constraints:
    * `alibi_slopes_c1`: H is static.

    Example:
    ```mlir
    %slopes = attn.alibi_slopes : tensor<12xf32>
    ```
  }];
  let arguments = (ins);
  let results = (outs RankedTensorOf<[F32, F64]>:$slopes);
  let assemblyFormat = "attr-dict `:` type($slopes)";
  let hasVerifier = 1;
}

def Attn_SinusoidalOp : Attn_Op<"sinusoidal", [
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    Pure]> {
  let summary = "sine and cosine of positions, as in the first transformer";
  let description = [{
    ```
    table[s, 2i]     = sin((offset + s) / base^(2i/D))
    table[s, 2i + 1] = cos((offset + s) / base^(2i/D))
    ```
    computed in f64 and rounded once. `offset` is 0 unless given.

    | operand | shape |
    |---------|-------|
    | `table` | S x D |

    Constraints:
    * `sinusoidal_c1`: `table` has rank 2, and a static even D.

    Example:
    ```mlir
    %t = attn.sinusoidal outs(%empty : tensor<?x512xf32>) -> tensor<?x512xf32>
    ```
  }];
  let arguments = (ins Optional<Index>:$offset, RankedTensorOf<[F64, F32, F16, BF16]>:$table,
                       DefaultValuedAttr<F64Attr, "10000.0">:$base);
  let results = (outs RankedTensorOf<[F64, F32, F16, BF16]>:$result);
  let assemblyFormat = [{
    (`offset` `(` $offset^ `)`)? `outs` `(` $table `:` type($table) `)` attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // ATTN_DIALECT_ATTN_POSITIONOPS_TD
