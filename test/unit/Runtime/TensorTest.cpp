//===- TensorTest.cpp - allocation, sharing, casts ------------------------===//

#include "attn/Runtime/Tensor.h"

#include <gtest/gtest.h>

#include <climits>
#include <cmath>

using namespace attn::rt;

namespace {

TEST(TensorTest, CountsAndOverflow) {
  EXPECT_EQ(*countElements({}), 1);
  EXPECT_EQ(*countElements({2, 3, 4}), 24);
  EXPECT_EQ(*countElements({INT64_MAX, 0}), 0);
  EXPECT_EQ(*countBytes(DType::kF64, {3, 5}), 120);
  Result<int64_t> negative = countElements({2, -1});
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.status().code(), Code::kBadInput);
  EXPECT_EQ(negative.message(), "size -1 in shape 2x-1 is negative");
  EXPECT_FALSE(countElements({INT64_MAX, 2}));
  // Overflow does not hide behind a size of 0.
  EXPECT_FALSE(countElements({INT64_MAX, 0, 3}));
  EXPECT_FALSE(countBytes(DType::kF64, {INT64_MAX / 4}));
}

TEST(TensorTest, ImpossibleAllocationIsAnError) {
  Result<Tensor> tensor = Tensor::create(DType::kF64, {int64_t(1) << 58});
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.status().code(), Code::kRuntime);
  EXPECT_EQ(exitCode(tensor.status().code()), 4);
}

TEST(TensorTest, Alignment) {
  Tensor small = *Tensor::create(DType::kI8, {3});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small.data()) % 64, 0u);
  Tensor large = *Tensor::create(DType::kF32, {(int64_t(1) << 20) + 1});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(large.data()) % (1 << 21), 0u);
}

TEST(TensorTest, EmptyTensorsHaveDistinctStorage) {
  Tensor a = *Tensor::create(DType::kF32, {0, 4});
  Tensor b = *Tensor::create(DType::kF32, {0, 4});
  EXPECT_EQ(a.numElements(), 0);
  EXPECT_NE(a.storage(), nullptr);
  EXPECT_NE(a.storage(), b.storage());
  EXPECT_TRUE(a.clone());
  EXPECT_TRUE(a.toDoubles().empty());
}

TEST(TensorTest, SharingAndCloning) {
  Tensor a = *Tensor::fromValues(DType::kF32, {2, 2}, {1, 2, 3, 4});
  Tensor shared = a.share();
  Tensor cloned = *a.clone();
  a.set(3, 9);
  EXPECT_EQ(shared.get(3), 9);
  EXPECT_EQ(cloned.get(3), 4);
  Tensor moved = std::move(a);
  EXPECT_EQ(moved.get(0), 1);
  EXPECT_EQ(a.numElements(), 0);
  EXPECT_EQ(a.shape(), Shape{0});
  // The storage outlives its first owner.
  moved = Tensor();
  EXPECT_EQ(shared.get(1), 2);
}

TEST(TensorTest, Cast) {
  Tensor a = *Tensor::fromValues(DType::kF64, {3},
                                 {1.0 + 0x1p-11 + 0x1p-40, -2.5, 1e9});
  Tensor half = *a.cast(DType::kF16);
  EXPECT_EQ(half.dataAs<uint16_t>()[0], 0x3c01);
  EXPECT_EQ(half.get(2), INFINITY);
  Tensor ints = *a.cast(DType::kI32);
  EXPECT_EQ(ints.dataAs<int32_t>()[1], -2);
  EXPECT_EQ(ints.dataAs<int32_t>()[2], 1000000000);
}

TEST(TensorTest, FromValuesChecksTheCount) {
  Result<Tensor> tensor = Tensor::fromValues(DType::kF32, {2, 2}, {1, 2, 3});
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.status().code(), Code::kUsage);
}

TEST(TensorTest, Scalars) {
  EXPECT_EQ(Tensor::scalar(DType::kBF16, 1.5)->get(0), 1.5);
  int64_t big = (int64_t(1) << 53) + 1;
  EXPECT_EQ(*Tensor::scalarInt(DType::kI64, big)->dataAs<int64_t>(), big);
  EXPECT_EQ(*Tensor::scalarInt(DType::kI8, -3)->dataAs<int8_t>(), -3);
  EXPECT_EQ(Tensor::scalar(DType::kF32, 1)->rank(), 0);
  EXPECT_EQ(toString(Tensor::scalar(DType::kF32, 1)->shape()), "scalar");
}

} // namespace
