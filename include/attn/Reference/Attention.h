//===- Attention.h - scalar reference of attention --------------*- C++ -*-===//
// For each batch b, query head h and row i, with q = i + offset:
//
//   x_k  = score(scale * <Q[b,h,i], K[b,h/g,k]>)        for visible k < Sk_b
//   lse  = log(sum_k e^x_k + e^sink_h)                  sink optional
//   O    = sum_k e^(x_k - lse) V[b,h/g,k]
//
// A row with no visible key gives O = 0 and lse = -inf (the sink, if there is
// one). What invisible keys hold does not matter. A visible NaN score makes the
// row NaN. g = Hq / Hkv.
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_ATTENTION_H
#define ATTN_REFERENCE_ATTENTION_H

#include "attn/Reference/Mask.h"
#include "attn/Reference/Precision.h"
#include "attn/Reference/View.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace attn::ref {

/// | layout | q                | k                 | v                 |
/// | kBhsd  | [B, Hq, Sq, D]   | [B, Hkv, Sk, D]   | [B, Hkv, Sk, Dv]  |
/// | kBshd  | [B, Sq, Hq, D]   | [B, Sk, Hkv, D]   | [B, Sk, Hkv, Dv]  |
/// | kThd   | [Tq, Hq, D]      | [Tk, Hkv, D]      | [Tk, Hkv, Dv]     |
/// out has the shape of q with Dv for D, lse that of out without its last size.
enum class Layout { kBhsd, kBshd, kThd };

/// Changes a score (natural units); called for visible pairs only.
using ScoreFn = std::function<double(double x, const Point &)>;

struct AttentionProblem {
  View q, k, v;
  Layout layout = Layout::kBhsd;
  /// kThd only: B + 1 ascending row numbers each, from 0 to Tq and Tk.
  std::vector<int64_t> cuSeqlensQ, cuSeqlensK;
  /// Keys in use per batch (<= Sk); empty: all.
  std::vector<int64_t> kvLengths;
  /// Position of row 0: one for all, or one per batch. Empty: Sk_b - Sq_b, with
  /// Sk_b the keys in use.
  std::vector<int64_t> offsets;
  std::optional<double> scale; ///< default 1/sqrt(D)
  ScoreFn score;
  MaskFn mask;
  std::vector<double> sinks; ///< one per query head; empty: none
  int numThreads = 0;        ///< 0: all; callbacks must be thread-safe
};

struct AttentionResult {
  std::string error;            ///< empty, or what is wrong with the problem
  std::vector<double> out, lse; ///< row-major
  std::vector<int64_t> outShape, lseShape;

  bool ok() const { return error.empty(); }
};

/// The definition, in double. The same bits for any number of threads.
AttentionResult attention(const AttentionProblem &problem);

/// The plain form that the error rule measures against: inputs rounded to
/// `precision`; S = round(scale * <q,k>) and round(score(S)); P =
/// round(softmax(S)); products, sums and exponentials in f32 (f64 for kF64);
/// O rounded. lse is f32.
AttentionResult plainAttention(const AttentionProblem &problem,
                               Precision precision);

/// Attention over a part of the keys: o [rows, Dv], lse [rows].
struct State {
  std::vector<double> o, lse;
};

/// The state over the union of the parts: lse = log(sum e^lse_n), o = sum
/// e^(lse_n - lse) o_n. Parts with lse = -inf are ignored, whatever their o
/// holds; a row where all are gives 0 and -inf. All parts must have equal
/// sizes; `lse.size()` rows. No part: an empty state.
State mergeStates(const std::vector<State> &parts);

} // namespace attn::ref

#endif // ATTN_REFERENCE_ATTENTION_H
