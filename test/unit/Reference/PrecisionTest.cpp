//===- PrecisionTest.cpp - rounding to a format ---------------------------===//

#include "attn/Reference/Precision.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attn::ref;

namespace {

TEST(PrecisionTest, Half) {
  auto half = [](double x) { return roundTo(Precision::kF16, x); };
  EXPECT_EQ(half(1.0 + 0x1p-11), 1.0);
  EXPECT_EQ(half(1.0 + 3 * 0x1p-11), 1.0 + 0x1p-9);
  EXPECT_EQ(half(1.0 + 0x1p-11 + 0x1p-40), 1.0 + 0x1p-10);
  EXPECT_EQ(half(65519.99), 65504.0);
  EXPECT_EQ(half(65520.0), INFINITY);
  EXPECT_EQ(half(-1e9), -INFINITY);
  EXPECT_EQ(half(0x1p-25), 0.0);
  EXPECT_EQ(half(0x1.8p-25), 0x1p-24);
  EXPECT_EQ(half(-0x1p-24), -0x1p-24);
  EXPECT_TRUE(std::signbit(half(-0.0)));
  EXPECT_TRUE(std::isnan(half(NAN)));
}

TEST(PrecisionTest, BFloatAndFloat) {
  EXPECT_EQ(roundTo(Precision::kBF16, 1.0 + 0x1p-8), 1.0);
  EXPECT_EQ(roundTo(Precision::kBF16, 1.0 + 0x1p-8 + 0x1p-40), 1.0 + 0x1p-7);
  EXPECT_EQ(roundTo(Precision::kBF16, 3.4e38), INFINITY);
  EXPECT_EQ(roundTo(Precision::kBF16, 0x1p-134), 0.0);
  EXPECT_EQ(roundTo(Precision::kBF16, 0x1p-133), 0x1p-133);
  EXPECT_EQ(roundTo(Precision::kF32, 0.1), static_cast<double>(0.1f));
  EXPECT_EQ(roundTo(Precision::kF32, 1e39), INFINITY);
  EXPECT_EQ(roundTo(Precision::kF64, 0.1), 0.1);
}

TEST(PrecisionTest, TF32HasTheRangeOfFloatAndTiesAwayFromZero) {
  auto tf32 = [](double x) { return roundTo(Precision::kTF32, x); };
  EXPECT_EQ(tf32(1 + 0x1p-11), 1 + 0x1p-10);
  EXPECT_EQ(tf32(-1 - 0x1p-11), -1 - 0x1p-10);
  EXPECT_EQ(tf32(1 + 0x1.fp-12), 1.0);
  EXPECT_EQ(tf32(0x1p-127 + 0x1p-137), 0x1p-127 + 0x1p-136);
  EXPECT_EQ(tf32(0x1.ffcp127), 0x1.ffcp127);
  EXPECT_EQ(tf32(0x1.fffffep127), INFINITY);
  EXPECT_EQ(unitRoundoff(Precision::kTF32), 0x1p-11);
}

TEST(PrecisionTest, UnitRoundoffIsTheFirstTie) {
  for (Precision precision :
       {Precision::kF32, Precision::kF16, Precision::kBF16}) {
    double u = unitRoundoff(precision);
    EXPECT_EQ(roundTo(precision, 1 + u), 1.0);
    EXPECT_EQ(roundTo(precision, 1 + u * 1.001), 1 + 2 * u);
  }
}

} // namespace
