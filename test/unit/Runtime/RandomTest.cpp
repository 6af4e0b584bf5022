//===- RandomTest.cpp - reproducible random tensors -----------------------===//

#include "attn/Runtime/Tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

using namespace attn::rt;

namespace {

Tensor normal(DType type, int64_t count, uint64_t seed, uint64_t stream) {
  Tensor tensor = *Tensor::create(type, {count});
  fillRandom(tensor, seed, stream);
  return tensor;
}

TEST(RandomTest, MomentsAndQuantilesOfANormal) {
  constexpr int64_t n = 4'000'000;
  Tensor tensor = normal(DType::kF32, n, 7, 0);
  double sums[5] = {};
  const double cuts[] = {-4, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4};
  int64_t below[11] = {};
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    double x = tensor.get(i), power = 1;
    for (double &sum : sums) {
      sum += power;
      power *= x;
    }
    for (int c = 0; c < 11; ++c) {
      below[c] += x < cuts[c];
    }
    largest = std::max(largest, std::fabs(x));
  }
  // Five standard errors each.
  EXPECT_NEAR(sums[1] / n, 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(sums[2] / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(sums[3] / n, 0, 5 * std::sqrt(15.0 / n));
  EXPECT_NEAR(sums[4] / n, 3, 5 * std::sqrt(96.0 / n));
  for (int c = 0; c < 11; ++c) {
    double p = 0.5 * std::erfc(-cuts[c] / std::sqrt(2.0));
    EXPECT_NEAR(static_cast<double>(below[c]) / n, p,
                5 * std::sqrt(p * (1 - p) / n))
        << cuts[c];
  }
  EXPECT_GT(largest, 4.5);
  EXPECT_LT(largest, 5.6);
}

TEST(RandomTest, NeighboursAndStreamsAreUncorrelated) {
  constexpr int64_t n = 1'000'000;
  Tensor a = normal(DType::kF32, n, 7, 0), b = normal(DType::kF32, n, 7, 1),
         c = normal(DType::kF32, n, 8, 0);
  double lag1 = 0, lag2 = 0, ab = 0, ac = 0;
  for (int64_t i = 2; i < n; ++i) {
    lag1 += a.get(i) * a.get(i - 1);
    lag2 += a.get(i) * a.get(i - 2);
    ab += a.get(i) * b.get(i);
    ac += a.get(i) * c.get(i);
  }
  for (double sum : {lag1, lag2, ab, ac}) {
    EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(double(n)));
  }
}

TEST(RandomTest, IsAFunctionOfTheIndex) {
  Tensor longer = normal(DType::kF32, 5000, 1, 2);
  Tensor shorter = normal(DType::kF32, 1537, 1, 2);
  EXPECT_EQ(std::memcmp(longer.data(), shorter.data(), 1537 * 4), 0);
}

TEST(RandomTest, LowPrecisionIsTheRoundedFloat) {
  Tensor f = normal(DType::kF32, 3000, 3, 4);
  Tensor h = normal(DType::kF16, 3000, 3, 4),
         b = normal(DType::kBF16, 3000, 3, 4);
  Tensor d = normal(DType::kF64, 3000, 3, 4);
  for (int64_t i = 0; i < 3000; ++i) {
    EXPECT_EQ(h.dataAs<uint16_t>()[i], toF16(f.dataAs<float>()[i]));
    EXPECT_EQ(b.dataAs<uint16_t>()[i], toBF16(f.dataAs<float>()[i]));
    EXPECT_NEAR(d.get(i), f.get(i), std::fabs(f.get(i)) * 0x1p-24);
    EXPECT_NE(d.get(i), f.get(i));
  }
}

// Other platforms must find the same bits.
TEST(RandomTest, GoldenBits) {
  Tensor f = normal(DType::kF32, 4, 42, 1);
  const float expected[] = {-0x1.9c3868p-1f, -0x1.64627ap+0f, -0x1.1b67ecp+0f,
                            -0x1.10926cp-1f};
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(f.dataAs<float>()[i], expected[i]) << std::hexfloat << f.get(i);
  }
  Tensor ints = *Tensor::create(DType::kI32, {8});
  fillRandom(ints, 42, 1, {-100, 100});
  const int32_t expectedInts[] = {16, 60, -87, 85, -70, 48, 58, 93};
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(ints.dataAs<int32_t>()[i], expectedInts[i]);
  }
}

TEST(RandomTest, IntegersCoverTheirRangeEvenly) {
  constexpr int64_t n = 160000;
  Tensor tensor = *Tensor::create(DType::kI8, {n});
  fillRandom(tensor, 5, 0);
  std::map<int, int64_t> counts;
  for (int64_t i = 0; i < n; ++i) {
    ++counts[tensor.dataAs<int8_t>()[i]];
  }
  ASSERT_EQ(counts.size(), 16u);
  for (int value = -8; value <= 7; ++value) {
    EXPECT_NEAR(static_cast<double>(counts[value]), 10000, 500) << value;
  }
}

TEST(RandomTest, RangesAreCutToTheType) {
  Tensor u8 = *Tensor::create(DType::kU8, {1000});
  fillRandom(u8, 1, 0, {-5, 3});
  Tensor i64 = *Tensor::create(DType::kI64, {1000});
  fillRandom(i64, 1, 0, {INT64_MIN, INT64_MAX});
  Tensor bools = *Tensor::create(DType::kI1, {1000});
  fillRandom(bools, 1, 0);
  int64_t ones = 0, negative = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_LE(u8.dataAs<uint8_t>()[i], 3);
    EXPECT_LE(bools.dataAs<uint8_t>()[i], 1);
    ones += bools.dataAs<uint8_t>()[i];
    negative += i64.dataAs<int64_t>()[i] < 0;
  }
  EXPECT_NEAR(static_cast<double>(ones), 500, 80);
  EXPECT_NEAR(static_cast<double>(negative), 500, 80);
  Tensor none = *Tensor::create(DType::kU8, {4});
  fillRandom(none, 1, 0, {-5, -3});
  EXPECT_EQ(none.dataAs<uint8_t>()[0], 0);
  fillRandom(none, 1, 0, {300, 400});
  EXPECT_EQ(none.dataAs<uint8_t>()[0], 255);
}

} // namespace
