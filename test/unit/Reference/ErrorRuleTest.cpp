//===- ErrorRuleTest.cpp - when a result is good enough -------------------===//

#include "attn/Reference/ErrorRule.h"
#include "Inputs.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attn::ref;
using namespace attn::ref::test;

namespace {

using Values = std::vector<double>;

TEST(ErrorRuleTest, BoundsByHand) {
  // Plain errs by 0.25 in one of two elements.
  Values reference = {1, -2}, plain = {1.25, -2}, candidate = {1, -2.5};
  double a = 2 * 0x1p-8;
  ErrorReport report =
      checkError(reference, plain, candidate, Precision::kBF16);
  EXPECT_TRUE(report.ok) << report.text;
  EXPECT_EQ(report.maxAbs, 0.5);
  EXPECT_EQ(report.plainMaxAbs, 0.25);
  EXPECT_DOUBLE_EQ(report.maxAbsBound, 0.5 + a * 2);
  EXPECT_DOUBLE_EQ(report.relL2, 0.5 / std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(report.relL2Bound, 0.5 / std::sqrt(5.0) + a);
  EXPECT_EQ(report.worst, 1);
  EXPECT_EQ(report.worstRef, -2);
  EXPECT_EQ(report.worstGot, -2.5);
  candidate[1] = -2.52;
  report = checkError(reference, plain, candidate, Precision::kF32);
  EXPECT_FALSE(report.ok);
  EXPECT_NE(report.text.find("worst at element 1: expected -2, but got -2.52"),
            std::string::npos)
      << report.text;
}

TEST(ErrorRuleTest, ManySmallErrorsFailByTheirNorm) {
  Values reference(1000, 1.0), plain = reference, candidate = reference;
  plain[7] = 1.01;
  for (double &x : candidate) {
    x = 1.01;
  }
  ErrorReport report = checkError(reference, plain, candidate, Precision::kF32);
  EXPECT_LE(report.maxAbs, report.maxAbsBound);
  EXPECT_GT(report.relL2, report.relL2Bound);
  EXPECT_FALSE(report.ok);
}

TEST(ErrorRuleTest, SpecialValuesMustMatch) {
  Values reference = {1, NAN, INFINITY, -INFINITY};
  auto check = [&](Values candidate) {
    return checkError(reference, reference, candidate, Precision::kF32);
  };
  EXPECT_TRUE(check(reference).ok);
  EXPECT_EQ(check({1, 0, INFINITY, -INFINITY}).worst, 1);
  EXPECT_EQ(check({1, NAN, -INFINITY, -INFINITY}).worst, 2);
  EXPECT_EQ(check({1, NAN, INFINITY, -3}).worst, 3);
  EXPECT_EQ(check({NAN, NAN, INFINITY, -INFINITY}).worst, 0);
  EXPECT_EQ(check({INFINITY, NAN, INFINITY, -INFINITY}).worst, 0);
  EXPECT_EQ(check({INFINITY, NAN, INFINITY, -INFINITY}).text,
            "mismatch: element 0 is 1, but got inf");
}

TEST(ErrorRuleTest, OverflowOfTheFormatIsNoError) {
  Values reference = {70000, 1};
  EXPECT_TRUE(
      checkError(reference, {INFINITY, 1}, {INFINITY, 1}, Precision::kF16).ok);
  EXPECT_FALSE(
      checkError(reference, reference, {-INFINITY, 1}, Precision::kF16).ok);
  EXPECT_FALSE(
      checkError(reference, reference, {INFINITY, 1}, Precision::kBF16).ok);
}

TEST(ErrorRuleTest, ZerosAndNothing) {
  EXPECT_TRUE(checkError({}, {}, {}, Precision::kF32).ok);
  EXPECT_EQ(checkError({}, {}, {}, Precision::kF32).worst, -1);
  EXPECT_TRUE(checkError({0, 0}, {0, 0}, {0, -0.0}, Precision::kF32).ok);
  EXPECT_FALSE(checkError({0, 0}, {0, 0}, {0, 1e-30}, Precision::kF32).ok);
  EXPECT_FALSE(checkError({0}, {0}, {0, 0}, Precision::kF32).ok);
}

TEST(ErrorRuleTest, HugeAndTinyValuesDoNotOverflowTheNorm) {
  Values huge = {1e300, -1e300}, tiny = {1e-300, 2e-300};
  EXPECT_TRUE(checkError(huge, huge, huge, Precision::kF64).ok);
  EXPECT_FALSE(checkError(huge, huge, {1e300, -1.1e300}, Precision::kF64).ok);
  EXPECT_FALSE(checkError(tiny, tiny, {1e-300, 2.2e-300}, Precision::kF64).ok);
}

// What the rule is for: a kernel in another order passes, a wrong one fails.
TEST(ErrorRuleTest, SeparatesGoodFromBad) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.mask = causal();
  for (Precision precision :
       {Precision::kF64, Precision::kF32, Precision::kF16, Precision::kBF16}) {
    AttentionProblem rounded = problem;
    Inputs low = inputs;
    for (Values *values : {&low.q, &low.k, &low.v}) {
      for (double &x : *values) {
        x = roundTo(precision, x);
      }
    }
    rounded = low.problem();
    rounded.mask = problem.mask;
    AttentionResult exact = attention(rounded);
    AttentionResult plain = plainAttention(rounded, precision);
    Values good, bad;
    for (double x : exact.out) {
      good.push_back(roundTo(precision, x * (1 + 0x1p-51)));
      bad.push_back(x * (1 + 30 * unitRoundoff(precision) *
                                 (precision == Precision::kF64 ? 30 : 1)));
    }
    EXPECT_TRUE(checkError(exact.out, plain.out, good, precision).ok);
    EXPECT_FALSE(checkError(exact.out, plain.out, bad, precision).ok);
    EXPECT_TRUE(checkError(exact.out, plain.out, plain.out, precision).ok);
  }
}

TEST(ErrorRuleTest, IndexText) {
  EXPECT_EQ(indexText(23, {2, 3, 4}), "[1, 2, 3]");
  EXPECT_EQ(indexText(0, {}), "[]");
}

} // namespace
