//===- MaskSetTest.cpp - masks as sets against brute force ----------------===//

#include "MaskFuzz.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace mlir;

namespace {

class MaskSetTest : public testing::Test {
protected:
  MLIRContext context{MLIRContext::Threading::DISABLED};
};

bool isIn(const MaskTerm &term, const MaskPoint &p) {
  int64_t dims[] = {p.b, p.h, p.q, p.k};
  return llvm::all_of(term, [&](const LinearForm &form) {
    return evaluate(form, dims, p.symbols) >= 0;
  });
}

// The terms of the set are the set, those of its complement the rest.
TEST_F(MaskSetTest, TermsAreTheSet) {
  MaskGenerator generator(&context, 20240521);
  int bounded = 0;
  for (int n = 0; n < 1000; ++n) {
    FuzzMask mask = generator.tree(/*depth=*/3, /*heads=*/n % 3 == 0);
    auto inside = mask.set.terms(), outside = mask.set.terms(true);
    if (!inside || !outside) {
      continue; // takes too many terms
    }
    ++bounded;
    std::vector<int64_t> symbols(mask.set.numSymbols);
    for (int64_t &symbol : symbols) {
      symbol = generator.below(9) - 2;
    }
    for (int64_t q = -4; q <= 19; q += 1 + n % 2) {
      for (int64_t k = 0; k < 16; ++k) {
        MaskPoint p{0, generator.below(3), q, k, symbols};
        auto has = [&](const MaskTerm &term) { return isIn(term, p); };
        ASSERT_EQ(mask.contains(p), llvm::any_of(*inside, has)) << mask.text;
        ASSERT_EQ(mask.contains(p), !llvm::any_of(*outside, has)) << mask.text;
      }
    }
  }
  EXPECT_GT(bounded, 700);
}

TEST_F(MaskSetTest, SymbolsOfPartsFollowEachOther) {
  AffineExpr q = getAffineDimExpr(2, &context),
             k = getAffineDimExpr(3, &context);
  AffineExpr s = getAffineSymbolExpr(0, &context);
  MaskSet left = MaskSet::points(AffineMap::get(4, 1, k - q + s, &context));
  MaskSet right = MaskSet::points(AffineMap::get(4, 1, q - k + s, &context));
  MaskSet both = MaskSet::all({left, MaskSet::any({right, left})});
  EXPECT_EQ(both.numSymbols, 3u);
  EXPECT_TRUE(both.contains({0, 0, 10, 8, {2, -2, 2}}));
  EXPECT_FALSE(both.contains({0, 0, 10, 8, {1, -2, 2}}));
  EXPECT_FALSE(both.contains({0, 0, 10, 8, {2, -3, 1}}));
}

TEST_F(MaskSetTest, TermsInsideOfOthersAreDropped) {
  MaskSet narrow = MaskSet::band(&context, 3, 0);
  MaskSet wide = MaskSet::band(&context, 9, 0);
  EXPECT_EQ(MaskSet::any({narrow, wide, narrow}).terms()->size(), 1u);
  EXPECT_EQ(MaskSet::all({narrow, wide}).terms()->front().size(), 2u);
  MaskSet none = MaskSet::all({narrow, MaskSet::complement(wide)});
  EXPECT_TRUE(none.terms()->empty());
}

TEST_F(MaskSetTest, SidesPastAllPositionsAreNone) {
  EXPECT_TRUE(
      MaskSet::band(&context, INT64_MAX, INT64_MAX).constraints.empty());
  EXPECT_TRUE(MaskSet::prefix(&context, INT64_MAX).constraints.empty());
}

// Quotients of one form cancel.
TEST_F(MaskSetTest, LinearForms) {
  AffineExpr q = getAffineDimExpr(2, &context),
             k = getAffineDimExpr(3, &context);
  auto form = [](AffineExpr expr) { return LinearForm::of(expr); };
  EXPECT_TRUE(
      (form((q * 6 + 9).floorDiv(4)) - form(q + (q * 2 + 5).floorDiv(4)))
          .isConstant());
  EXPECT_TRUE(
      (form((q.floorDiv(2) + 1).floorDiv(3)) - form((q + 2).floorDiv(6)))
          .isConstant());
  EXPECT_TRUE(
      (form((q - k) % 5) - form(q - k - (q - k).floorDiv(5) * 5)).isConstant());
}

} // namespace
