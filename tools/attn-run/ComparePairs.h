//===- ComparePairs.h - what comparing and tracing share ------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_COMPAREPAIRS_H
#define ATTN_TOOLS_ATTN_RUN_COMPAREPAIRS_H

#include "attn/Runtime/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace attn::run {

inline std::string format(const char *text, double a) {
  a = std::isnan(a) ? NAN : a; // without its sign
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), text, a);
  return buffer;
}

/// "[0, 3, 17, 5]".
inline std::string indexText(int64_t index, const rt::Shape &shape) {
  std::string text = "]";
  for (size_t d = shape.size(); d-- > 0;) {
    text = std::to_string(index % shape[d]) + text;
    index /= shape[d];
    if (d > 0) {
      text = ", " + text;
    }
  }
  return "[" + text;
}

/// The error of one element; infinite where special values do not match.
inline double errorOf(double got, double expected) {
  if (std::isfinite(got) && std::isfinite(expected)) {
    return std::abs(got - expected);
  }
  bool same = std::isnan(expected) ? std::isnan(got) : got == expected;
  return same ? 0 : INFINITY;
}

/// Calls `apply(index, got, expected)` for all elements.
template <typename Function>
void forEachPair(const rt::Tensor &got, const rt::Tensor &expected,
                 Function apply) {
  constexpr int64_t kChunk = 1024;
  double a[kChunk], b[kChunk];
  auto at = [](const rt::Tensor &tensor, int64_t index) {
    return static_cast<const char *>(tensor.data()) +
           index * rt::sizeOf(tensor.dtype());
  };
  for (int64_t start = 0; start < got.numElements(); start += kChunk) {
    int64_t count = std::min(kChunk, got.numElements() - start);
    rt::toDoubles(got.dtype(), at(got, start), a, count);
    rt::toDoubles(expected.dtype(), at(expected, start), b, count);
    for (int64_t i = 0; i < count; ++i) {
      apply(start + i, a[i], b[i]);
    }
  }
}

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_COMPAREPAIRS_H
