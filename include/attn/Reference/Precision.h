//===- Precision.h - rounding to a format -----------------------*- C++ -*-===//

#ifndef ATTN_REFERENCE_PRECISION_H
#define ATTN_REFERENCE_PRECISION_H

namespace attn::ref {

enum class Precision { kF64, kF32, kTF32, kF16, kBF16 };

/// `x` rounded to nearest in that format, subnormals and overflow to infinity
/// included; rounded once. Ties to even, but for tf32 (f32 with 11 digits),
/// whose ties go away from 0.
double roundTo(Precision precision, double x);

/// Half the distance from 1 to the next number: 2^-53, 2^-24, 2^-11 (tf32,
/// f16), 2^-8.
double unitRoundoff(Precision precision);

} // namespace attn::ref

#endif // ATTN_REFERENCE_PRECISION_H
