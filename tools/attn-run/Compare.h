//===- Compare.h - when a result is good enough ---------------------------===//
// docs/Spec.md, "attn-run --check", has the bound. No LLVM in here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_COMPARE_H
#define ATTN_TOOLS_ATTN_RUN_COMPARE_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Tensor.h"

#include <cstdint>
#include <string>

namespace attn::run {

/// What weights are rounded to before they meet values, where that is less than
/// the type of the result.
enum class Weights { kExact, kTF32, kE4M3 };

/// max |got - ref| <= maxAbs * max |ref| + tiny, and
/// |got - ref|_2   <= l2 * |ref|_2 + tiny * sqrt(n).
struct Bound {
  double maxAbs = 0, l2 = 0, tiny = 0;
};

/// The bound for results of `type` that are sums over up to `keys` keys,
/// `tolerance` times the documented one. Integers must be equal.
Bound boundFor(rt::DType type, int64_t keys, double tolerance,
               Weights weights = Weights::kExact);

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
                   const rt::Tensor &expected, int64_t keys, double tolerance,
                   Weights weights = Weights::kExact);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_COMPARE_H
