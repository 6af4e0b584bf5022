//===- DTypeTest.cpp - conversions ----------------------------------------===//

#include "attn/Runtime/DType.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace attn::rt;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(DTypeTest, NamesAndSizes) {
  const struct {
    DType type;
    const char *name;
    int64_t size;
  } expected[] = {{DType::kF64, "f64", 8},
                  {DType::kF32, "f32", 4},
                  {DType::kF16, "f16", 2},
                  {DType::kBF16, "bf16", 2},
                  {DType::kI64, "i64", 8},
                  {DType::kI32, "i32", 4},
                  {DType::kI16, "i16", 2},
                  {DType::kI8, "i8", 1},
                  {DType::kU8, "u8", 1},
                  {DType::kI1, "i1", 1},
                  {DType::kF8E4M3FN, "f8E4M3FN", 1},
                  {DType::kF8E5M2, "f8E5M2", 1}};
  for (const auto &entry : expected) {
    EXPECT_STREQ(nameOf(entry.type), entry.name);
    EXPECT_EQ(sizeOf(entry.type), entry.size);
    EXPECT_EQ(parseDType(entry.name), entry.type);
  }
  EXPECT_EQ(parseDType("ui8"), DType::kU8);
  EXPECT_EQ(parseDType("index"), DType::kI64);
  EXPECT_EQ(parseDType("f8"), std::nullopt);
  EXPECT_EQ(parseDType(""), std::nullopt);
}

TEST(DTypeTest, GoldenHalf) {
  EXPECT_EQ(toF16(1.0), 0x3c00);
  EXPECT_EQ(toF16(-2.0), 0xc000);
  EXPECT_EQ(toF16(65504.0), 0x7bff);
  EXPECT_EQ(toF16(65519.999), 0x7bff);
  EXPECT_EQ(toF16(65520.0), 0x7c00);
  EXPECT_EQ(toF16(-1e300), 0xfc00);
  EXPECT_EQ(toF16(0x1p-24), 0x0001);
  EXPECT_EQ(toF16(0x1p-25), 0x0000);
  EXPECT_EQ(toF16(0x1.8p-25), 0x0001);
  EXPECT_EQ(toF16(std::nextafter(0x1p-25, 1.0)), 0x0001);
  EXPECT_EQ(toF16(0x1p-14), 0x0400);
  EXPECT_EQ(toF16(std::nextafter(0x1p-14, 0.0)), 0x0400);
  EXPECT_EQ(toF16(-0.0), 0x8000);
  EXPECT_EQ(toF16(5e-324), 0x0000);
  EXPECT_EQ(toF16(kInf), 0x7c00);
  EXPECT_TRUE(std::isnan(fromF16(toF16(std::nan("")))));
}

TEST(DTypeTest, GoldenBFloat) {
  EXPECT_EQ(toBF16(1.0), 0x3f80);
  EXPECT_EQ(toBF16(-3.140625), 0xc049);
  EXPECT_EQ(toBF16(0x1.01p0), 0x3f80); // a tie, to even
  EXPECT_EQ(toBF16(0x1.03p0), 0x3f82); // a tie, to even
  EXPECT_EQ(toBF16(0x1.0101p0), 0x3f81);
  EXPECT_EQ(toBF16(3.4e38), 0x7f80);
  EXPECT_EQ(toBF16(0x1p-133), 0x0001);
  EXPECT_EQ(toBF16(0x1p-134), 0x0000);
  EXPECT_TRUE(std::isnan(fromBF16(toBF16(std::nan("")))));
}

TEST(DTypeTest, DoesNotRoundTwice) {
  // Just above a tie; the nearest float is the tie itself.
  EXPECT_EQ(toF16(1.0 + 0x1p-11 + 0x1p-40), 0x3c01);
  EXPECT_EQ(toBF16(1.0 + 0x1p-8 + 0x1p-40), 0x3f81);
  // Just below a tie whose even neighbour is above.
  EXPECT_EQ(toF16(1.0 + 3 * 0x1p-11 - 0x1p-40), 0x3c01);
}

/// The 16-bit number nearest to `x`, by its two neighbours.
template <typename From> void expectNearest(double x, uint16_t got, From from) {
  double value = from(got);
  if (std::isinf(value)) {
    return;
  }
  for (int step : {-1, 1}) {
    auto next = static_cast<uint16_t>(got + step);
    double other = from(next);
    if (!std::isfinite(other) || std::signbit(other) != std::signbit(value)) {
      continue;
    }
    EXPECT_LE(std::fabs(x - value), std::fabs(x - other)) << x;
    if (std::fabs(x - value) == std::fabs(x - other)) {
      EXPECT_EQ(got & 1, 0) << "a tie goes to even: " << x;
    }
  }
}

TEST(DTypeTest, IsNearestEverywhere) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    double x = std::ldexp(static_cast<double>(random() >> 11) * 0x1p-53,
                          static_cast<int>(random() % 44) - 28);
    x = random() & 1 ? x : -x;
    expectNearest(x, toF16(x), fromF16);
    expectNearest(x, toBF16(x), fromBF16);
  }
}

TEST(DTypeTest, EveryPatternRoundTripsAndMidpointsTieToEven) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    auto pattern = static_cast<uint16_t>(bits);
    double half = fromF16(pattern);
    double brain = fromBF16(pattern);
    if (!std::isnan(half)) {
      EXPECT_EQ(toF16(half), pattern);
      EXPECT_EQ(toF16(static_cast<float>(half)), pattern);
    }
    if (!std::isnan(brain)) {
      EXPECT_EQ(toBF16(brain), pattern);
      EXPECT_EQ(toBF16(static_cast<float>(brain)), pattern);
    }
    if ((bits & 0x7fff) < 0x7bff) {
      double middle = (half + fromF16(static_cast<uint16_t>(bits + 1))) / 2;
      auto even = static_cast<uint16_t>(bits + (bits & 1));
      EXPECT_EQ(toF16(middle), even);
      EXPECT_EQ(toF16(static_cast<float>(middle)), even);
    }
  }
}

TEST(DTypeTest, FloatAndDoubleAgree) {
  std::mt19937 random(2);
  for (int i = 0; i < 200000; ++i) {
    uint32_t bits = static_cast<uint32_t>(random());
    float x;
    static_assert(sizeof(x) == sizeof(bits));
    std::memcpy(&x, &bits, sizeof(x));
    if (!std::isnan(x)) {
      EXPECT_EQ(toF16(x), toF16(static_cast<double>(x))) << x;
      EXPECT_EQ(toBF16(x), toBF16(static_cast<double>(x))) << x;
    }
  }
}

TEST(DTypeTest, IntegersRoundAndSaturate) {
  int8_t i8 = 0;
  uint8_t u8 = 0;
  int64_t i64 = 0;
  storeElement(DType::kI8, &i8, 0, 127.6);
  EXPECT_EQ(i8, 127);
  storeElement(DType::kI8, &i8, 0, -1e9);
  EXPECT_EQ(i8, -128);
  storeElement(DType::kI8, &i8, 0, 2.5);
  EXPECT_EQ(i8, 2);
  storeElement(DType::kU8, &u8, 0, -1.0);
  EXPECT_EQ(u8, 0);
  storeElement(DType::kU8, &u8, 0, 300.0);
  EXPECT_EQ(u8, 255);
  storeElement(DType::kI64, &i64, 0, 1e30);
  EXPECT_EQ(i64, std::numeric_limits<int64_t>::max());
  storeElement(DType::kI64, &i64, 0, -1e30);
  EXPECT_EQ(i64, std::numeric_limits<int64_t>::min());
  storeElement(DType::kI64, &i64, 0, std::nan(""));
  EXPECT_EQ(i64, 0);
  storeElement(DType::kI1, &u8, 0, -0.5);
  EXPECT_EQ(u8, 1);
}

// Values of the formats' own definition (OCP 8-bit floating point).
TEST(DTypeTest, FloatsOfEightBits) {
  const struct {
    DType type;
    uint8_t bits;
    double value;
  } exact[] = {{DType::kF8E4M3FN, 0x7e, 448},
               {DType::kF8E4M3FN, 0x08, std::ldexp(1, -6)},
               {DType::kF8E4M3FN, 0x01, std::ldexp(1, -9)},
               {DType::kF8E4M3FN, 0xb9, -1.125},
               {DType::kF8E5M2, 0x7b, 57344},
               {DType::kF8E5M2, 0x04, std::ldexp(1, -14)},
               {DType::kF8E5M2, 0x01, std::ldexp(1, -16)},
               {DType::kF8E5M2, 0xbd, -1.25}};
  for (const auto &entry : exact) {
    EXPECT_EQ(loadElement(entry.type, &entry.bits, 0), entry.value);
    uint8_t bits = 0;
    storeElement(entry.type, &bits, 0, entry.value);
    EXPECT_EQ(bits, entry.bits);
  }
  for (DType type : {DType::kF8E4M3FN, DType::kF8E5M2}) {
    // Each number is its own nearest, and ties go to the even code.
    for (int code = 0; code < 256; ++code) {
      auto bits = static_cast<uint8_t>(code);
      double x = loadElement(type, &bits, 0);
      if (!std::isfinite(x)) {
        continue;
      }
      uint8_t back = 0;
      storeElement(type, &back, 0, x);
      EXPECT_EQ(back, bits);
      uint8_t next = bits + 1;
      double y = loadElement(type, &next, 0);
      if (std::isfinite(y) && (bits & 0x7f) != 0x7f) {
        storeElement(type, &back, 0, (x + y) / 2);
        EXPECT_EQ(back, (bits & 1) ? next : bits) << code;
      }
    }
    uint8_t bits = 0;
    storeElement(type, &bits, 0, -1e30);
    EXPECT_EQ(bits, type == DType::kF8E4M3FN ? 0xfe : 0xfb);
    storeElement(type, &bits, 0, std::nan(""));
    EXPECT_TRUE(std::isnan(loadElement(type, &bits, 0)));
  }
}

TEST(DTypeTest, BulkEqualsElementwise) {
  const double values[] = {0, -0.0, 1.1, -7.3, 1e-6, 6e4, 1e6, 3, 127, 1e-9};
  constexpr int64_t n = 10;
  for (int t = 0; t < kNumDTypes; ++t) {
    auto type = static_cast<DType>(t);
    double bulk[n], single[n], back[n];
    fromDoubles(type, values, bulk, n);
    for (int64_t i = 0; i < n; ++i) {
      storeElement(type, single, i, values[i]);
    }
    EXPECT_EQ(std::memcmp(bulk, single, n * sizeOf(type)), 0) << nameOf(type);
    toDoubles(type, bulk, back, n);
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(back[i], loadElement(type, bulk, i)) << nameOf(type);
    }
  }
}

} // namespace
