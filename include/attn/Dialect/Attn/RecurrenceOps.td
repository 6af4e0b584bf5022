//===- RecurrenceOps.td - state spaces and linear attention -----------------===//
#ifndef ATTN_DIALECT_ATTN_RECURRENCEOPS_TD
#define ATTN_DIALECT_ATTN_RECURRENCEOPS_TD

include "attn/Dialect/Attn/AttnBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Of `outs` the first is written; the others are state, which is read and
// written: what they hold is the state in front of the first token, and the
// results are the state behind the last one.
defvar SumTraits = [
  DeclareOpInterfaceMethods<DestinationStyleOpInterface, ["getDpsInitsMutable"]>,
  DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
  ConditionallySpeculatable,
  DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>];
defvar RecurrenceTraits = !listconcat([AttrSizedOperandSegments], SumTraits);

def Attn_ScanSchedule : I32EnumAttr<"ScanSchedule", "how the tokens of a recurrence are taken", [
    I32EnumAttrCase<"Sequential", 0, "sequential">,
    I32EnumAttrCase<"Chunked", 1, "chunked">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_ScanScheduleAttr : EnumAttr<Attn_Dialect, Attn_ScanSchedule, "scan_schedule"> {
  let assemblyFormat = "$value";
}

defvar recurrenceDecls = [{
  bool hasTensorSemantics() {
    return ::mlir::isa<::mlir::TensorType>(getOuts().front().getType());
  }
  ::mlir::Value getOut() { return getOuts().front(); }
  ::mlir::Speculation::Speculatability getSpeculatability() {
    return hasTensorSemantics() ? ::mlir::Speculation::Speculatable
                                : ::mlir::Speculation::NotSpeculatable;
  }
}];

defvar layoutDecls = [{
  int64_t getSeqDim();
  int64_t getHeadDim();
  /// Of `out`: the elements of a head.
  int64_t getSizeDim() { return getLayout() == ::attn::Layout::THD ? 2 : 3; }
}];

defvar stateDecls = [{
  /// Null where the recurrence starts from 0 and its end is dropped.
  ::mlir::Value getState() { return getOuts().size() > 1 ? getOuts()[1] : ::mlir::Value(); }
}];

def Attn_SSDOp : Attn_Op<"ssd", RecurrenceTraits> {
  let summary = "the state space of Mamba-2: a scalar decay for each head";
  let description = [{
    For each sequence and head h, with g = h floordiv (H / G):
    ```
    dt'    = clamp(softplus(dt[t,h] + dt_bias[h]), dt_limit)
    S_t    = e^(dt' * a[h]) * S_{t-1} + dt' * x[t,h,:] b[t,g,:]^T        P x N
    y_t    = S_t c[t,g,:] + d[h] * x[t,h,:]
    out_t  = y_t * silu(z[t,h,:])
    ```
    `softplus` is an attribute; without it, and without a bias, a limit, `skip` and
    `gate`, these parts are left out. softplus(v) is v above 20.

    | operand | shape (`bshd`) | `bhsd` | `thd` |
    |---------|----------------|--------|-------|
    | `x`, `z`, `out` | B x S x H x P | B x H x S x P | T x H x P |
    | `dt` | B x S x H | B x H x S | T x H |
    | `b`, `c` | B x S x G x N | B x G x S x N | T x G x N |
    | `a`, `dt_bias` | H | H | H |
    | `d` | H or H x P | | |
    | `state` | B x H x P x N | B x H x P x N | B x H x P x N |
    | `cu_seqlens` | - | - | B + 1 |
    | `seq_ids` | B x S | B x S | 1 x T |

    - `state` is the second of `outs`: it holds the state in front of the first
      token, and its result is that behind the last one. Without it the state
      starts as 0.
    - The state is cleared in front of each token whose entry of `seq_ids` is not
      that of the token before; the initial state is that of the first token's
      sequence.
    - Sequences of `thd` start at the entries of `cu_seqlens`, each with a state
      of its own; one without tokens keeps its state.
    - State and arithmetic are of the accumulation type (f32, f64 for f64) where
      the state is; a state of another type is rounded once, at the end.
    - `exact` takes the tokens one by one, in the order of `attn.ssm_step`, so that
      prefill and decode give the same bits. `chunk` is the number of tokens
      taken at once otherwise; the compiler chooses it unless given.

    Source: "Transformers are SSMs" (Dao and Gu, 2024), `ssd_minimal.py` and
    `ssd_combined.py` of state-spaces/mamba.

    Constraints:
    * `ssd_c1`: `x`, `out` and `z` have one shape, of rank 4, or 3 for thd.
    * `ssd_c2`: `dt`, `b` and `c` are as in the table, and G divides H.
    * `ssd_c3`: `a`, `dt_bias` and `d` have one entry, or for `d` one row, a head.
    * `ssd_c4`: `outs` are `out` and at most one state, as in the table.
    * `ssd_c5`: thd has `cu_seqlens`, the other layouts do not; `seq_ids` is as in
      the table.
    * `ssd_c6`: `dt_limit` has two numbers in order; `chunk` is positive, and not
      given with `exact`.
    * `ssd_c7`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y, %s1 = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<1x?x64x64xf32>, tensor<1x?x64xf32>, tensor<64xf32>, tensor<1x?x1x128xf32>, tensor<1x?x1x128xf32>)
                dt_bias(%bias : tensor<64xf32>) skip(%d : tensor<64xf32>) gate(%z : tensor<1x?x64x64xf32>)
                outs(%init, %s0 : tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>) {softplus, dt_limit = array<f64: 1.0e-03, 1.0e-01>}
                -> tensor<1x?x64x64xf32>, tensor<1x64x64x128xf32>
    ```
  }];
  let arguments = (ins
    Attn_Data:$x, Attn_Step:$dt, Attn_Param:$a, Attn_Data:$b, Attn_Data:$c,
    Optional<Attn_Param>:$dt_bias, Optional<Attn_Param>:$d, Optional<Attn_Data>:$z,
    Optional<Attn_Ints>:$cu_seqlens, Optional<Attn_Tables>:$seq_ids,
    Variadic<Attn_Data>:$outs,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BSHD">:$layout,
    UnitAttr:$softplus, OptionalAttr<DenseF64ArrayAttr>:$dt_limit,
    UnitAttr:$exact, OptionalAttr<I64Attr>:$chunk);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `,` $dt `,` $a `,` $b `,` $c `:` type($x) `,` type($dt) `,` type($a) `,` type($b) `,` type($c) `)`
    (`layout` `(` custom<Layout>($layout)^ `)`)?
    (`dt_bias` `(` $dt_bias^ `:` type($dt_bias) `)`)? (`skip` `(` $d^ `:` type($d) `)`)?
    (`gate` `(` $z^ `:` type($z) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`seq_ids` `(` $seq_ids^ `:` type($seq_ids) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, layoutDecls, stateDecls);
}

def Attn_LinearAttentionOp : Attn_Op<"linear_attention", RecurrenceTraits> {
  let summary = "causal attention without softmax: a sum of outer products that decays";
  let description = [{
    For each sequence and head h, with g = h floordiv (H / G):
    ```
    S_t   = e^(decay_t) . S_{t-1} + f(k[t,g,:]) v'_t^T                   K x V
    n_t   = e^(decay_t) . n_{t-1} + f(k[t,g,:])                          K
    v'_t  = v[t,h,:], or beta[t,h] * (v[t,h,:] - (e^(decay_t) . S_{t-1})^T f(k))
    out_t = scale * S_t^T f(q[t,g,:])
            or S_t^T f(q) / (f(q) . n_t + epsilon)                       normalized
    ```
    | decay | rank | rule |
    |-------|------|------|
    | none | | linear attention; DeltaNet with `beta` |
    | H | 1 | a constant for each head: RetNet |
    | a number a token and head | 2, 3 | simple GLA, Mamba-2; gated DeltaNet with `beta` |
    | K numbers a token and head | 3, 4 | GLA |

    Decays are natural logarithms, so 0 keeps and -inf clears.

    `f` is the identity, `elu(x) + 1` (`elu1`), or positive random features of the
    exponential kernel, with `favor(w)`, w of M x D (FAVOR+):
    ```
    x'   = x * D^(-1/4)
    f(x) = M^(-1/2) * (e^(w x' - |x'|^2 / 2 - m) + feature_epsilon)      M elements
    ```
    where m is the largest exponent of the query for q, and for k the largest one
    of all keys *up to this one*: when it grows, state and norm are scaled by
    `e^(m_{t-1} - m_t)`, so that a later key never changes an earlier output. The
    state then has M rows, and m is the last of `outs`.

    | operand | shape (`bhsd`) | `bshd` | `thd` |
    |---------|----------------|--------|-------|
    | `q`, `k` | B x G x S x D | B x S x G x D | T x G x D |
    | `v`, `out` | B x H x S x V | B x S x H x V | T x H x V |
    | `decay` | H, or B x H x S (x K) | H, or B x S x H (x K) | H, or T x H (x K) |
    | `beta` | B x H x S | B x S x H | T x H |
    | `state` | B x H x K x V | | |
    | `norm` | B x H x K | | |
    | `max` | B x H | | |
    | `cu_seqlens` | - | - | B + 1 |
    | `seq_ids` | B x S | B x S | 1 x T |

    - `outs` are `out`, then the state, with `normalized` the norm, and with
      `favor` the maximum of the keys (-inf in front of the first one); all of
      them, or `out` alone.
    - `cu_seqlens`, `seq_ids`, `exact` and `chunk` are as in `attn.ssd`.
    - `scale` is 1 unless given, and is not given with `normalized`.

    Sources: "Transformers are RNNs" (Katharopoulos et al., 2020), "Rethinking
    Attention with Performers" (Choromanski et al., 2021), RetNet, GLA, DeltaNet
    and Gated DeltaNet as in `fla/ops/*/naive.py`.

    Constraints:
    * `linear_attention_c1`: `q` and `k` have one shape, `v` and `out` another, of
      rank 4, or 3 for thd, with equal batches and lengths, and G divides H.
    * `linear_attention_c2`: `decay` and `beta` are as in the table.
    * `linear_attention_c3`: `favor` has rank 2 and rows of D elements, and
      excludes `elu1`, `decay` and `beta`.
    * `linear_attention_c4`: `outs` are `out` alone, or with all of its state, as in
      the table.
    * `linear_attention_c5`: thd has `cu_seqlens`, the other layouts do not;
      `seq_ids` is as in the table.
    * `linear_attention_c6`: `normalized` excludes `beta` and `scale`; `chunk` is
      positive, and not given with `exact`.
    * `linear_attention_c7`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %o, %s1 = attn.linear_attention ins(%q, %k, %v : tensor<1x4x?x128xf32>, tensor<1x4x?x128xf32>, tensor<1x4x?x128xf32>)
                decay(%g : tensor<1x4x?xf32>) outs(%init, %s0 : tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>)
                {scale = 8.8388347648318447e-02 : f64} -> tensor<1x4x?x128xf32>, tensor<1x4x128x128xf32>
    ```
  }];
  let arguments = (ins
    Attn_Data:$q, Attn_Data:$k, Attn_Data:$v,
    Optional<Attn_AnyFloats>:$decay, Optional<Attn_Step>:$beta, Optional<Attn_Param>:$favor,
    Optional<Attn_Ints>:$cu_seqlens, Optional<Attn_Tables>:$seq_ids,
    Variadic<Attn_AnyFloats>:$outs,
    DefaultValuedAttr<Attn_LayoutAttr, "::attn::Layout::BHSD">:$layout,
    UnitAttr:$elu1, OptionalAttr<F64Attr>:$scale,
    UnitAttr:$normalized, DefaultValuedAttr<F64Attr, "1.0e-06">:$epsilon,
    DefaultValuedAttr<F64Attr, "1.0e-04">:$feature_epsilon,
    UnitAttr:$exact, OptionalAttr<I64Attr>:$chunk);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`layout` `(` custom<Layout>($layout)^ `)`)?
    (`decay` `(` $decay^ `:` type($decay) `)`)? (`beta` `(` $beta^ `:` type($beta) `)`)?
    (`favor` `(` $favor^ `:` type($favor) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`seq_ids` `(` $seq_ids^ `:` type($seq_ids) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, layoutDecls, stateDecls, [{
    ::mlir::Value getNorm() {
      return getOuts().size() > 2 && getNormalized() ? getOuts()[2] : ::mlir::Value();
    }
    ::mlir::Value getMax() {
      return getOuts().size() > 2 && getFavor() ? getOuts().back() : ::mlir::Value();
    }
    /// A number for each of the K rows of the state, a token and head.
    bool hasKeyDecay();
  }]);
}

def Attn_SSMScanOp : Attn_Op<"ssm_scan", RecurrenceTraits> {
  let summary = "a state space with a diagonal for each channel: S4D, Mamba-1";
  let description = [{
    For each sequence and channel d, with g = d floordiv (D / G):
    ```
    delta' = clamp(softplus(delta[t,d] + dt_bias[d]), dt_limit)
    h_t[n] = e^(delta' * a[d,n]) * h_{t-1}[n] + w_t * b_t[n] * u[t,d]
    y_t    = sum over n of c_t[n] * h_t[n] + skip[d] * u[t,d]
    out_t  = y_t * silu(z[t,d])
    ```
    with w_t = delta' (Mamba), or (e^(delta' a) - 1) / a with `zoh` (S4D, zero-order
    hold). b_t and c_t are rows of parameters `[d, :]`, or of tokens `[t, g, :]`.
    Parts that are not given are left out, as in `attn.ssd`.

    Complex numbers (`complex`) have a last dimension of 2 in `a`, `b`, `c` and
    `state`; each number stands for itself and its conjugate, so y_t is twice the
    real part of the sum.

    | operand | shape | ragged |
    |---------|-------|--------|
    | `u`, `z`, `out` | B x S x D | T x D |
    | `delta` | B x S x D, or D | T x D, or D |
    | `a` | D x N (x 2) | |
    | `b`, `c` | D x N (x 2), or B x S x G x N (x 2) | D x N (x 2), or T x G x N (x 2) |
    | `dt_bias`, `skip` | D | |
    | `state` | B x D x N (x 2) | |
    | `cu_seqlens` | - | B + 1 |
    | `seq_ids` | B x S | 1 x T |

    State, `cu_seqlens`, `seq_ids` and `exact` are as in `attn.ssd`.

    Sources: "Mamba" (Gu and Dao, 2023), `selective_scan_ref` of state-spaces/mamba;
    "On the Parameterization and Initialization of Diagonal State Space Models".

    Constraints:
    * `ssm_scan_c1`: `u`, `out` and `z` have one shape, of rank 3, or 2 with
      `cu_seqlens`.
    * `ssm_scan_c2`: `delta`, `a`, `b` and `c` are as in the table, G divides D,
      and `b` and `c` are of one kind.
    * `ssm_scan_c3`: `dt_bias` and `skip` have D entries.
    * `ssm_scan_c4`: `outs` are `out` and at most one state, as in the table.
    * `ssm_scan_c5`: `seq_ids` is as in the table.
    * `ssm_scan_c6`: `dt_limit` has two numbers in order.
    * `ssm_scan_c7`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y, %h1 = attn.ssm_scan ins(%u, %delta, %a, %b, %c : tensor<1x?x4096xf32>, tensor<1x?x4096xf32>, tensor<4096x16xf32>, tensor<1x?x1x16xf32>, tensor<1x?x1x16xf32>)
                dt_bias(%bias : tensor<4096xf32>) skip(%d : tensor<4096xf32>)
                outs(%init, %h0 : tensor<1x?x4096xf32>, tensor<1x4096x16xf32>) {softplus}
                -> tensor<1x?x4096xf32>, tensor<1x4096x16xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$u, Attn_AnyFloats:$delta, Attn_AnyFloats:$a, Attn_AnyFloats:$b, Attn_AnyFloats:$c,
    Optional<Attn_Param>:$dt_bias, Optional<Attn_Param>:$skip, Optional<Attn_AnyFloats>:$z,
    Optional<Attn_Ints>:$cu_seqlens, Optional<Attn_Tables>:$seq_ids,
    Variadic<Attn_AnyFloats>:$outs,
    UnitAttr:$softplus, OptionalAttr<DenseF64ArrayAttr>:$dt_limit,
    UnitAttr:$zoh, UnitAttr:$complex, UnitAttr:$exact);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $u `,` $delta `,` $a `,` $b `,` $c `:` type($u) `,` type($delta) `,` type($a) `,` type($b) `,` type($c) `)`
    (`dt_bias` `(` $dt_bias^ `:` type($dt_bias) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)?
    (`gate` `(` $z^ `:` type($z) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`seq_ids` `(` $seq_ids^ `:` type($seq_ids) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, stateDecls, [{
    bool isRagged() { return static_cast<bool>(getCuSeqlens()); }
  }]);
}

def Attn_SSMStepOp : Attn_Op<"ssm_step", RecurrenceTraits> {
  let summary = "one token of a state space: decode of Mamba-1 and Mamba-2";
  let description = [{
    The step of `attn.ssd` or `attn.ssm_scan`, with the same softplus, bias and
    limit of the time step, on one token of each sequence. State is read and
    written at `slots`, where given, each of which occurs once; one that the state
    does not have (-1) gives an output of 0 and changes no state. The bits are those of a prefill with `exact`.

    | operand | Mamba-2 | Mamba-1 |
    |---------|---------|---------|
    | `x`, `z`, `out` | B x H x P | B x D |
    | `dt` | B x H | B x D |
    | `a` | H | D x N |
    | `b`, `c` | B x G x N | B x G x N |
    | `dt_bias` | H | D |
    | `skip` | H or H x P | D |
    | `state` | slots x H x P x N | slots x D x N |
    | `slots` | B | B |

    Constraints:
    * `ssm_step_c1`: `x`, `out` and `z` have one shape, of rank 3 (Mamba-2) or 2.
    * `ssm_step_c2`: the other operands are as in the table; without `slots` the
      state has B of them; G divides H or D.
    * `ssm_step_c3`: `dt_limit` has two numbers in order.
    * `ssm_step_c4`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y, %s1 = attn.ssm_step ins(%x, %dt, %a, %b, %c : tensor<8x64x64xf32>, tensor<8x64xf32>, tensor<64xf32>, tensor<8x1x128xf32>, tensor<8x1x128xf32>)
                slots(%slots : tensor<8xi32>) outs(%init, %pool : tensor<8x64x64xf32>, tensor<?x64x64x128xf32>) {softplus}
                -> tensor<8x64x64xf32>, tensor<?x64x64x128xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$x, Attn_AnyFloats:$dt, Attn_AnyFloats:$a, Attn_AnyFloats:$b, Attn_AnyFloats:$c,
    Optional<Attn_Param>:$dt_bias, Optional<Attn_Param>:$skip, Optional<Attn_AnyFloats>:$z,
    Optional<Attn_Ints>:$slots,
    Variadic<Attn_AnyFloats>:$outs,
    UnitAttr:$softplus, OptionalAttr<DenseF64ArrayAttr>:$dt_limit);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `,` $dt `,` $a `,` $b `,` $c `:` type($x) `,` type($dt) `,` type($a) `,` type($b) `,` type($c) `)`
    (`dt_bias` `(` $dt_bias^ `:` type($dt_bias) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)?
    (`gate` `(` $z^ `:` type($z) `)`)? (`slots` `(` $slots^ `:` type($slots) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, stateDecls, [{
    /// Mamba-2.
    bool hasHeads() {
      return ::mlir::cast<::mlir::ShapedType>(getX().getType()).getRank() == 3;
    }
  }]);
}

def Attn_CausalConv1dOp : Attn_Op<"causal_conv1d", RecurrenceTraits> {
  let summary = "a short convolution along the sequence, channel by channel";
  let description = [{
    ```
    y[t,d] = bias[d] + sum over i < W of w[d,i] * x[t - (W - 1) + i, d]
    ```
    times its logistic function with `silu`. Tokens in front of the sequence come
    from the state, the oldest first; without one they are 0. The state behind it
    is the last W - 1 tokens.

    | operand | shape | ragged |
    |---------|-------|--------|
    | `x`, `out` | B x S x D | T x D |
    | `w` | D x W, with W from 2 to 8 | |
    | `bias` | D | |
    | `state` | B x (W - 1) x D | |
    | `cu_seqlens` | - | B + 1 |
    | `seq_ids` | B x S | 1 x T |

    With `seq_ids`, tokens of another id than that of token t are 0 to it; the
    state belongs to the first token's id, and to the last one's behind.

    Constraints:
    * `causal_conv1d_c1`: `x` and `out` have one shape, of rank 3, or 2 with
      `cu_seqlens`.
    * `causal_conv1d_c2`: `w` is D x W with a static W from 2 to 8, and `bias` has
      D entries.
    * `causal_conv1d_c3`: `outs` are `out` and at most one state, as in the table.
    * `causal_conv1d_c4`: `seq_ids` is as in the table.
    * `causal_conv1d_c5`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y, %s1 = attn.causal_conv1d ins(%x, %w : tensor<1x?x256xf32>, tensor<256x4xf32>) bias(%b : tensor<256xf32>)
                outs(%init, %s0 : tensor<1x?x256xf32>, tensor<1x3x256xf32>) {silu} -> tensor<1x?x256xf32>, tensor<1x3x256xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$x, Attn_Param:$w, Optional<Attn_Param>:$bias,
    Optional<Attn_Ints>:$cu_seqlens, Optional<Attn_Tables>:$seq_ids,
    Variadic<Attn_AnyFloats>:$outs, UnitAttr:$silu);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $x `,` $w `:` type($x) `,` type($w) `)` (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`cu_seqlens` `(` $cu_seqlens^ `:` type($cu_seqlens) `)`)? (`seq_ids` `(` $seq_ids^ `:` type($seq_ids) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, stateDecls, [{
    bool isRagged() { return static_cast<bool>(getCuSeqlens()); }
  }]);
}

//===----------------------------------------------------------------------===//
// Level 2
//===----------------------------------------------------------------------===//

def Attn_ScanChunkOp : Attn_Op<"scan_chunk", RecurrenceTraits> {
  let summary = "some tokens of one recurrence: decay, write, read";
  let description = [{
    What tiling makes of every recurrence: one head, or a block of channels, over
    a chunk of its tokens.
    ```
    E_t[k,v] = e^(decay[t]), e^(decay[t,k]), e^(decay[t,v] * rates[k,v]),
               or factors[k,v]; 1 without; times keep[t]
    v'_t     = write[t] * v[t,:]                 or with beta
               beta[t] * (v[t,:] - (E_t . S_{t-1})^T k_t)
    S_t      = E_t . S_{t-1} + k_t v'_t^T
    n_t      = E_t . n_{t-1} + k_t
    out_t    = S_t^T q_t                         or with a norm
               S_t^T q_t / (q_t . n_t + epsilon)
    ```
    | operand | shape |
    |---------|-------|
    | `q`, `k` | T x K; K x V, the same for all tokens, with `fixed` |
    | `v`, `out` | T x V |
    | `decay` | T, T x K, or T x V with `rates` |
    | `rates`, `factors` | K x V |
    | `write`, `beta`, `keep` | T |
    | `pairs` | C x C, with C at least T |
    | `state` | K x V |
    | `norm` | K |

    With `transposed`, what is K x V in this table is V x K in memory.

    - `zoh` (zero-order hold) multiplies k_t by (e^r - 1) / r, of the exponent
      r = decay * rates.
    - `complex`: the first half of K are real parts, the second half imaginary ones,
      of `q`, `k`, `rates`, `factors` and the state; v is real, and out is twice the
      real part.
    - `pairs` are the products q_t . k_s of heads that share q and k
      (`attn.pair_products`).

    `schedule` is `chunked`, products of matrices over all tokens, for decays of one
    number a token; or `sequential`, the tokens one by one, with the state in
    registers. `max_tokens` is a bound of T. A decay of -inf clears the state, as 0
    in `keep` does. State and norm are of the type of the arithmetic.

    Constraints:
    * `scan_chunk_c1`: the shapes are as in the table.
    * `scan_chunk_c2`: `chunked` has at most one decay a token, no `beta`, no
      `rates`, `factors` and `keep`, and is neither `fixed` nor `transposed`;
      `pairs` are for `chunked`.
    * `scan_chunk_c3`: `write` excludes `beta`.
    * `scan_chunk_c4`: operands are all tensors, or all memrefs.
    * `scan_chunk_c5`: `factors` excludes `decay`; `keep` and `complex` are for
      `rates` or `factors`, and `zoh` for `rates`; `complex` has an even K and is not
      `transposed`.

    Example:
    ```mlir
    %y, %s1 = attn.scan_chunk ins(%q, %k, %v : tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x64xf32>) decay(%g : tensor<?xf32>)
                write(%w : tensor<?xf32>) outs(%init, %s0 : tensor<?x64xf32>, tensor<128x64xf32>) chunked {max_tokens = 64 : i64}
                -> tensor<?x64xf32>, tensor<128x64xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$q, Attn_AnyFloats:$k, Attn_AnyFloats:$v,
    Optional<Attn_AnyFloats>:$decay, Optional<Attn_AnyFloats>:$rates, Optional<Attn_AnyFloats>:$factors,
    Optional<Attn_AnyFloats>:$keep, Optional<Attn_AnyFloats>:$write, Optional<Attn_AnyFloats>:$beta,
    Optional<Attn_AnyFloats>:$pairs, Variadic<Attn_AnyFloats>:$outs,
    Attn_ScanScheduleAttr:$schedule, UnitAttr:$transposed, UnitAttr:$fixed, UnitAttr:$zoh, UnitAttr:$complex,
    DefaultValuedAttr<F64Attr, "0.0">:$epsilon, I64Attr:$max_tokens);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    (`decay` `(` $decay^ `:` type($decay) `)`)? (`rates` `(` $rates^ `:` type($rates) `)`)?
    (`factors` `(` $factors^ `:` type($factors) `)`)? (`keep` `(` $keep^ `:` type($keep) `)`)?
    (`write` `(` $write^ `:` type($write) `)`)? (`beta` `(` $beta^ `:` type($beta) `)`)?
    (`pairs` `(` $pairs^ `:` type($pairs) `)`)?
    `outs` `(` $outs `:` type($outs) `)` $schedule attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = !strconcat(recurrenceDecls, stateDecls, [{
    ::mlir::Value getNorm() { return getOuts().size() > 2 ? getOuts()[2] : ::mlir::Value(); }
    /// The type of the arithmetic.
    ::mlir::FloatType getAccumulatorType();
  }]);
}

#endif // ATTN_DIALECT_ATTN_RECURRENCEOPS_TD
