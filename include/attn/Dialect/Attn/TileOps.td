//===- TileOps.td - what tiling makes of attention -------------------------===//
#ifndef ATTN_DIALECT_ATTN_TILEOPS_TD
#define ATTN_DIALECT_ATTN_TILEOPS_TD

include "attn/Dialect/Attn/AttnBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"

def Attn_KeySource : I32EnumAttr<"KeySource", "where the keys of a loop come from", [
    I32EnumAttrCase<"Slice", 0, "slice">,
    I32EnumAttrCase<"Pages", 1, "pages">,
    I32EnumAttrCase<"Tiles", 2, "tiles">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_KeySourceAttr : EnumAttr<Attn_Dialect, Attn_KeySource, "source">;

def Attn_KeyLoopOp : Attn_Op<"key_loop", [
    AttrSizedOperandSegments, RecursiveMemoryEffects]> {
  let summary = "walk an ordered list of key ranges, carrying state";
  let description = [{
    Runs the body over each segment `[lower, upper)` in turn, at most `step`
    keys at a time: the body sees the first key `k0` of its tile and the number
    of keys `size` in it (the last tile of a segment may be smaller; an empty or
    inverted segment runs nothing). In a `full` segment every pair of the tile
    is visible, so the tile op needs no mask there; in a `partial` one it does.
    One op over all segments, rather than a loop each, lets a target stream
    them as one pipeline.

    `source` says how a tile of keys is found: `slice` at `k0` of the key
    tensor, `pages` through a page table (`list[k0 / page_size]` is the page,
    a further body argument; no tile crosses a page), or `tiles`, where bounds
    count entries of `list`, `k0 = list[n] * step`, and a tile ends at `limit`
    at the latest.

    Body arguments: `k0`, `size`, (`page`,) carried values. `max_rows` is a bound
    of the rows of the carried state that tiling knew, for targets that pack
    rows.

    Constraints:
    * `key_loop_c1`: as many kinds as lower and upper bounds.
    * `key_loop_c2`: the body takes `k0`, `size`, (`page`,) and the carried
      values, and yields the carried types; results have them too.
    * `key_loop_c3`: `list` is given for `pages` and `tiles`, not for `slice`.
    * `key_loop_c4`: `page_size` is given for `pages` alone, and is positive.
    * `key_loop_c5`: `limit` is given for `tiles` alone.

    Example:
    ```mlir
    %r = attn.key_loop step(%c128) segments(full %c0 to %d, partial %d to %hi) iter_args(%acc : tensor<64x128xf32>) {
    ^bb0(%k0: index, %size: index, %a: tensor<64x128xf32>):
      attn.yield %a : tensor<64x128xf32>
    } -> tensor<64x128xf32>
    ```
  }];
  let arguments = (ins
    Index:$step, Variadic<Index>:$lower, Variadic<Index>:$upper,
    Optional<Attn_Ints>:$list, Optional<Index>:$limit, Variadic<AnyType>:$inits,
    DenseI32ArrayAttr:$kinds,
    DefaultValuedAttr<Attn_KeySourceAttr, "::attn::KeySource::Slice">:$source,
    OptionalAttr<I64Attr>:$page_size,
    OptionalAttr<I64Attr>:$max_rows);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    `step` `(` $step `)` `segments` `(` custom<Segments>($lower, $upper, $kinds) `)`
    (`source` `(` custom<Source>($source)^ `)`)? (`list` `(` $list^ `:` type($list) `)`)?
    (`limit` `(` $limit^ `)`)?
    (`iter_args` `(` $inits^ `:` type($inits) `)`)? $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::attn::SegmentKind getKind(unsigned segment) {
      return static_cast<::attn::SegmentKind>(getKinds()[segment]);
    }
    ::mlir::Value getKeyIndex() { return getBody().getArgument(0); }
    ::mlir::Value getKeyCount() { return getBody().getArgument(1); }
    ::mlir::Block::BlockArgListType getCarried() {
      return getBody().getArguments().drop_front(getSource() == ::attn::KeySource::Pages ? 3 : 2);
    }
    ::attn::YieldOp getYield();
  }];
}

def Attn_OnlineAttentionOp : Attn_Op<"online_attention", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<RegionBranchOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition", "generateResultTileValue"]>,
    DeclareOpInterfaceMethods<PartialReductionOpInterface, [
      "generateInitialTensorForPartialReduction", "tileToPartialReduction",
      "mergeReductions", "getPartialResultTilePosition"]>]> {
  let summary = "one tile of attention: online softmax over carried state";
  let description = [{
    Folds the keys of a tile into the state of its rows:
    ```
    y[r,n]    = score(scale * factor * sum_d q[r,d] * k[n,d]), or -inf where hidden
    max'[r]   = max(max[r], max_n y[r,n])
    p[r,n]    = e^(y[r,n] - max'[r])
    sum'[r]   = sum[r] * e^(max[r] - max'[r]) + sum_n p[r,n]
    acc'[r,:] = acc[r,:] * e^(max[r] - max'[r]) + sum_n p[r,n] * v[n,:]
    ```
    with every factor 0 where `max'` is -inf. The state starts as `acc = 0`,
    `max = -inf`, `sum = 0`; `attn.finalize_state` turns it into the result.

    The six `indexing_maps` (q, k, v, acc, max, sum) share an iteration space of
    row, key (n), contraction (d) and value (e) dimensions, told apart by where
    they occur: rows in q and acc, n in k and v, d in q and k, e in v and acc.
    A target chooses orientation and packing through them. `row_map` sends the
    row dimensions, in the order in which `max` has them, to
    `(head offset, query offset)`: the row's head is `h + head offset`, its
    position `i + query offset`. `positions(b, h, i, j)` are those of the first
    row and key. `factor`, above 0, is 1 unless given: scales of codes.
    `max_keys` is a bound of the keys of a tile, where it is known.
    `tf32` is as in `attn.attention`.

    Constraints:
    * `online_attention_c1`: the maps are projected permutations of one
      iteration space, one result for each dimension of their operand. That of
      a packed `q` may end in `d floordiv 2, w * 2 + d mod 2`: pairs of
      elements side by side, for instructions that multiply pairs.
    * `online_attention_c2`: each dimension is a row, n, d or e dimension.
    * `online_attention_c3`: dimensions that share an iterator have equal sizes.
    * `online_attention_c4`: `row_map` takes the row dimensions and has two
      results.
    * `online_attention_c5`: operands are all tensors, or all memrefs.
    * `online_attention_c6`: `q`, `k` and `v` have one element type, and the
      state has the accumulation type.
    * `online_attention_c7`: `score` is as in `attn.attention`
      (`attention_c9`, `attention_c12`, `attention_c13`).
    * `online_attention_c8`: a mask region is as in `attn.attention`
      (`attention_c15`, `attention_c16`, `attention_c17`).
    * `online_attention_c9`: `mask_symbols` has a value for each symbol of
      `mask`.
    * `online_attention_c10`: `tf32` is for operands of f32.

    Example:
    ```mlir
    %r:3 = attn.online_attention ins(%q, %k, %v : tensor<1x64x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>)
        positions(%b, %h, %i, %j) outs(%acc, %max, %sum : tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>)
        mask(#attn.causal)
        {indexing_maps = [affine_map<(g, m, n, d, e) -> (g, m, d)>, affine_map<(g, m, n, d, e) -> (n, d)>,
                          affine_map<(g, m, n, d, e) -> (n, e)>, affine_map<(g, m, n, d, e) -> (g, m, e)>,
                          affine_map<(g, m, n, d, e) -> (g, m)>, affine_map<(g, m, n, d, e) -> (g, m)>],
         row_map = affine_map<(g, m) -> (g, m)>, scale = 8.8e-02 : f32}
        -> tensor<1x64x128xf32>, tensor<1x64xf32>, tensor<1x64xf32>
    ```
  }];
  let arguments = (ins
    Attn_TileOperand:$q, Attn_TileOperand:$k, Attn_TileOperand:$v,
    Index:$batch, Index:$head, Index:$query, Index:$key,
    Optional<F32>:$factor,
    Variadic<Index>:$mask_symbols,
    Variadic<Attn_Captured>:$captured,
    Variadic<Attn_Captured>:$mask_captured,
    Attn_AnyFloats:$acc, Attn_Stats:$max, Attn_Stats:$sum,
    AnyAttrOf<[F32Attr, F64Attr]>:$scale,
    OptionalAttr<Attn_Mask>:$mask,
    AffineMapArrayAttr:$indexing_maps,
    AffineMapAttr:$row_map,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$captured_maps,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$mask_maps,
    DefaultValuedAttr<DenseBoolArrayAttr, "{}">:$mask_ascending,
    OptionalAttr<I64Attr>:$max_keys,
    UnitAttr:$tf32);
  let regions = (region AnyRegion:$score, AnyRegion:$mask_region);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    `positions` `(` $batch `,` $head `,` $query `,` $key `)` (`factor` `(` $factor^ `)`)?
    `outs` `(` $acc `,` $max `,` $sum `:` type($acc) `,` type($max) `,` type($sum) `)`
    (custom<Mask>($mask, $mask_symbols, $mask_captured, type($mask_captured), $mask_maps, $mask_ascending, $mask_region)^)?
    (custom<Score>($captured, type($captured), $captured_maps, $score)^)?
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getQ().getType()); }
    /// Whether an attribute or a region hides pairs.
    bool isMasked() { return getMaskAttr() || !getMaskRegion().empty(); }
    /// Makes all pairs visible.
    void dropMask();
    /// Map number `index` in the order q, k, v, acc, max, sum.
    ::mlir::AffineMap getMap(unsigned index) {
      return ::mlir::cast<::mlir::AffineMapAttr>(getIndexingMaps()[index]).getValue();
    }
    /// The roles of the iteration space; rows are in the order of `max`.
    struct Dims { ::llvm::SmallVector<unsigned> rows, keys, contraction, value; };
    Dims getDims();
    double getScaleValue();
    ::mlir::FloatType getAccumulatorType();
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_PackRowsOp : Attn_Op<"pack_rows", [
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable]> {
  let summary = "copy query rows into panels";
  let description = [{
    `dest[dest_map(p, w, d)] = source[source_map(row_map(p, w), d)]`. A panel
    holds W rows; side by side (P x D x W), a vector register holds the same
    element of neighbouring rows. Rows past the end of `source` repeat a row of
    it (what they compute is dropped in the end, and repeated rows bring in no
    new values).

    | operand | shape |
    |---------|-------|
    | `source` | G, M and D in the order of `source_map` |
    | `dest` | P, W and D in the order of `dest_map` |

    `row_map : (p, w) -> (g, m)`, `source_map : (g, m, d) -> source`.

    Constraints:
    * `pack_rows_c1`: `row_map` is `(p, w) -> (g, m)`, and `source_map` and
      `dest_map` permute three dimensions; `dest_map` may be
      `(p, w, d) -> (p, d floordiv 2, w * 2 + d mod 2)`, which keeps pairs of
      elements side by side.
    * `pack_rows_c2`: both operands are tensors, or both are memrefs.
    * `pack_rows_c3`: `source` and `dest` have equal D.

    Example:
    ```mlir
    %p = attn.pack_rows %q into %init {row_map = affine_map<(p, w) -> (0, p * 64 + w)>,
           source_map = affine_map<(g, m, d) -> (g, m, d)>, dest_map = affine_map<(p, w, d) -> (p, d, w)>}
         : tensor<1x?x128xbf16> into tensor<?x128x64xf32> -> tensor<?x128x64xf32>
    ```
  }];
  let arguments = (ins Attn_AnyFloats:$source, Attn_AnyFloats:$dest,
                       AffineMapAttr:$row_map, AffineMapAttr:$source_map,
                       AffineMapAttr:$dest_map);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $source `into` $dest attr-dict `:` type($source) `into` type($dest) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getSource().getType()); }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_FinalizeStateOp : Attn_Op<"finalize_state", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "turn online softmax state into output rows";
  let description = [{
    ```
    total[r]  = sum[r] + e^(sink[h] - max[r])          (the second term with a sink)
    out[r,:]  = factor * acc[r,:] / total[r]            0 where sum is 0
    lse[r]    = max[r] + ln total[r]                    -inf where total is 0
    ```
    `state_map` sends `(rows..., e)` to the dimensions of `acc`; `max` and `sum`
    have the rows alone. `row_map` sends rows to `(g, m)`, and `out_map` sends
    `(g, m, e)` to the dimensions of `out`; `lse` is G x M. Rows outside of
    `out` (the padding of a panel) are dropped. `sink[head + g]` is read.
    `factor` is 1 unless given: the scale of codes.

    Constraints:
    * `finalize_state_c1`: `state_map`, `row_map` and `out_map` fit the ranks of
      their operands.
    * `finalize_state_c2`: operands are all tensors, or all memrefs.
    * `finalize_state_c3`: `acc` and `out` have equal E.
    * `finalize_state_c4`: `max` and `sum` have equal shapes and element types, with
      one dimension less than `acc`; `lse` has rank 2.
    * `finalize_state_c5`: `sink` and `head` come together.

    Example:
    ```mlir
    %o = attn.finalize_state ins(%acc, %max, %sum : tensor<1x?x128xf32>, tensor<1x?xf32>, tensor<1x?xf32>)
         outs(%init : tensor<1x?x128xbf16>) {state_map = affine_map<(g, m, e) -> (g, m, e)>,
         row_map = affine_map<(g, m) -> (g, m)>, out_map = affine_map<(g, m, e) -> (g, m, e)>} -> tensor<1x?x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$acc, Attn_Stats:$max, Attn_Stats:$sum,
    Optional<Attn_HeadFloats>:$sink, Optional<Index>:$head, Optional<F32>:$factor,
    Variadic<Attn_AnyFloats>:$outs,
    AffineMapAttr:$state_map, AffineMapAttr:$row_map, AffineMapAttr:$out_map);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $acc `,` $max `,` $sum `:` type($acc) `,` type($max) `,` type($sum) `)`
    (`sink` `(` $sink^ `:` type($sink) `at` $head `)`)? (`factor` `(` $factor^ `)`)?
    `outs` `(` $outs `:` type($outs) `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getOut() { return getOuts()[0]; }
    ::mlir::Value getLse() { return getOuts().size() > 1 ? getOuts()[1] : ::mlir::Value(); }
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getAcc().getType()); }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

#endif // ATTN_DIALECT_ATTN_TILEOPS_TD
