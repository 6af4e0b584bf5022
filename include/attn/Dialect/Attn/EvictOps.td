//===- EvictOps.td - which keys a cache keeps -------------------------------===//
#ifndef ATTN_DIALECT_ATTN_EVICTOPS_TD
#define ATTN_DIALECT_ATTN_EVICTOPS_TD

include "attn/Dialect/Attn/QuantOps.td"

def Attn_KVScoreOp : Attn_CacheOp<"kv_score"> {
  let summary = "how much attention keys have had";
  let description = [{
    ```
    p[b,h,i,j]   = e^(scale * <q[b,h,i,:], k[b,h/G,j,:]> - lse[b,h,i])   j <= i + offset, else 0
    out[b,g,j]  += sum p[b,h,i,j]^power     over the heads h of g and the last `queries` i
    ```
    with `offset = kv_lens[b] - Sq`, the last query beside the last key. `lse` is what
    `attn.attention` gives, so a probability is that of the whole row. Scores are added
    to those that are there, so that decoding sums them up over its steps: H2O takes
    power 1 and all queries, SnapKV the last 32, KV-Compress power 2 and the last 32.
    Entries behind the last key stay.

    | operand | shape |
    |---------|-------|
    | `q` | B x Hq x Sq x D |
    | `k` | B x Hkv x Sk x D |
    | `lse` | B x Hq x Sq |
    | `kv_lens` | B |
    | `out` | B x Hkv x Sk |

    Constraints:
    * `kv_score_c1`: `q` and `k` have rank 4, equal batch and head size, one element
      type, and heads of `q` that are a multiple of those of `k`.
    * `kv_score_c2`: `lse` has the shape of the rows of `q`, `out` that of the keys,
      and `kv_lens` an entry a sequence.
    * `kv_score_c3`: `power` is 1 or 2, `queries` is positive.
    * `kv_score_c4`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %s = attn.kv_score ins(%q, %k : tensor<4x32x?x128xbf16>, tensor<4x8x?x128xbf16>) lse(%lse : tensor<4x32x?xf32>)
           kv_lens(%lens : tensor<4xi32>) outs(%init : tensor<4x8x?xf32>) {queries = 32 : i64} -> tensor<4x8x?xf32>
    ```
  }];
  let arguments = (ins
    Attn_Data:$q, Attn_Data:$k, Attn_Stats:$lse, Optional<Attn_Ints>:$kv_lens,
    Attn_Stats:$out,
    OptionalAttr<AnyAttrOf<[F32Attr, F64Attr]>>:$scale,
    DefaultValuedAttr<I64Attr, "1">:$power, OptionalAttr<I64Attr>:$queries);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `:` type($q) `,` type($k) `)` `lse` `(` $lse `:` type($lse) `)`
    (`kv_lens` `(` $kv_lens^ `:` type($kv_lens) `)`)?
    `outs` `(` $out `:` type($out) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = cacheDeclaration # [{
    /// `scale`, or 1/sqrt(D) where D is static; nothing where it is not.
    std::optional<double> getStaticScale();
  }];
}

def Attn_KVEvictOp : Attn_CacheOp<"kv_evict"> {
  let summary = "the keys that a cache keeps";
  let description = [{
    The kept keys of each sequence and head, in ascending order, and how many they
    are. Of the L keys of a sequence the first `sinks` and the last `recent` are
    protected. If L is above the budget, the others compete by their scores for what
    the budget leaves; of equal ones the lower index wins. Otherwise all are kept. The
    budget is `budget` keys a head, which defaults to C, the size of `kept`. Entries
    behind the count are -1, which `attn.kv_append` skips as slots and attention never
    reads as pages of one key.

    - Without `scores` all are equal: StreamingLLM is `sinks` and `recent` that fill
      the budget.
    - H2O: `recent`, and scores of power 1 (`attn.kv_score`).
    - SnapKV: `pool` elements around a key stand for it, their mean (`avg`, beyond
      the ends counts as 0) or their maximum; protected recent keys do not take part.
    - KV-Compress: with `shared` the heads of a sequence compete for the sum of their
      budgets; of equal scores the lower head wins. Heads keep different numbers then,
      but no more than C.

    Scores that are NaN win.

    | operand | shape |
    |---------|-------|
    | `scores` | B x H x S |
    | `kv_lens` | B |
    | `kept` | B x H x C |
    | `counts` | B x H |

    Constraints:
    * `kv_evict_c1`: shapes are those of the table.
    * `kv_evict_c2`: `sinks` and `recent` are 0 or more, and together within the
      budget, where that is known; `pool` is odd.
    * `kv_evict_c3`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %kept, %counts = attn.kv_evict scores(%s : tensor<4x8x?xf32>) kv_lens(%lens : tensor<4xi32>)
           outs(%ki, %ci : tensor<4x8x1024xi32>, tensor<4x8xi32>) {recent = 32 : i64, pool = 5 : i64}
           -> tensor<4x8x1024xi32>, tensor<4x8xi32>
    ```
  }];
  let arguments = (ins
    Optional<Attn_Shaped<[F32], [3], "tensor or memref of rank 3 of f32">>:$scores,
    Attn_Ints:$kv_lens,
    Attn_Shaped<[I32], [3], "tensor or memref of rank 3 of i32">:$kept,
    Attn_Tables:$counts,
    DefaultValuedAttr<I64Attr, "0">:$sinks, DefaultValuedAttr<I64Attr, "0">:$recent,
    OptionalAttr<I64Attr>:$budget,
    DefaultValuedAttr<I64Attr, "1">:$pool, UnitAttr:$max_pool, UnitAttr:$shared);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    (`scores` `(` $scores^ `:` type($scores) `)`)? `kv_lens` `(` $kv_lens `:` type($kv_lens) `)`
    `outs` `(` $kept `,` $counts `:` type($kept) `,` type($counts) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = cacheDeclaration;
}

#endif // ATTN_DIALECT_ATTN_EVICTOPS_TD
