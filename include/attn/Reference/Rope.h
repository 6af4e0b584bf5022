//===- Rope.h - frequencies of rotary positions -----------------*- C++ -*-===//
// Pair i of R / 2 turns by position * f_i, where f_i = base^(-2i/R) but for the
// scalings that extend a context. These are the formulas of the language; the
// compiler evaluates them for its tables, too.
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_ROPE_H
#define ATTN_REFERENCE_ROPE_H

#include <cstdint>
#include <vector>

namespace attn::ref {

struct RopeScaling {
  enum class Kind {
    kNone,
    kLinear,     ///< f / factor (Position Interpolation)
    kNtk,        ///< base * factor^(R / (R - 2))
    kDynamicNtk, ///< the same with factor L / original - (factor - 1), L longer
    kYarn,       ///< f / factor below, f above a ramp of dimensions
    kLlama3,     ///< f / factor for long, f for short wavelengths
    kLongRope,   ///< a divisor for each pair, others for long sequences
  };
  Kind kind = Kind::kNone;
  double factor = 1;
  double original = 0; ///< positions that the model was trained for

  double betaFast = 32, betaSlow = 1;     // yarn: turns in `original`
  double attentionFactor = 0;             // yarn: 0 follows from the next two
  double magnitude = 1, magnitudeAll = 0; // yarn: mscale, mscale_all_dim

  double lowFactor = 1, highFactor = 4; // llama3: wavelengths in `original`

  std::vector<double> shortFactors, longFactors; // longrope: R / 2 each
  int64_t kept = 0; ///< longrope: positions below turn by the plain f

  /// Whether frequencies depend on the length of the sequence.
  bool needsLength() const {
    return kind == Kind::kDynamicNtk || kind == Kind::kLongRope;
  }
};

/// The R / 2 frequencies for a sequence of `length` positions, which matters
/// only where `needsLength`. R is even, and for the NTK scalings above 2.
std::vector<double> ropeFrequencies(int64_t rotary, double base,
                                    const RopeScaling &scaling,
                                    double length = 0);

/// The factor of cos and sin.
double ropeMagnitude(const RopeScaling &scaling);

/// Slopes of ALiBi: 2^(-8(h+1)/n) for h < n, the largest power of two up to
/// `heads`, then every other one of 2n heads.
std::vector<double> alibiSlopes(int64_t heads);

} // namespace attn::ref

#endif // ATTN_REFERENCE_ROPE_H
