//===- FeatureOps.td - projections of queries, keys and values --------------===//
#ifndef ATTN_DIALECT_ATTN_FEATUREOPS_TD
#define ATTN_DIALECT_ATTN_FEATUREOPS_TD

include "attn/Dialect/Attn/RecurrenceOps.td"

def Attn_LinformerProjectOp : Attn_Op<"linformer_project", SumTraits> {
  let summary = "keys or values of a sequence as sums with few rows";
  let description = [{
    ```
    out[r,:] = sum over s < min(S, N) of e[s,r] * x[s,:]
    ```
    For keys and for values, in front of an `attn.attention` over R keys. Each row
    is a sum over all tokens, so that this attention is not causal.

    | operand | shape (`bhsd`) | `bshd` |
    |---------|----------------|--------|
    | `x` | B x H x S x D | B x S x H x D |
    | `e` | N x R, or H x N x R | |
    | `out` | B x H x R x D | B x R x H x D |

    `e` is of the longest sequence; the first S of its rows count. Sums are of the
    accumulation type (f32, f64 for f64), and are rounded once.

    Source: "Linformer" (Wang et al., 2020).

    Constraints:
    * `linformer_project_c1`: `x` and `out` have rank 4, and equal batches, heads
      and D; the layout is not thd.
    * `linformer_project_c2`: `e` is as in the table.
    * `linformer_project_c3`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %kr = attn.linformer_project ins(%k, %e : tensor<1x8x?x64xf32>, tensor<4096x256xf32>)
            outs(%init : tensor<1x8x256x64xf32>) -> tensor<1x8x256x64xf32>
    ```
  }];
  let arguments = (ins
    Attn_Data:$x, Attn_AnyFloats:$e, Variadic<Attn_Data>:$outs,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BHSD">:$layout);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `,` $e `:` type($x) `,` type($e) `)` (`layout` `(` custom<Layout>($layout)^ `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, layoutDecls);
}

//===----------------------------------------------------------------------===//
// Level 2
//===----------------------------------------------------------------------===//

def Attn_FavorFeaturesOp : Attn_Op<"favor_features", SumTraits> {
  let summary = "positive random features of some queries or keys";
  let description = [{
    The features of `attn.linear_attention` with `favor`, of the tokens of a chunk:
    ```
    e[t,i] = D^(-1/4) * x[t,:] . w[:,i] - D^(-1/2) * |x[t,:]|^2 / 2
    f[t,i] = M^(-1/2) * (e^(e[t,i] - m_t) + epsilon)
    ```
    Of queries, with one operand in `outs`, m_t is the largest of the e[t,:]. Of
    keys it is the largest one of all keys so far, and the other two of `outs` are
    the logarithmic decay of what the keys before have left, and the maximum:
    ```
    m_t = max(m_{t-1} + decay[t], max over i of e[t,i])     decay[t] += m_{t-1} - m_t
    ```
    so that a decay of -inf, which clears a state, starts a maximum too.

    | operand | shape |
    |---------|-------|
    | `x` | T x D |
    | `w` | D x M |
    | `f` | T x M |
    | `decay` | T |
    | `max` | 1 |

    `max_tokens` is a bound of T.

    Constraints:
    * `favor_features_c1`: the shapes are as in the table, and `outs` are `f`, or
      all three.
    * `favor_features_c2`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %f, %g, %m = attn.favor_features ins(%k, %w : tensor<?x64xf32>, tensor<64x256xf32>)
                   outs(%init, %decay, %max : tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>) {max_tokens = 64 : i64}
                   -> tensor<?x256xf32>, tensor<?xf32>, tensor<1xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$x, Attn_AnyFloats:$w, Variadic<Attn_AnyFloats>:$outs,
    DefaultValuedAttr<F64Attr, "1.0e-04">:$epsilon, I64Attr:$max_tokens);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `,` $w `:` type($x) `,` type($w) `)`
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = recurrenceDecls;
}

def Attn_PairProductsOp : Attn_Op<"pair_products", SumTraits> {
  let summary = "products of what is read and written, of the pairs of a chunk";
  let description = [{
    ```
    out[t,s] = q[t,:] . k[s,:]              s <= t
    ```
    for heads that share `q` and `k`: `pairs` of their `attn.scan_chunk`. Other
    elements of the first T rows may hold anything.

    | operand | shape |
    |---------|-------|
    | `q`, `k` | T x K |
    | `out` | C x C, with C at least T |

    Constraints:
    * `pair_products_c1`: the shapes are as in the table, C and K static.
    * `pair_products_c2`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %g = attn.pair_products ins(%q, %k : tensor<?x128xf32>, tensor<?x128xf32>) outs(%init : tensor<64x64xf32>) -> tensor<64x64xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$q, Attn_AnyFloats:$k, Variadic<Attn_AnyFloats>:$outs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `:` type($q) `,` type($k) `)`
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = recurrenceDecls;
}

#endif // ATTN_DIALECT_ATTN_FEATUREOPS_TD
