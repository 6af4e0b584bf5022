//===- RopeTest.cpp - golden values of rotary scalings and slopes ---------===//

#include "attn/Reference/Rope.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attn::ref;
using Kind = RopeScaling::Kind;

namespace {

RopeScaling scaling(Kind kind, double factor, double original = 0) {
  RopeScaling s;
  s.kind = kind;
  s.factor = factor;
  s.original = original;
  return s;
}

void expectNear(double got, double want) {
  EXPECT_NEAR(got, want, 1e-8 * std::abs(want));
}

// The base of a table: f_1 = base^(-2/R).
double baseOf(const std::vector<double> &f) {
  return std::pow(f[1], -double(f.size()));
}

TEST(Rope, Plain) {
  std::vector<double> f = ropeFrequencies(128, 1e4, {});
  ASSERT_EQ(f.size(), 64u);
  EXPECT_EQ(f[0], 1);
  expectNear(f[32], 0.01);
}

TEST(Rope, PositionInterpolation) {
  RopeScaling s = scaling(Kind::kLinear, 4);
  expectNear(ropeFrequencies(128, 1e4, s)[32], 0.0025);
  EXPECT_EQ(ropeMagnitude(s), 1);
}

TEST(Rope, Ntk) {
  expectNear(baseOf(ropeFrequencies(128, 1e4, scaling(Kind::kNtk, 4))),
             40889.942432);
}

TEST(Rope, DynamicNtk) {
  RopeScaling s = scaling(Kind::kDynamicNtk, 4, 4096);
  expectNear(baseOf(ropeFrequencies(128, 1e4, s, 8192)), 51293.787268);
  EXPECT_EQ(ropeFrequencies(128, 1e4, s, 4096), ropeFrequencies(128, 1e4, {}));
}

TEST(Rope, Yarn) {
  RopeScaling s = scaling(Kind::kYarn, 16, 4096);
  std::vector<double> f = ropeFrequencies(128, 1e4, s);
  std::vector<double> plain = ropeFrequencies(128, 1e4, {});
  EXPECT_EQ(f[19], plain[19]);
  expectNear(f[20], 0.0562341325);
  expectNear(f[32], 0.00567307692);
  expectNear(f[46], 8.33450895e-5);
  expectNear(f[63], 7.2173874e-6);
  expectNear(ropeMagnitude(s), 1.277258872);
  // DeepSeek: 64 dimensions, s = 40, the ramp from 10 to 23.
  s.factor = 40;
  f = ropeFrequencies(64, 1e4, s);
  plain = ropeFrequencies(64, 1e4, {});
  EXPECT_EQ(f[10], plain[10]);
  EXPECT_LT(f[11], plain[11]);
  EXPECT_GT(f[22], plain[22] / 40);
  expectNear(f[23], plain[23] / 40);
  expectNear(ropeMagnitude(s), 1.368887945);
  double m = ropeMagnitude(s);
  expectNear(m * m / std::sqrt(192.0), 0.135233779);
  s.magnitudeAll = 1;
  EXPECT_EQ(ropeMagnitude(s), 1) << "mscale / mscale_all_dim";
  s.attentionFactor = 1.5;
  EXPECT_EQ(ropeMagnitude(s), 1.5) << "an explicit factor wins";
}

TEST(Rope, YarnWithoutARamp) {
  RopeScaling s = scaling(Kind::kYarn, 2, 8); // both ends at 0
  for (double f : ropeFrequencies(4, 1e4, s)) {
    EXPECT_TRUE(std::isfinite(f));
  }
}

TEST(Rope, Llama3) {
  RopeScaling s = scaling(Kind::kLlama3, 8, 8192);
  std::vector<double> f = ropeFrequencies(128, 5e5, s);
  expectNear(f[28], 0.00321144599);
  expectNear(f[32], 0.000524846161);
  expectNear(f[36], 7.78465527e-5);
}

TEST(Rope, LongRope) {
  RopeScaling s = scaling(Kind::kLongRope, 131072.0 / 4096, 4096);
  s.shortFactors.assign(48, 1.25);
  s.longFactors.assign(48, 8);
  std::vector<double> plain = ropeFrequencies(96, 1e4, {});
  expectNear(ropeFrequencies(96, 1e4, s, 4096)[7], plain[7] / 1.25);
  expectNear(ropeFrequencies(96, 1e4, s, 4097)[7], plain[7] / 8);
  expectNear(ropeMagnitude(s), 1.190238071);
}

TEST(Alibi, Slopes) {
  std::vector<double> twelve = {0.5,       0.25,       0.125,      0.0625,
                                0.03125,   0.015625,   0.0078125,  0.00390625,
                                .70710678, .353553391, .176776695, .088388348};
  std::vector<double> got = alibiSlopes(12);
  ASSERT_EQ(got.size(), 12u);
  for (size_t h = 0; h < 12; ++h) {
    expectNear(got[h], twelve[h]);
  }
  expectNear(alibiSlopes(1)[0], 1.0 / 256);
  expectNear(alibiSlopes(16)[0], std::sqrt(0.5));
  EXPECT_TRUE(alibiSlopes(0).empty());
}

} // namespace
