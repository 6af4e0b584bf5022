//===- Rope.cpp - frequencies of rotary positions -------------------------===//

#include "attn/Reference/Rope.h"

#include <algorithm>
#include <cmath>

namespace attn::ref {

static constexpr double kPi = 3.14159265358979323846;

static std::vector<double> plain(int64_t rotary, double base) {
  std::vector<double> f(rotary / 2);
  for (size_t i = 0; i < f.size(); ++i) {
    f[i] = std::pow(base, -2.0 * double(i) / double(rotary));
  }
  return f;
}

static double ntkBase(int64_t rotary, double base, double alpha) {
  return base * std::pow(alpha, double(rotary) / double(rotary - 2));
}

static void scaleYarn(std::vector<double> &f, int64_t rotary, double base,
                      const RopeScaling &s) {
  // The dimension that turns `turns` times in the original context.
  auto dimension = [&](double turns) {
    return double(rotary) * std::log(s.original / (turns * 2 * kPi)) /
           (2 * std::log(base));
  };
  auto last = double(rotary - 1);
  double low = std::clamp(std::floor(dimension(s.betaFast)), 0.0, last);
  double high = std::clamp(std::ceil(dimension(s.betaSlow)), 0.0, last);
  if (low == high) {
    high += 0.001;
  }
  for (size_t i = 0; i < f.size(); ++i) {
    double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    f[i] = f[i] / s.factor * ramp + f[i] * (1 - ramp);
  }
}

static void scaleLlama3(std::vector<double> &f, const RopeScaling &s) {
  for (double &x : f) {
    double turns = s.original * x / (2 * kPi); // original / wavelength
    if (turns < s.lowFactor) {
      x /= s.factor;
    } else if (turns <= s.highFactor) {
      double t = (turns - s.lowFactor) / (s.highFactor - s.lowFactor);
      x *= t + (1 - t) / s.factor;
    }
  }
}

std::vector<double> ropeFrequencies(int64_t rotary, double base,
                                    const RopeScaling &s, double length) {
  using Kind = RopeScaling::Kind;
  if (s.kind == Kind::kNtk) {
    base = ntkBase(rotary, base, s.factor);
  } else if (s.kind == Kind::kDynamicNtk && length > s.original) {
    base =
        ntkBase(rotary, base, s.factor * length / s.original - (s.factor - 1));
  }
  std::vector<double> f = plain(rotary, base);
  switch (s.kind) {
  case Kind::kLinear:
    for (double &x : f) {
      x /= s.factor;
    }
    break;
  case Kind::kYarn:
    scaleYarn(f, rotary, base, s);
    break;
  case Kind::kLlama3:
    scaleLlama3(f, s);
    break;
  case Kind::kLongRope: {
    const auto &divisors = length > s.original ? s.longFactors : s.shortFactors;
    for (size_t i = 0; i < f.size(); ++i) {
      f[i] /= divisors[i];
    }
    break;
  }
  case Kind::kNone:
  case Kind::kNtk:
  case Kind::kDynamicNtk:
    break;
  }
  return f;
}

double ropeMagnitude(const RopeScaling &s) {
  if (s.kind == RopeScaling::Kind::kLongRope) {
    return s.factor > 1
               ? std::sqrt(1 + std::log(s.factor) / std::log(s.original))
               : 1;
  }
  if (s.kind != RopeScaling::Kind::kYarn) {
    return 1;
  }
  if (s.attentionFactor != 0) {
    return s.attentionFactor;
  }
  auto get = [&](double magnitude) {
    return s.factor > 1 ? 0.1 * magnitude * std::log(s.factor) + 1 : 1;
  };
  return get(s.magnitude) / get(s.magnitudeAll);
}

std::vector<double> alibiSlopes(int64_t heads) {
  int64_t n = 1;
  while (2 * n <= heads) {
    n *= 2;
  }
  std::vector<double> slopes(heads);
  for (int64_t h = 0; h < heads; ++h) {
    double exponent = h < n ? -8.0 * double(h + 1) / double(n)
                            : -4.0 * double(2 * (h - n) + 1) / double(n);
    slopes[h] = std::exp2(exponent);
  }
  return slopes;
}

} // namespace attn::ref
