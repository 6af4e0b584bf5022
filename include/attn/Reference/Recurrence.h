//===- Recurrence.h - state spaces and linear attention ---------*- C++ -*-===//
// One head or channel at a time, in the form that differs most from how they
// are computed: sums over pairs of tokens, and dense matrices.
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_RECURRENCE_H
#define ATTN_REFERENCE_RECURRENCE_H

#include <complex>
#include <cstdint>
#include <vector>

namespace attn::ref {

using Complex = std::complex<double>;

/// Rows of `columns` numbers.
struct Rows {
  int64_t columns;
  std::vector<double> numbers;
  int64_t size() const {
    return static_cast<int64_t>(numbers.size()) / columns;
  }
  const double *operator[](int64_t row) const {
    return numbers.data() + row * columns;
  }
};

/// out_t = sum over s <= t of weight(t, s) v_s.
template <typename Weight>
std::vector<double> weightedSums(const Rows &v, Weight weight) {
  std::vector<double> out(v.numbers.size());
  for (int64_t t = 0; t < v.size(); ++t) {
    for (int64_t s = 0; s <= t; ++s) {
      double w = weight(t, s);
      for (int64_t e = 0; e < v.columns; ++e) {
        out[t * v.columns + e] += w * v[s][e];
      }
    }
  }
  return out;
}

/// Mamba-2: the output of a head from a state of 0, with time steps as they
/// are.
std::vector<double> ssd(const Rows &x, const std::vector<double> &dt, double a,
                        const Rows &b, const Rows &c);

/// Linear attention with positive random features `w` (`attn.linear_attention`
/// with `favor`), normalised by the sum of weights and `epsilon` if that is not
/// negative.
std::vector<double> favorAttention(const Rows &q, const Rows &k, const Rows &v,
                                   const Rows &w, double featureEpsilon,
                                   double epsilon);

/// What it approximates: weights e^(q.k / sqrt(D)).
std::vector<double> kernelAttention(const Rows &q, const Rows &k,
                                    const Rows &v);

/// A state space of one channel, whose numbers stand for themselves and, if
/// `pairs`, their conjugates.
struct StateSpace {
  double delta;
  std::vector<Complex> a, b, c;
  std::vector<std::vector<Complex>> p = {}, q = {}; ///< of low rank
  bool pairs = true;
};

/// Its impulse response, by dense matrices: zero-order hold of diagonal ones,
/// or bilinear.
std::vector<double> impulseResponse(const StateSpace &space, int64_t taps,
                                    bool bilinear);

/// The same with other parameters at each token: one step with `space` from
/// `state`, which becomes the next; what it reads.
double stepState(const StateSpace &space, double u, bool zoh,
                 std::vector<Complex> &state);

} // namespace attn::ref

#endif // ATTN_REFERENCE_RECURRENCE_H
