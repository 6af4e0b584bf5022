//===- Hippo.h - matrices of HiPPO ------------------------------*- C++ -*-===//

#ifndef ATTN_REFERENCE_HIPPO_H
#define ATTN_REFERENCE_HIPPO_H

#include <complex>
#include <cstdint>
#include <vector>

namespace attn::ref {

enum class Hippo { kLegS, kLegT, kFouT };

/// x' = A x + B u, with `a` of n x n, and columns whose outer products make A a
/// normal matrix when they are added: `low` of r x n.
struct HippoMatrices {
  int64_t states = 0;
  std::vector<double> a, b;
  std::vector<std::vector<double>> low;
};
HippoMatrices hippoMatrices(Hippo measure, int64_t states);

/// The same in the eigenvectors of the normal part: one of each pair of
/// conjugates, that with the imaginary part of 0 or more, in ascending order.
/// b is real and not negative. `states` is even.
struct HippoDiagonal {
  std::vector<std::complex<double>> lambda, b;
  std::vector<std::vector<std::complex<double>>> p; ///< r x n/2
};
HippoDiagonal hippoDiagonal(Hippo measure, int64_t states);

} // namespace attn::ref

#endif // ATTN_REFERENCE_HIPPO_H
