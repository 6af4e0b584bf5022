//===- CheckTest.cpp - the comparison of attn-run --check
//-------------------===//

#include "Check.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace attn;
using namespace attn::run;

namespace {

rt::Tensor make(rt::DType type, rt::Shape shape, std::vector<double> values) {
  return *rt::Tensor::fromValues(type, std::move(shape), values);
}

Comparison compare32(std::vector<double> got, std::vector<double> expected) {
  int64_t n = static_cast<int64_t>(got.size());
  return compare("x", make(rt::DType::kF32, {n}, std::move(got)),
                 make(rt::DType::kF64, {n}, std::move(expected)),
                 /*keys=*/0, /*tolerance=*/1);
}

} // namespace

TEST(Check, TF32IsWiderThanF32AndNoMore) {
  Bound f32 = boundFor(rt::DType::kF32, 1, 1);
  Bound tf32 = boundFor(rt::DType::kF32, 1, 1, Weights::kTF32);
  EXPECT_GT(tf32.maxAbs, f32.maxAbs);
  EXPECT_LT(tf32.maxAbs, boundFor(rt::DType::kBF16, 1, 1).maxAbs);
  EXPECT_EQ(boundFor(rt::DType::kBF16, 1, 1, Weights::kTF32).maxAbs,
            boundFor(rt::DType::kBF16, 1, 1).maxAbs);
}

TEST(Check, TakesRoundingAndNoMore) {
  EXPECT_TRUE(compare32({1, 2, 3}, {1, 2, 3 + 1e-7}).ok);
  Comparison wrong = compare32({1, 2.001, 3}, {1, 2, 3});
  EXPECT_FALSE(wrong.ok);
  EXPECT_EQ(wrong.worst, 1);
  EXPECT_NEAR(wrong.maxAbs, 1e-3, 1e-6);
  EXPECT_TRUE(compare32({}, {}).ok);
  EXPECT_TRUE(compare32({0, 0}, {0, 0}).ok);
}

TEST(Check, SpecialValuesMustMeet) {
  double nan = NAN, inf = INFINITY;
  EXPECT_TRUE(compare32({nan, -inf, 1}, {nan, -inf, 1}).ok);
  EXPECT_FALSE(compare32({nan, 1}, {1, 1}).ok);
  EXPECT_FALSE(compare32({1, 1}, {nan, 1}).ok);
  EXPECT_FALSE(compare32({inf, 1}, {-inf, 1}).ok);
  EXPECT_FALSE(compare32({1, 1}, {inf, 1}).ok);
}

TEST(Check, IntegersAreEqual) {
  rt::Tensor a = make(rt::DType::kI32, {2}, {1, 2});
  EXPECT_TRUE(compare("x", a, make(rt::DType::kI32, {2}, {1, 2}), 0, 1).ok);
  EXPECT_FALSE(compare("x", a, make(rt::DType::kI32, {2}, {1, 3}), 0, 1).ok);
}

TEST(Check, ShapesAreEqual) {
  rt::Tensor a = make(rt::DType::kF32, {2}, {1, 2});
  EXPECT_FALSE(compare("x", a, make(rt::DType::kF32, {1, 2}, {1, 2}), 0, 1).ok);
}

TEST(Check, BoundsGrowWithKeysAndTolerance) {
  Bound one = boundFor(rt::DType::kF32, 1024, 1);
  EXPECT_DOUBLE_EQ(boundFor(rt::DType::kF32, 16, 1).l2, one.l2);
  EXPECT_DOUBLE_EQ(boundFor(rt::DType::kF32, 4096, 1).l2, 2 * one.l2);
  EXPECT_DOUBLE_EQ(boundFor(rt::DType::kF32, 1024, 3).maxAbs, 3 * one.maxAbs);
  EXPECT_EQ(boundFor(rt::DType::kI32, 1024, 1).maxAbs, 0);
}

TEST(Check, TraceFindsTheFirstRowAndItsTile) {
  std::vector<double> expected(2 * 8 * 4, 1.0), got = expected;
  got[(8 + 5) * 4 + 2] = 2; // head 1, query 5
  Work work;
  work.op = "attn.attention";
  work.layout = "bhsd";
  work.known = true;
  work.batch = 1;
  work.queryHeads = 2;
  work.queries = 8;
  work.valueSize = 4;
  work.tiles.rows = 3;
  work.tiles.keys = 16;
  rt::Tensor a = make(rt::DType::kF32, {1, 2, 8, 4}, got);
  rt::Tensor b = make(rt::DType::kF64, {1, 2, 8, 4}, expected);
  std::string text = traceNumerics("o", a, b, compare("o", a, b, 8, 1), {work});
  EXPECT_NE(text.find("at [0, 1, 5, 2]"), std::string::npos) << text;
  EXPECT_NE(text.find("query 5 is row 2 of tile 1"), std::string::npos) << text;
  EXPECT_NE(text.find("1 of 16 rows"), std::string::npos) << text;
}
