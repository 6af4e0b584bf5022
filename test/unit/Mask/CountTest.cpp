//===- CountTest.cpp - counts of points against brute force ---------------===//
// ATTN_FUZZ_CASES sets the number of random masks, times ten.
//===----------------------------------------------------------------------===//

#include "attn/Mask/Count.h"
#include "MaskFuzz.h"
#include "attn/Mask/MaskFacts.h"
#include "attn/Mask/MaskText.h"

#include <gtest/gtest.h>

#include <chrono>

using namespace attn;
using namespace mlir;

namespace {

struct CountTest : testing::Test {
  MLIRContext context{MLIRContext::Threading::DISABLED};

  LinearForm dim(unsigned d) {
    return LinearForm::of(getAffineDimExpr(d, &context));
  }
  LinearForm symbol(unsigned s) {
    return LinearForm::of(getAffineSymbolExpr(s, &context));
  }

  // Rows and columns of a square of size symbol `at`, from 1 on.
  MaskTerm square(unsigned at) {
    LinearForm last = symbol(at) - LinearForm(1);
    return {dim(QueryDim), last - dim(QueryDim), dim(KeyDim),
            last - dim(KeyDim), last};
  }

  // `mask` of no symbols as one of the size.
  std::optional<Count> count(const MaskSet &mask) {
    return countPoints(mask.replaceSymbols({}, 1), square(0),
                       {QueryDim, KeyDim});
  }

  std::string formula(const MaskSet &mask) {
    MaskNames names{{"b", "h", "q", "k"}, {"s"}};
    std::optional<Count> found = count(mask);
    if (!found) {
      return "none";
    }
    std::string text;
    for (const CountCase &part : found->cases) {
      text += (text.empty() ? "" : "; ") + toText(part.value, names);
      text += part.when.empty() ? "" : " if " + toText(part.when, names);
    }
    return text;
  }
};

TEST_F(CountTest, FormulasOfPatterns) {
  MaskSet causal = MaskSet::band(&context, -1, 0);
  MaskSet window = MaskSet::band(&context, 1023, 0);
  EXPECT_EQ(formula(MaskSet::band(&context, -1, -1)), "s^2");
  EXPECT_EQ(formula(causal), "(s^2 + s) / 2");
  EXPECT_EQ(formula(window),
            "(s^2 + s) / 2 if s <= 1023; 1024*s - 523776 if s >= 1024");
  EXPECT_EQ(formula(MaskSet::chunk(&context, 384)),
            "s^2 - 768*s*floor(s / 384) + 147456*floor(s / 384)^2 + "
            "147456*floor(s / 384)");
  EXPECT_EQ(formula(MaskSet::dilated(&context, 4)),
            "2*s*floor(s / 4) - 4*floor(s / 4)^2 + s - 4*floor(s / 4)");
  EXPECT_EQ(
      formula(MaskSet::all(
          {causal, MaskSet::any({MaskSet::prefix(&context, 4), window})})),
      "(s^2 + s) / 2 if s <= 1027; 1028*s - 527878 if s >= 1028");
  EXPECT_EQ(formula(MaskSet::any({causal, MaskSet::prefix(&context, 2048)})),
            "s^2 if s <= 2047; (s^2 + s + 4192256) / 2 if s >= 2048");
  EXPECT_EQ(formula(MaskSet::any({MaskSet::band(&context, 256, 256),
                                  MaskSet::global(&context, 64)})),
            "s^2 if s <= 320; 641*s - 102720 if s >= 321");
  EXPECT_EQ(formula(MaskSet::all({causal, MaskSet::chunk(&context, 2048)})),
            "(s^2 - 4096*s*floor(s / 2048) + 4194304*floor(s / 2048)^2 + s + "
            "4194304*floor(s / 2048)) / 2");
  EXPECT_EQ(formula(MaskSet::all({window, MaskSet::dilated(&context, 4)})),
            "s*floor(s / 4) - 2*floor(s / 4)^2 + s - 2*floor(s / 4) if s <= "
            "1019; 256*s - 130560 if s >= 1020");
}

// Every point of the square is asked.
int64_t bruteForce(const FuzzMask &mask, int64_t size,
                   ArrayRef<int64_t> symbols) {
  int64_t count = 0;
  for (int64_t q = 0; q < size; ++q) {
    for (int64_t k = 0; k < size; ++k) {
      count += mask.contains({0, 0, q, k, symbols});
    }
  }
  return count;
}

TEST_F(CountTest, RandomMasksCountAsTheirPoints) {
  const char *text = std::getenv("ATTN_FUZZ_CASES");
  int64_t masks = (text ? std::atoll(text) : 2000) / 10, counted = 0;
  MaskGenerator generator(&context, 20261124);
  for (int64_t n = 0; n < masks; ++n) {
    FuzzMask mask = generator.tree(1 + generator.below(2), /*heads=*/false);
    unsigned own = mask.set.numSymbols;
    if (own > 2) {
      continue;
    }
    std::vector<AffineExpr> values;
    for (unsigned s = 0; s < own; ++s) {
      values.push_back(getAffineSymbolExpr(s, &context));
    }
    std::optional<Count> found =
        countPoints(mask.set.replaceSymbols(values, own + 1), square(own),
                    {QueryDim, KeyDim});
    if (!found) {
      continue;
    }
    ++counted;
    for (int64_t size : {1, 2, 3, 7, 12, 20, 33}) {
      std::vector<int64_t> symbols;
      for (unsigned s = 0; s < own; ++s) {
        symbols.push_back(generator.below(20) - 6);
      }
      int64_t expected = bruteForce(mask, size, symbols);
      symbols.push_back(size);
      ASSERT_EQ(evaluate(found->cases, symbols),
                std::optional<int64_t>(expected))
          << mask.text << " at " << size;
    }
  }
  std::printf("%lld of %lld masks have a formula\n",
              static_cast<long long>(counted), static_cast<long long>(masks));
  EXPECT_GT(counted, masks / 2);
}

// Where all cases are too many, the one at hand is told.
TEST_F(CountTest, TheCaseAtHand) {
  LinearForm distance = dim(QueryDim) - dim(KeyDim);
  MaskSet set = MaskSet::band(&context, -1, -1).replaceSymbols({}, 3);
  set.constraints = {distance + symbol(1), symbol(0) - distance};
  FuzzMask mask{set,
                [](const MaskPoint &p) {
                  return p.q - p.symbols[0] <= p.k && p.k <= p.q + p.symbols[1];
                },
                "band"};
  int64_t cases[][3] = {
      {4, 2, 20}, {30, 0, 20}, {0, 0, 5}, {-3, 7, 11}, {-3, 2, 11}};
  for (ArrayRef<int64_t> at : cases) {
    std::optional<Count> found =
        countPoints(set, square(2), {QueryDim, KeyDim}, at);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->isComplete);
    EXPECT_EQ(evaluate(found->cases, at),
              std::optional<int64_t>(bruteForce(mask, at[2], at)));
  }
}

} // namespace
