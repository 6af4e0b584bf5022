//===- HeadRangesTest.cpp - masks that differ by head ---------------------===//

#include "attn/Mask/HeadRanges.h"
#include "MaskFuzz.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace mlir;

namespace {

class HeadRangesTest : public testing::Test {
protected:
  MLIRContext context{MLIRContext::Threading::DISABLED};

  /// h >= least, h <= most.
  MaskSet heads(int64_t least, int64_t most) {
    AffineExpr h = getAffineDimExpr(1, &context);
    return MaskSet::points(
        AffineMap::get(4, 0, {h - least, -h + most}, &context));
  }
};

TEST_F(HeadRangesTest, DilatedHeads) {
  MaskSet near = MaskSet::band(&context, 9, 9);
  MaskSet far = MaskSet::all({MaskSet::dilated(&context, 4), near});
  MaskSet mask = MaskSet::any(
      {MaskSet::all({heads(0, 1), near}), MaskSet::all({heads(2, 100), far})});
  std::vector<HeadRange> ranges = headRanges(mask, 8);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].first, 0);
  EXPECT_EQ(ranges[0].end, 2);
  EXPECT_EQ(ranges[1].end, 8);
  EXPECT_EQ(ranges[0].set.kind, MaskSet::Kind::Set);
  EXPECT_EQ(headRanges(near, 8).size(), 1u);
}

TEST_F(HeadRangesTest, FuzzAgainstBruteForce) {
  MaskGenerator generator(&context, 20261126);
  int64_t cut = 0;
  for (int n = 0; n < 1000; ++n) {
    FuzzMask a = generator.tree(/*depth=*/2, /*heads=*/n % 2 == 0);
    FuzzMask b = generator.tree(/*depth=*/1, /*heads=*/false);
    int64_t most = generator.below(7) - 1;
    MaskSet some = heads(0, most);
    MaskSet mask =
        MaskSet::any({MaskSet::all({some, a.set}),
                      MaskSet::all({MaskSet::complement(some), b.set})});
    std::vector<int64_t> symbols(mask.numSymbols);
    for (int64_t &symbol : symbols) {
      symbol = generator.below(9) - 2;
    }
    int64_t next = 0;
    for (const HeadRange &range : headRanges(mask, 5)) {
      ASSERT_EQ(range.first, next);
      ASSERT_LT(range.first, range.end);
      next = range.end;
      ++cut;
      for (int64_t h = range.first; h < range.end; ++h) {
        for (int64_t q = -3; q < 12; ++q) {
          for (int64_t k = 0; k < 12; ++k) {
            MaskPoint p{0, h, q, k, symbols};
            ASSERT_EQ(range.set.contains(p), mask.contains(p)) << a.text;
          }
        }
      }
    }
    ASSERT_EQ(next, 5);
  }
  EXPECT_GT(cut, 1500);
}

} // namespace
