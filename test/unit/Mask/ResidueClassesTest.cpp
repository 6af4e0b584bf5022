//===- ResidueClassesTest.cpp - residue classes against brute force -------===//

#include "attn/Mask/ResidueClasses.h"
#include "MaskFuzz.h"
#include "attn/Mask/TileAnalysis.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace mlir;

namespace {

class ResidueClassesTest : public testing::Test {
protected:
  MLIRContext context{MLIRContext::Threading::DISABLED};

  MaskSet dilated(int64_t step) { return MaskSet::dilated(&context, step); }
  int64_t stepOf(const MaskSet &set) {
    std::optional<ResidueClasses> classes = residueClasses(set);
    return classes ? classes->step : 1;
  }
};

TEST_F(ResidueClassesTest, StepsJoin) {
  MaskSet near = MaskSet::band(&context, 30, 0);
  EXPECT_EQ(stepOf(near), 1);
  EXPECT_EQ(stepOf(dilated(1)), 1);
  EXPECT_EQ(stepOf(dilated(4)), 4);
  EXPECT_EQ(stepOf(MaskSet::all({near, dilated(4)})), 4);
  EXPECT_EQ(stepOf(MaskSet::all({dilated(6), near, dilated(4)})), 12);
  EXPECT_EQ(stepOf(MaskSet::any({dilated(6), near})), 1);
  EXPECT_EQ(stepOf(MaskSet::any({dilated(6), dilated(4)})), 2);
  EXPECT_EQ(stepOf(MaskSet::complement(dilated(4))), 1);
  EXPECT_TRUE(hasDilations(MaskSet::any({dilated(6), near})));
  EXPECT_FALSE(hasDilations(near));
}

// A dilation that is written as a set, from either side.
TEST_F(ResidueClassesTest, SetsAreRecognised) {
  AffineExpr q = getAffineDimExpr(2, &context),
             k = getAffineDimExpr(3, &context);
  auto set = [&](ArrayRef<AffineExpr> exprs) {
    return MaskSet::points(AffineMap::get(4, 0, exprs, &context));
  };
  EXPECT_EQ(stepOf(set({q - k, -((q - k) % 5)})), 5);
  EXPECT_EQ(stepOf(set({-((k - q) % 5)})), 5);
  EXPECT_EQ(stepOf(set({-((q - k + 1) % 5)})), 1);
  EXPECT_EQ(stepOf(set({(q - k) % 5})), 1);
}

// Of the masks of practice nothing but a band is left.
TEST_F(ResidueClassesTest, WindowsStayExact) {
  MaskSet mask = MaskSet::all({dilated(4), MaskSet::band(&context, 63, 0)});
  std::optional<ResidueClasses> classes = residueClasses(mask);
  ASSERT_TRUE(classes);
  TileSegments segments =
      analyzeTile(classes->set, TileWalk::Keys, /*oneHead=*/true);
  EXPECT_TRUE(segments.exact);
  EXPECT_EQ(segments.segments.size(), 3u);
}

// Pairs of one class are visible where the mask of the class says so, and pairs
// of two classes never.
TEST_F(ResidueClassesTest, FuzzAgainstBruteForce) {
  MaskGenerator generator(&context, 20261125);
  int found = 0;
  for (int n = 0; n < 2000; ++n) {
    FuzzMask inner = generator.tree(/*depth=*/2, /*heads=*/n % 3 == 0);
    int64_t d = 2 + generator.below(4);
    MaskSet mask = generator.below(2) ? MaskSet::all({dilated(d), inner.set})
                                      : MaskSet::all({inner.set, dilated(d)});
    std::optional<ResidueClasses> classes = residueClasses(mask);
    ASSERT_TRUE(classes) << inner.text;
    ASSERT_EQ(classes->step % d, 0) << inner.text;
    ++found;
    std::vector<int64_t> symbols(mask.numSymbols + 1);
    for (int64_t &symbol : symbols) {
      symbol = generator.below(16) - 4;
    }
    int64_t step = classes->step, h = generator.below(4);
    for (int64_t q = -7; q <= 19; ++q) {
      for (int64_t k = 0; k < 24; ++k) {
        int64_t r = ((k % step) + step) % step;
        ArrayRef<int64_t> given(symbols);
        bool visible = (q - k) % d == 0 && inner.contains({0, h, q, k, given});
        if ((q - k) % step != 0) {
          ASSERT_FALSE(visible) << inner.text;
          continue;
        }
        symbols.back() = r;
        MaskPoint point{0, h, (q - r) / step, (k - r) / step, symbols};
        ASSERT_EQ(classes->set.contains(point), visible)
            << inner.text << " d " << d << " q " << q << " k " << k;
      }
    }
  }
  EXPECT_EQ(found, 2000);
}

} // namespace
