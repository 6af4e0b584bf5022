//===- Precision.cpp - rounding to a format -------------------------------===//
// Deliberately another method than that of the runtime's conversions (scaling
// and rint here, bit patterns there), so that each checks the other.
//===----------------------------------------------------------------------===//

#include "attn/Reference/Precision.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attn::ref;

double attn::ref::roundTo(Precision precision, double x) {
  int digits = 24;        // of the significand
  int minExponent = -126; // of normal numbers
  int maxExponent = 127;
  switch (precision) {
  case Precision::kF64:
    return x;
  case Precision::kF32:
    return static_cast<float>(x);
  case Precision::kTF32:
    digits = 11;
    break;
  case Precision::kF16:
    digits = 11;
    minExponent = -14;
    maxExponent = 15;
    break;
  case Precision::kBF16:
    digits = 8;
    break;
  }
  if (!std::isfinite(x) || x == 0) {
    return x;
  }
  int exponent = std::max(std::ilogb(x), minExponent);
  int shift = digits - 1 - exponent;
  // Scaling by a power of two is exact, so here is the only rounding.
  double scaled = std::ldexp(x, shift);
  double rounded = std::ldexp(precision == Precision::kTF32 ? std::round(scaled)
                                                            : std::rint(scaled),
                              -shift);
  if (std::fabs(rounded) >= std::ldexp(1.0, maxExponent + 1)) {
    return std::copysign(std::numeric_limits<double>::infinity(), x);
  }
  return rounded;
}

double attn::ref::unitRoundoff(Precision precision) {
  switch (precision) {
  case Precision::kF64:
    return 0x1p-53;
  case Precision::kF32:
    return 0x1p-24;
  case Precision::kTF32:
  case Precision::kF16:
    return 0x1p-11;
  case Precision::kBF16:
    return 0x1p-8;
  }
  return 0;
}
