//===- Compare.cpp - when a result is good enough -------------------------===//

#include "Compare.h"
#include "ComparePairs.h"

using namespace attn;
using namespace attn::run;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

/// The unit roundoff of a format, and half its smallest subnormal.
struct Precision {
  double roundoff, tiny;
};

Precision precisionOf(DType type) {
  switch (type) {
  case DType::kF64:
    return {std::ldexp(1, -53), std::ldexp(1, -1074)};
  case DType::kF32:
    return {std::ldexp(1, -24), std::ldexp(1, -150)};
  case DType::kF16:
    return {std::ldexp(1, -11), std::ldexp(1, -25)};
  case DType::kBF16:
    return {std::ldexp(1, -8), std::ldexp(1, -134)};
  default:
    return {0, 0};
  }
}

} // namespace

// The oracle is not rounded, so half a unit in the last place is the rounding
// of the result. The rest is what accumulation may add. For the 16-bit types
// that is little, but weights are rounded, each on its own, which averages out.
// Sums of n terms in the type of the result have errors that grow like the
// square root of n, while the sums of random values do not.
// Weights of e4m3 are off by up to 1 in 16, 2.6 % in the mean of squares, and
// sums of products on tensor cores by as much as scores of f16.
Bound attn::run::boundFor(DType type, int64_t keys, double tolerance,
                          Weights weights) {
  Precision precision = precisionOf(type);
  if (weights == Weights::kE4M3 &&
      (type == DType::kBF16 || type == DType::kF16)) {
    return {tolerance * 0x1p-3, tolerance * 2 * 0.026, precision.tiny};
  }
  if (weights == Weights::kE4M3 && type == DType::kF32) {
    return {tolerance * 0x1p-11, tolerance * 0x1p-11, precision.tiny};
  }
  bool tf32 = weights == Weights::kTF32 && type == DType::kF32;
  if (tf32) {
    precision.roundoff = std::ldexp(1, -11);
  }
  double growth = std::sqrt(std::max(1.0, double(keys) / 1024));
  double maxAbs = 4, l2 = 2;
  if (type == DType::kF32 && !tf32) {
    maxAbs = 64 * growth;
    l2 = 16 * growth;
  } else if (type == DType::kF64) {
    maxAbs = 256 * growth;
    l2 = 64 * growth;
  }
  return {tolerance * maxAbs * precision.roundoff,
          tolerance * l2 * precision.roundoff, precision.tiny};
}

Comparison attn::run::compare(const std::string &name, const Tensor &got,
                              const Tensor &expected, int64_t keys,
                              double tolerance, Weights weights) {
  Comparison result;
  if (got.shape() != expected.shape()) {
    result.ok = false;
    result.text = name + ": got shape " + rt::toString(got.shape()) +
                  ", expected " + rt::toString(expected.shape());
    return result;
  }
  double largest = 0, errors = 0, squares = 0;
  forEachPair(got, expected, [&](int64_t index, double a, double b) {
    double error = errorOf(a, b);
    if (result.worst < 0 || error > result.maxAbs) {
      result.maxAbs = error;
      result.worst = index;
      result.got = a;
      result.expected = b;
    }
    if (std::isfinite(b)) {
      largest = std::max(largest, std::abs(b));
      squares += b * b;
    }
    errors += error * error;
  });
  Bound bound = boundFor(got.dtype(), keys, tolerance, weights);
  double norm = std::sqrt(squares);
  result.maxAbsBound = bound.maxAbs * largest + bound.tiny;
  result.l2Bound =
      bound.l2 +
      (norm > 0 ? bound.tiny * std::sqrt(double(got.numElements())) / norm : 0);
  result.l2 = norm > 0 ? std::sqrt(errors) / norm : 0;
  result.ok =
      result.maxAbs <= result.maxAbsBound && result.l2 <= result.l2Bound;
  result.text = name + ": " + (result.ok ? "ok" : "MISMATCH") +
                format(", max error %.3g", result.maxAbs) +
                format(" (bound %.3g)", result.maxAbsBound) +
                format(", relative L2 %.3g", result.l2) +
                format(" (bound %.3g)", result.l2Bound);
  if (result.worst >= 0) {
    result.text += ", worst at " + indexText(result.worst, got.shape()) +
                   format(": got %.9g", result.got) +
                   format(", expected %.9g", result.expected);
  }
  return result;
}
