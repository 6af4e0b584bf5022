//===- MergeStatesTest.cpp - states over parts of the keys ----------------===//

#include "attn/Reference/Attention.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attn::ref;

namespace {

TEST(MergeStatesTest, ByHand) {
  // Weights 1 : 3.
  State merged = mergeStates({{{1, 10}, {0}}, {{5, 20}, {std::log(3.0)}}});
  EXPECT_DOUBLE_EQ(merged.o[0], 4.0);
  EXPECT_DOUBLE_EQ(merged.o[1], 17.5);
  EXPECT_DOUBLE_EQ(merged.lse[0], std::log(4.0));
}

TEST(MergeStatesTest, EmptyPartsDoNotMatter) {
  State merged = mergeStates({{{NAN, 1}, {-INFINITY, 2}},
                              {{7, INFINITY}, {3, -INFINITY}},
                              {{NAN, NAN}, {-INFINITY, -INFINITY}}});
  EXPECT_EQ(merged.o, (std::vector<double>{7, 1}));
  EXPECT_EQ(merged.lse, (std::vector<double>{3, 2}));
  merged = mergeStates({{{NAN}, {-INFINITY}}, {{NAN}, {-INFINITY}}});
  EXPECT_EQ(merged.o[0], 0);
  EXPECT_EQ(merged.lse[0], -INFINITY);
  EXPECT_TRUE(mergeStates({}).lse.empty());
  EXPECT_TRUE(mergeStates({{{}, {}}, {{}, {}}}).lse.empty());
}

TEST(MergeStatesTest, NaNStaysNaN) {
  State merged = mergeStates({{{1}, {NAN}}, {{2}, {-INFINITY}}});
  EXPECT_TRUE(std::isnan(merged.o[0]));
  EXPECT_TRUE(std::isnan(merged.lse[0]));
}

TEST(MergeStatesTest, FarApartStatesDoNotOverflow) {
  State merged = mergeStates({{{1}, {-2000}}, {{2}, {2000}}});
  EXPECT_EQ(merged.o[0], 2);
  EXPECT_EQ(merged.lse[0], 2000);
}

} // namespace
