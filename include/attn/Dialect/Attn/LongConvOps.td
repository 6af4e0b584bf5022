//===- LongConvOps.td - state spaces as convolutions ------------------------===//
#ifndef ATTN_DIALECT_ATTN_LONGCONVOPS_TD
#define ATTN_DIALECT_ATTN_LONGCONVOPS_TD

include "attn/Dialect/Attn/RecurrenceOps.td"

def Attn_HippoMeasure : I32EnumAttr<"HippoMeasure", "what a state remembers its inputs by", [
    I32EnumAttrCase<"LegS", 0, "legs">,
    I32EnumAttrCase<"LegT", 1, "legt">,
    I32EnumAttrCase<"FouT", 2, "fout">]> {
  let cppNamespace = "::attn";
  let genSpecializedAttr = 0;
}
def Attn_HippoMeasureAttr : EnumAttr<Attn_Dialect, Attn_HippoMeasure, "hippo_measure"> {
  let assemblyFormat = "$value";
}

def Attn_HippoOp : Attn_Op<"hippo", [Pure]> {
  let summary = "the matrices of HiPPO: states that remember by polynomials or waves";
  let description = [{
    | measure | `a` | `b` |
    |---------|-----|-----|
    | `legs` | -sqrt((2n+1)(2k+1)) for n > k, -(n+1) for n = k, 0 for n < k | sqrt(2n+1) |
    | `legt` | -sqrt((2n+1)(2k+1)) / 2, times (-1)^(n-k) for n < k | sqrt(2n+1) / 2 |
    | `fout` | pi m at (2m + 1, 2m), -pi m at (2m, 2m + 1), minus b b^T: waves of frequency m | 1, 0, sqrt(2), 0, sqrt(2), ... |

    With two results these are `a` of N x N and `b` of N. With three results it is
    what `attn.s4_kernel` takes: a = V (diag(lambda) - p p^*) V^*, in the basis V of
    eigenvectors, one number for each pair of conjugates, that whose imaginary part
    is not negative, in ascending order:

    | result | shape |
    |--------|-------|
    | `lambda` | N/2 x 2 |
    | `p` | R x N/2 x 2, with R = 2 for `legt`, and 1 for the others |
    | `b` | N/2 x 2: V^* b |

    The phase of an eigenvector is free; here b is real and not negative.

    Source: "HiPPO" (Gu et al., 2020), `hippo.py` of state-spaces/s4.

    Constraints:
    * `hippo_c1`: the results are as in one of the two tables, with static sizes.
    * `hippo_c2`: N of `fout` is even, and that of three results at most 256.

    Example:
    ```mlir
    %a, %b = attn.hippo legs : tensor<64x64xf64>, tensor<64xf64>
    %lambda, %p, %c = attn.hippo legs : tensor<32x2xf64>, tensor<1x32x2xf64>, tensor<32x2xf64>
    ```
  }];
  let arguments = (ins Attn_HippoMeasureAttr:$measure);
  let results = (outs Variadic<RankedTensorOf<[F32, F64]>>:$results);
  let assemblyFormat = "$measure attr-dict `:` type($results)";
  let hasVerifier = 1;
}

def Attn_S4KernelOp : Attn_Op<"s4_kernel", RecurrenceTraits> {
  let summary = "the impulse response of a state space with fixed parameters";
  let description = [{
    For each channel d, with A = diag(a[d,:]), or diag(a) - sum over r of p_r q_r^*:
    ```
    k[d,l] = c . Ad^l Bd                                                 l < L
    zero-order hold:    Ad = e^(delta A)                   Bd = A^-1 (Ad - 1) b
    `bilinear`:         Ad = (1 - delta/2 A)^-1 (1 + delta/2 A)   Bd = (1 - delta/2 A)^-1 delta b
    ```
    so that `attn.fft_conv` with k is `attn.ssm_scan` with these parameters, whose
    states start as 0.

    Complex numbers (`complex`) have a last dimension of 2; each stands for itself
    and its conjugate, so that sums over states are twice their real part, those
    of q_r^* with a state included.

    | operand | shape |
    |---------|-------|
    | `delta` | D |
    | `a`, `b`, `c` | D x N (x 2) |
    | `p`, `q` | D x R x N (x 2), R 1 or 2 |
    | `k` | D x L |

    The arithmetic is f64 whatever the types are, since powers multiply errors; k
    is rounded once. States are stepped through the L taps, O(N) each: a step of
    the low rank form solves with diagonals alone.

    Sources: "Efficiently Modeling Long Sequences with Structured State Spaces"
    (Gu et al., 2022), "On the Parameterization and Initialization of Diagonal
    State Space Models".

    Constraints:
    * `s4_kernel_c1`: `delta`, `a`, `b`, `c` and `k` are as in the table.
    * `s4_kernel_c2`: `p` and `q` are as in the table, with a static R of 1 or 2,
      and given together, with `bilinear`: zero-order hold needs the exponential of
      a matrix.
    * `s4_kernel_c3`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %k = attn.s4_kernel ins(%delta, %a, %b, %c : tensor<256xf32>, tensor<256x32x2xf32>, tensor<256x32x2xf32>, tensor<256x32x2xf32>)
           low_rank(%p, %p : tensor<256x1x32x2xf32>, tensor<256x1x32x2xf32>) outs(%init : tensor<256x?xf32>) {bilinear, complex}
           -> tensor<256x?xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$delta, Attn_AnyFloats:$a, Attn_AnyFloats:$b, Attn_AnyFloats:$c,
    Optional<Attn_AnyFloats>:$p, Optional<Attn_AnyFloats>:$q, Variadic<Attn_AnyFloats>:$outs,
    UnitAttr:$bilinear, UnitAttr:$complex);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $delta `,` $a `,` $b `,` $c `:` type($delta) `,` type($a) `,` type($b) `,` type($c) `)`
    (`low_rank` `(` $p^ `,` $q `:` type($p) `,` type($q) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = recurrenceDecls;
}

def Attn_FFTConvOp : Attn_Op<"fft_conv", RecurrenceTraits> {
  let summary = "a causal convolution as long as the sequence, channel by channel";
  let description = [{
    ```
    out[t,d] = sum over s <= t of k[d,t-s] * u[s,d] + skip[d] * u[t,d]
    ```
    with k 0 behind its last tap: a filter of Hyena or H3, or the impulse response
    of a state space (`attn.s4_kernel`). O(S log S) a channel: input and filter are
    filled up with zeros and multiplied as Fourier transforms.

    | operand | shape |
    |---------|-------|
    | `u`, `out` | B x S x D |
    | `k` | D x L |
    | `skip` | D |

    Transforms are of the accumulation type (f32, f64 for f64). On a CPU they are
    FFTW's, which is loaded when the code is.

    Constraints:
    * `fft_conv_c1`: `u` and `out` have one shape, of rank 3.
    * `fft_conv_c2`: `k` and `skip` are as in the table.
    * `fft_conv_c3`: operands are all tensors, or all memrefs.

    Example:
    ```mlir
    %y = attn.fft_conv ins(%u, %k : tensor<1x?x256xf32>, tensor<256x?xf32>) skip(%d : tensor<256xf32>)
           outs(%init : tensor<1x?x256xf32>) -> tensor<1x?x256xf32>
    ```
  }];
  let arguments = (ins
    Attn_AnyFloats:$u, Attn_AnyFloats:$k, Optional<Attn_AnyFloats>:$skip, Variadic<Attn_AnyFloats>:$outs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $u `,` $k `:` type($u) `,` type($k) `)` (`skip` `(` $skip^ `:` type($skip) `)`)?
    `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = recurrenceDecls;
}

#endif // ATTN_DIALECT_ATTN_LONGCONVOPS_TD
