//===- CacheOps.td - writing and reading a paged cache ----------------------===//
#ifndef ATTN_DIALECT_ATTN_CACHEOPS_TD
#define ATTN_DIALECT_ATTN_CACHEOPS_TD

include "attn/Dialect/Attn/PositionOps.td"

def Attn_KVAppendOp : Attn_Op<"kv_append", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "write keys and values into slots of a paged cache";
  let description = [{
    ```
    k_pages[slots[t] floordiv N, h, slots[t] mod N, :] = k[t, h, :]
    v_pages[slots[t] floordiv N, h, slots[t] mod N, :] = v[t, h, :]
    ```
    for each token t whose slot is in the cache; others, negative slots first of
    all, are skipped. Other slots keep what they hold. Where two tokens have one
    slot, the later one is kept. Elements are rounded to the type of the cache.

    | operand | shape |
    |---------|-------|
    | `k`, `v` | T x Hkv x D, T x Hkv x E |
    | `slots` | T |
    | `k_pages`, `v_pages` | pages x Hkv x N x D, E (`hnd`), or pages x N x Hkv x D, E (`nhd`) |
    | `positions` | 1 x T |
    | `cos`, `sin` | P x R/2 |
    | `frequencies` | 1 or 2 x R/2 |

    With `rope`, keys are turned on their way by their `positions` as in `attn.rope`,
    through `tables` or `frequencies`, so that the cache holds keys that are
    ready to be read.

    Constraints:
    * `kv_append_c1`: `k` and `v` have rank 3, equal tokens and equal heads.
    * `kv_append_c2`: the pages have rank 4, equal numbers, sizes and heads, and
      the head sizes of `k` and `v`.
    * `kv_append_c3`: `slots` has one entry a token.
    * `kv_append_c4`: `rope` has positions of one entry a token, and either tables
      or frequencies as in `attn.rope` (`rope_c2`, `rope_c4`, `rope_c7`).
    * `kv_append_c5`: operands are all tensors, or all memrefs.
    * `kv_append_c6`: a cache of codes (`i8`, `f8E4M3FN`, `f8E5M2`) takes codes of its
      type, as `attn.kv_quantize` makes them, without `rope`.

    Example:
    ```mlir
    %kc, %vc = attn.kv_append ins(%k, %v : tensor<?x8x128xbf16>, tensor<?x8x128xbf16>) slots(%slots : tensor<?xi64>)
                 outs(%kp, %vp : tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>)
                 -> tensor<?x8x16x128xbf16>, tensor<?x8x16x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_Stored:$k, Attn_Stored:$v, Attn_Slots:$slots,
    Optional<Attn_Positions>:$positions,
    Optional<Attn_Stats>:$cos, Optional<Attn_Stats>:$sin,
    Optional<Attn_Stats>:$frequencies,
    Attn_Stored:$k_pages, Attn_Stored:$v_pages,
    DefaultValuedAttr<Attn_PageLayoutAttr, "::attn::PageLayout::HND">:$page_layout,
    DefaultValuedAttr<Attn_RopePairsAttr, "::attn::RopePairs::NeoX">:$pairs,
    OptionalAttr<I64Attr>:$rotary,
    DefaultValuedAttr<F64Attr, "1.0">:$magnitude,
    OptionalAttr<I64Attr>:$kept);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $k `,` $v `:` type($k) `,` type($v) `)` `slots` `(` $slots `:` type($slots) `)`
    (`rope` `(` $positions^ `:` type($positions) `)`)?
    (`tables` `(` $cos^ `,` $sin `:` type($cos) `,` type($sin) `)`)?
    (`frequencies` `(` $frequencies^ `:` type($frequencies) `)`)?
    (`pairs` `(` custom<RopePairs>($pairs)^ `)`)?
    `outs` `(` $k_pages `,` $v_pages `:` type($k_pages) `,` type($v_pages) `` custom<PageLayout>($page_layout) `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getK().getType()); }
    /// Of a pool.
    int64_t getHeadDim() { return getPageLayout() == ::attn::PageLayout::HND ? 1 : 2; }
    int64_t getSlotDim() { return getPageLayout() == ::attn::PageLayout::HND ? 2 : 1; }
    /// f64 for f64 keys, f32 for all others.
    ::mlir::FloatType getAccumulatorType();
    /// R, or -1 where it is D and that is dynamic.
    int64_t getRotarySize();
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_KVGatherOp : Attn_Op<"kv_gather", [
    DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ConditionallySpeculatable,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "read sequences of a paged cache as one dense tensor";
  let description = [{
    ```
    out[b, h, j, :] = pages[tables[b, j floordiv N], h, j mod N, :]   j < kv_lens[b]
                      0                                               behind that
    ```

    | operand | shape |
    |---------|-------|
    | `pages` | pages x Hkv x N x D (`hnd`), or pages x N x Hkv x D (`nhd`) |
    | `block_tables` | B x P |
    | `kv_lens` | B |
    | `out` | B x Hkv x S x D (`bhsd`), or B x S x Hkv x D (`bshd`) |

    Entries of the table that no key of `out` needs are not read. Lengths are
    clamped to `out` and to the tables.

    Constraints:
    * `kv_gather_c1`: `pages` and `out` have rank 4, equal heads and head sizes
      and one element type, and the layout is not thd.
    * `kv_gather_c2`: `block_tables` and `kv_lens` have one row a sequence.
    * `kv_gather_c3`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %d = attn.kv_gather ins(%pool : tensor<?x8x16x128xbf16>) pages(%tables : tensor<4x?xi32>) kv_lens(%lens : tensor<4xi32>)
           outs(%dense : tensor<4x8x?x128xbf16>) -> tensor<4x8x?x128xbf16>
    ```
  }];
  let arguments = (ins
    Attn_Stored:$pages, Attn_Tables:$block_tables, Attn_Ints:$kv_lens, Attn_Stored:$out,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BHSD">:$layout,
    DefaultValuedAttr<Attn_PageLayoutAttr, "::attn::PageLayout::HND">:$page_layout);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $pages `:` type($pages) `)` (`layout` `(` custom<Layout>($layout)^ `)`)?
    `pages` `(` $block_tables `:` type($block_tables) `` custom<PageLayout>($page_layout) `)`
    `kv_lens` `(` $kv_lens `:` type($kv_lens) `)`
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasTensorSemantics() { return ::mlir::isa<::mlir::TensorType>(getPages().getType()); }
    int64_t getHeadDim() { return getPageLayout() == ::attn::PageLayout::HND ? 1 : 2; }
    int64_t getSlotDim() { return getPageLayout() == ::attn::PageLayout::HND ? 2 : 1; }
    int64_t getOutHeadDim() { return getLayout() == ::attn::Layout::BHSD ? 1 : 2; }
    int64_t getOutSeqDim() { return getLayout() == ::attn::Layout::BHSD ? 2 : 1; }
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                  : ::mlir::Speculation::NotSpeculatable;
    }
  }];
}

def Attn_PageTablesOp : Attn_Op<"page_tables", [Pure]> {
  let summary = "block tables from one list of the pages of all sequences";
  let description = [{
    ```
    tables[b, n] = list[starts[b] + n]     n < starts[b + 1] - starts[b]
                   -1                      behind that
    ```
    The list and its starts are the page lists of compressed rows (`indices` and
    `indptr`). The table has as many columns as its type says, or `columns`, or else
    as the sequence with the most pages.

    | operand | shape |
    |---------|-------|
    | `list` | pages of all sequences |
    | `starts` | B + 1 |
    | result | B x columns |

    Constraints:
    * `page_tables_c1`: the result has a row for each sequence.
    * `page_tables_c2`: `columns` is for a dynamic number of them.

    Example:
    ```mlir
    %t = attn.page_tables ins(%list : tensor<?xi32>) starts(%starts : tensor<5xi32>) -> tensor<4x?xi32>
    ```
  }];
  let arguments = (ins TensorRankOf<[I32], [1]>:$list, TensorRankOf<[I32], [1]>:$starts,
                       Optional<Index>:$columns);
  let results = (outs TensorRankOf<[I32], [2]>:$result);
  let assemblyFormat = [{
    `ins` `(` $list `:` type($list) `)` `starts` `(` $starts `:` type($starts) `)`
    (`columns` `(` $columns^ `)`)? attr-dict `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // ATTN_DIALECT_ATTN_CACHEOPS_TD
