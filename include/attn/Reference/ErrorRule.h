//===- ErrorRule.h - when a result is good enough ---------------*- C++ -*-===//
// With ref in double, plain the plain form and c the candidate, over all
// elements where ref is finite:
//
//   max |c - ref|            <= 2 max |plain - ref| + a u max|ref| + tiny
//   |c - ref|_2 / |ref|_2    <= 2 |plain - ref|_2 / |ref|_2 + a u
//
// u is the unit roundoff of the result's format, a a small count of roundings:
// 2 for tf32, f16 and bf16, 8 for f32, 256 for f64 (where plain and reference
// are the same computation, so the term stands for the whole error); tiny is
// half the smallest subnormal of the format. NaN must meet NaN, and an infinity
// one of the same sign; a ref beyond the format's range may come as an
// infinity.
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_ERRORRULE_H
#define ATTN_REFERENCE_ERRORRULE_H

#include "attn/Reference/Precision.h"

#include <cstdint>
#include <string>
#include <vector>

namespace attn::ref {

struct ErrorReport {
  bool ok = false;
  double maxAbs = 0, maxAbsBound = 0;
  double relL2 = 0, relL2Bound = 0;
  double plainMaxAbs = 0, plainRelL2 = 0;
  /// Row-major index of the largest error, or of the first NaN or infinity that
  /// does not match; -1 when there are no elements.
  int64_t worst = -1;
  double worstRef = 0, worstGot = 0;
  /// One line: the verdict, the two measures with bounds, the worst element.
  std::string text;
};

/// Applies the rule. The three must have equal sizes.
ErrorReport checkError(const std::vector<double> &reference,
                       const std::vector<double> &plain,
                       const std::vector<double> &candidate,
                       Precision precision);

/// "[1, 0, 17, 3]": `index` in a row-major `shape`.
std::string indexText(int64_t index, const std::vector<int64_t> &shape);

} // namespace attn::ref

#endif // ATTN_REFERENCE_ERRORRULE_H
