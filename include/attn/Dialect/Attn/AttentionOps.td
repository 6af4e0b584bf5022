//===- AttentionOps.td - attention at the graph level ----------------------===//
#ifndef ATTN_DIALECT_ATTN_ATTENTIONOPS_TD
#define ATTN_DIALECT_ATTN_ATTENTIONOPS_TD

include "attn/Dialect/Attn/AttnBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

def Attn_AttentionOp : Attn_Op<"attention", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<RegionBranchOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue"]>]> {
  let summary = "scaled dot-product attention";
  let description = [{
    ```
    x[b,h,i,j]   = scale * <q[b,h,i,:], k[b,h/G,j,:]>,  G = Hq / Hkv
    y[b,h,i,j]   = score(x, b, h, i + offset, j)         where the pair is visible
    out[b,h,i,:] = sum_j softmax_j(y[b,h,i,:]) * v[b,h/G,j,:]
    lse[b,h,i]   = ln sum_j e^y[b,h,i,j]
    ```

    | operand | shape (`bhsd`) | `bshd` | `thd` |
    |---------|----------------|--------|-------|
    | `q` | B x Hq x Sq x D | B x Sq x Hq x D | Tq x Hq x D |
    | `k` | B x Hkv x Sk x D | B x Sk x Hkv x D | Tk x Hkv x D |
    | `v` | B x Hkv x Sk x E | B x Sk x Hkv x E | Tk x Hkv x E |
    | `out` | B x Hq x Sq x E | B x Sq x Hq x E | Tq x Hq x E |
    | `lse` | B x Hq x Sq | B x Hq x Sq | Hq x Tq |
    | `kv_lens` | B | B | - |
    | `cu_seqlens` (q, k) | - | - | B + 1 each |
    | `sink` | Hq | Hq | Hq |
    | `scales` (q, k, v) | -, H or B x H | -, H or B x H | - or H |
    | `pages` (block tables) | B x P | B x P | B x P |

    - `scale` defaults to `1/sqrt(D)`.
    - A *position* is `i + offset`; `offset` defaults to `Sk - Sq` of the
      sequence at hand, so that the last query sees the last key
      (bottom-right alignment). Masks and the `score` region speak of positions.
    - `score` works in natural units and may run on pairs that the mask hides,
      whose result is discarded by a select. Tensors that it reads are operands,
      each at an affine map of the `(b, h, i, j)` that the region sees, so `i`
      is a position there too.
    - A `mask` is a set of positions, a region, or both, which then must both
      show a pair. The set is an attribute, or an expression of attributes with
      `and`, `or`, `not` and parentheses; each is followed by the values of its
      symbols (`mask_symbols`, in that order):
      `mask(#band[%l, %r] and not #attn.prefix<4>)`. With lists of blocks in it
      (`#attn.blocks`) the expression is a region, and printed as one. The region gets an element of each of its own
      captured operands, then `(b, h, i, j)`, and yields whether the pair is
      visible. Like `score` it may run on any pair; indices past the end of a
      captured tensor read its last element. `ascending` promises that a captured
      tensor does not decrease along the dimensions that its map moves, so that
      a range of it has the bounds of its ends.
    - `kv_lens` cuts the keys of each sequence; what lies beyond may hold
      anything, NaN included. `cu_seqlens` are the starts of the ragged
      sequences of `thd`, the last entry is the end.
    - With `pages`, k and v are pools of pages that all sequences share: of
      pages x Hkv x N x D (`hnd`, the default), or pages x N x Hkv x D (`nhd`).
      Key j of sequence b is slot `j mod N` of page `tables[b, j floordiv N]`,
      `kv_lens` tells the keys of each sequence, and thd takes `cu_seqlens` of q
      alone. Entries of the table and slots behind the last key are not read.
    - `f8E4M3FN` operands are codes: an element is its code times the scale of
      its tensor, of its head, or of its sequence and head (H heads of the operand
      itself), each above 0; without `scales` 1. The type of the operands is that in which weights are
      kept, relative to the largest of a row.
    - `sink` is a learned logit per head that joins the denominator and `lse`.
    - Query heads share key heads in order (GQA, MQA); nothing is broadcast.
    - A row without a visible key gives 0 and an `lse` of -inf.
    - Accumulation is in f32 (f64 for f64 operands). Products of f32 operands are
      exact, and so are sums but for their rounding to f32.
    - With `tf32`, q, k and v of f32 are first rounded to the nearest number of
      10 bits of mantissa (ties away from 0), as tensor cores take them, and
      weights may be before they meet v. Sums stay in f32.

    Constraints:
    * `attention_c1`: `q` and `k` have equal head sizes.
    * `attention_c2`: `k` and `v` have equal batch, heads and length.
    * `attention_c3`: the heads of `q` are a multiple of those of `k`.
    * `attention_c4`: `out` has the shape of `q` with the head size of `v`.
    * `attention_c5`: `lse` has the shape of the rows of `q`.
    * `attention_c6`: rank 4; `thd` has rank 3 and needs `cu_seqlens`, which
      nothing else takes.
    * `attention_c7`: `kv_lens` has one entry a sequence, and is not for `thd`
      without pages.
    * `attention_c8`: `sink` has one entry a query head.
    * `attention_c9`: `score` takes `(x, captured..., b, h, i, j)` and yields
      one value of the type of `x`, the accumulation type.
    * `attention_c10`: operands are all tensors, or all memrefs.
    * `attention_c11`: `q`, `k` and `v` have one element type; `lse` and `sink`
      have the accumulation type.
    * `attention_c12`: a captured operand has one map of `(b, h, i, j)` with a
      result for each of its dimensions.
    * `attention_c13`: `score` uses no tensor or memref from above, and has no
      side effects.
    * `attention_c14`: `q` and `k` have equal batch sizes.
    * `attention_c15`: a mask region takes `(captured..., b, h, i, j)` and yields
      one `i1`.
    * `attention_c16`: a captured operand of a mask region has one map, as in
      `attention_c12`, and one mark `ascending`, if any has.
    * `attention_c17`: a mask region uses no tensor or memref from above, and has
      no side effects.
    * `attention_c18`: `mask_symbols` has a value for each symbol of `mask`.
    * `attention_c19`: with `pages`, k and v have rank 4, `kv_lens` is given, the
      tables have a row for each sequence, and `cu_seqlens` is that of q.
    * `attention_c20`: `scales` are three, for operands of `f8E4M3FN`, each with
      no dimension, the heads of its operand, or sequences and heads (not for `thd`
      and pages).
    * `attention_c21`: `tf32` is for operands of f32.

    Example:
    ```mlir
    %o = attn.attention ins(%q, %k, %v : tensor<1x32x?x128xf32>, tensor<1x8x?x128xf32>, tensor<1x8x?x128xf32>)
           outs(%init : tensor<1x32x?x128xf32>) mask(#attn.causal) -> tensor<1x32x?x128xf32>
    ```
  }];
  let arguments = (ins
    Attn_Operand:$q, Attn_Operand:$k, Attn_Operand:$v,
    Variadic<Attn_Factors>:$scales,
    Optional<Index>:$offset,
    Optional<Attn_Ints>:$kv_lens,
    Optional<Attn_Ints>:$cu_seqlens_q, Optional<Attn_Ints>:$cu_seqlens_k,
    Optional<Attn_HeadFloats>:$sink,
    Optional<Attn_Tables>:$block_tables,
    Variadic<Index>:$mask_symbols,
    Variadic<Attn_Captured>:$captured,
    Variadic<Attn_Captured>:$mask_captured,
    Variadic<Attn_AnyFloats>:$outs,
    OptionalAttr<AnyAttrOf<[F32Attr, F64Attr]>>:$scale,
    OptionalAttr<Attn_Mask>:$mask,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BHSD">:$layout,
    DefaultValuedAttr<Attn_PageLayoutAttr, "::attn::PageLayout::HND">:$page_layout,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$captured_maps,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$mask_maps,
    DefaultValuedAttr<DenseBoolArrayAttr, "{}">:$mask_ascending,
    UnitAttr:$tf32);
  let regions = (region AnyRegion:$score, AnyRegion:$mask_region);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`layout` `(` custom<Layout>($layout)^ `)`)? (`offset` `(` $offset^ `)`)?
    (`kv_lens` `(` $kv_lens^ `:` type($kv_lens) `)`)?
    (custom<CuSeqlens>($cu_seqlens_q, type($cu_seqlens_q), $cu_seqlens_k, type($cu_seqlens_k))^)?
    (`pages` `(` $block_tables^ `:` type($block_tables) `` custom<PageLayout>($page_layout) `)`)?
    (`sink` `(` $sink^ `:` type($sink) `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    (custom<Mask>($mask, $mask_symbols, $mask_captured, type($mask_captured), $mask_maps, $mask_ascending, $mask_region)^)?
    (custom<Score>($captured, type($captured), $captured_maps, $score)^)?
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getOut() { return getOuts()[0]; }
    /// The `lse` destination, or null.
    ::mlir::Value getLse() { return getOuts().size() > 1 ? getOuts()[1] : ::mlir::Value(); }
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getQ().getType()); }
    /// Whether an attribute or a region hides pairs.
    bool isMasked() { return getMaskAttr() || !getMaskRegion().empty(); }
    /// f64 for f64 operands, f32 for all others.
    ::mlir::FloatType getAccumulatorType();
    /// The element type of q, k and v.
    ::mlir::FloatType getElementType();
    /// `scale`, or 1/sqrt(D) where D is static; nothing where it is not.
    std::optional<double> getStaticScale();
    /// Which dimension of q, k, v and out is the head, the sequence, and so on;
    /// -1 for the batch of `thd`.
    int64_t getBatchDim() { return getLayout() == ::attn::Layout::THD ? -1 : 0; }
    int64_t getHeadDim() { return getLayout() == ::attn::Layout::BSHD ? 2 : 1; }
    int64_t getSeqDim();
    /// Whether k and v are pools of pages.
    bool isPaged() { return static_cast<bool>(getBlockTables()); }
    /// Of k and v; with pages those of a pool, where the sequence is a page.
    int64_t getKeyBatchDim() { return isPaged() ? 0 : getBatchDim(); }
    int64_t getKeyHeadDim();
    ::llvm::LogicalResult verifyPages();
    ::llvm::LogicalResult verifyScales();
    int64_t getKeySeqDim();
    int64_t getKeySizeDim() { return isPaged() ? 3 : getSizeDim(); }
    int64_t getSizeDim() { return getLayout() == ::attn::Layout::THD ? 2 : 3; }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_BlockSummaryOp : Attn_Op<"block_summary", [
    Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "least and largest element of each block";
  let description = [{
    ```
    out[.., n, .., 0] = min x[.., i, ..],  out[.., n, .., 1] = max x[.., i, ..]
                        over block * n <= i < min(block * (n + 1), size)
    ```
    A *zone map*, as data-dependent masks have them of what they read at the key
    (document ids): two numbers tell that no key of a block can be visible, or
    that all are. Tiling makes such tables by itself; as an op of its own one can
    be made once for many layers, and be read by a mask region. Integers have a
    sign. A NaN makes both elements of its block NaN.

    | operand | shape |
    |---------|-------|
    | `x` | sizes..., n along `dim`, sizes... |
    | result | sizes..., ceil(n / block) along `dim`, sizes..., 2 |

    Constraints:
    * `block_summary_c1`: `dim` is a dimension of `x`.
    * `block_summary_c2`: `block` is positive.
    * `block_summary_c3`: the result has the shape of `x`, with a block for
      `block` elements along `dim`, and 2 behind it.

    Example:
    ```mlir
    %zones = attn.block_summary %ids dim(0) block(128) : tensor<1000xi32> -> tensor<8x2xi32>
    ```
  }];
  let arguments = (ins
    TensorRankOf<[Attn_Float, I8, I16, I32, I64, Index], [1, 2, 3, 4]>:$x,
    I64Attr:$dim, I64Attr:$block);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $x `dim` `(` $dim `)` `block` `(` $block `)` attr-dict `:` type($x) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Attn_YieldOp : Attn_Op<"yield", [
    Pure, Terminator,
    ParentOneOf<["AttentionOp", "OnlineAttentionOp", "KeyLoopOp"]>]> {
  let summary = "end a score or mask region, or the body of a key loop";
  let description = [{
    In a score region it yields the new score of a pair, in a mask region
    whether the pair is visible, in a key loop the new carried state.

    Example:
    ```mlir
    attn.yield %y : f32
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), "/*nothing*/">];
}

def Attn_MergeStatesOp : Attn_Op<"merge_states", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "merge attention over disjoint sets of keys";
  let description = [{
    ```
    lse'[r]   = ln sum_s e^lse[s,r]
    out'[r,:] = sum_s e^(lse[s,r] - lse'[r]) * out[s,r,:]
    ```
    Each part `s` is a complete attention over its own keys: `(out, lse)`. The
    order of the sum is the order of `s`, so the result does not depend on which
    thread made which part. Parts with `lse = -inf` (no visible key) weigh
    nothing, whatever `out` holds; a row of only such parts gives 0 and -inf.
    `sink[head]` is a learned logit that joins once, as one more part whose `out`
    is 0.

    | operand | shape |
    |---------|-------|
    | `parts` | S x rows... x E |
    | `part_lse` | S x rows... |
    | `out` | rows... x E |
    | `lse` (optional) | rows... |

    Constraints:
    * `merge_states_c1`: `part_lse` has the shape of `parts` without E.
    * `merge_states_c2`: `out` has the shape of `parts` without S.
    * `merge_states_c3`: `lse` has the shape of `out` without E.
    * `merge_states_c4`: operands are all tensors, or all memrefs.
    * `merge_states_c5`: `sink` and `head` come together.

    Example:
    ```mlir
    %o = attn.merge_states ins(%parts, %lses : tensor<4x8x128xf32>, tensor<4x8xf32>)
           outs(%init : tensor<8x128xbf16>) -> tensor<8x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$parts, Attn_Stats:$part_lse,
    Optional<Attn_HeadFloats>:$sink, Optional<Index>:$head,
    Variadic<Attn_AnyFloats>:$outs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $parts `,` $part_lse `:` type($parts) `,` type($part_lse) `)`
    (`sink` `(` $sink^ `:` type($sink) `at` $head `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getOut() { return getOuts()[0]; }
    ::mlir::Value getLse() { return getOuts().size() > 1 ? getOuts()[1] : ::mlir::Value(); }
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getParts().getType()); }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

#endif // ATTN_DIALECT_ATTN_ATTENTIONOPS_TD
