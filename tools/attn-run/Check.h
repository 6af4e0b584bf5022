//===- Check.h - compare results with the oracle --------------------------===//
// The oracle is the same module, compiled to its materialised form in f64
// (attn-decompose-reference). docs/Spec.md, "attn-run --check", has the bound.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_CHECK_H
#define ATTN_TOOLS_ATTN_RUN_CHECK_H

#include "Work.h"

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace attn::run {

/// max |got - ref| <= maxAbs * max |ref| + tiny, and
/// |got - ref|_2   <= l2 * |ref|_2 + tiny * sqrt(n).
struct Bound {
  double maxAbs = 0, l2 = 0, tiny = 0;
};

/// The bound for results of `type` that are sums over up to `keys` keys,
/// `tolerance` times the documented one. Integers must be equal.
Bound boundFor(rt::DType type, int64_t keys, double tolerance);

struct Comparison {
  bool ok = true;
  double maxAbs = 0, maxAbsBound = 0;
  double l2 = 0, l2Bound = 0;   // relative
  int64_t worst = -1;           // row-major index; -1 when there is no element
  double got = 0, expected = 0; // there
  std::string text;             // one line
};

/// Compares `got` with `expected`, two tensors of one shape, by the bound for
/// the type of `got`. NaN must meet NaN, an infinity one of the same sign.
Comparison compare(const std::string &name, const rt::Tensor &got,
                   const rt::Tensor &expected, int64_t keys, double tolerance);

/// Where `got` first leaves the bound of `comparison`, row by row (the last
/// dimension being a row), and how the rows beyond it are spread over the tiles
/// of `work`, which may be empty.
std::string traceNumerics(const std::string &name, const rt::Tensor &got,
                          const rt::Tensor &expected,
                          const Comparison &comparison,
                          const std::vector<Work> &work);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_CHECK_H
