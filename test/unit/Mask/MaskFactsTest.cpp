//===- MaskFactsTest.cpp - proofs about masks against brute force ---------===//
// Random masks on squares of several sizes. A proof holds at each of them, and
// the conditions for rows without keys are met exactly where there are some.
// ATTN_FUZZ_CASES sets the number of masks.
//===----------------------------------------------------------------------===//

#include "attn/Mask/MaskFacts.h"
#include "MaskFuzz.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace mlir;

namespace {

constexpr int64_t kSizes[] = {1, 2, 5, 9, 16};

struct Seen {
  bool all = true, none = true, hiddenRow = false;
};

Seen look(const FuzzMask &mask, int64_t size, ArrayRef<int64_t> symbols) {
  Seen seen;
  for (int64_t q = 0; q < size; ++q) {
    bool any = false;
    for (int64_t k = 0; k < size; ++k) {
      bool visible = mask.contains({0, 0, q, k, symbols});
      any |= visible;
      seen.all &= visible;
    }
    seen.none &= !any;
    seen.hiddenRow |= !any;
  }
  return seen;
}

bool holdsAnywhere(ArrayRef<MaskTerm> terms, ArrayRef<int64_t> symbols) {
  return llvm::any_of(terms, [&](const MaskTerm &term) {
    return llvm::all_of(term, [&](const LinearForm &form) {
      return evaluate(form, {}, symbols) >= 0;
    });
  });
}

TEST(MaskFactsTest, ProofsHold) {
  const char *text = std::getenv("ATTN_FUZZ_CASES");
  int64_t masks = (text ? std::atoll(text) : 5000) / 5;
  MLIRContext context(MLIRContext::Threading::DISABLED);
  MaskGenerator generator(&context, 20261125);
  int64_t decided = 0, proofs = 0, subsets = 0;
  for (int64_t n = 0; n < masks; ++n) {
    FuzzMask mask = generator.tree(1 + generator.below(2), /*heads=*/false);
    // Its symbols, then the size.
    unsigned own = mask.set.numSymbols;
    SmallVector<AffineExpr> values;
    for (unsigned s = 0; s < own; ++s) {
      values.push_back(getAffineSymbolExpr(s, &context));
    }
    MaskSet set = mask.set.replaceSymbols(values, own + 1);
    LinearForm last =
        LinearForm::of(getAffineSymbolExpr(own, &context)).add(LinearForm(-1));
    MaskTerm facts = {last};
    for (unsigned d : {QueryDim, KeyDim}) {
      LinearForm dim = LinearForm::of(getAffineDimExpr(d, &context));
      facts.push_back(dim);
      facts.push_back(last - dim);
    }
    bool all = hidesNothing(set, facts), none = hidesEverything(set, facts);
    std::optional<std::vector<MaskTerm>> rows = hiddenRows(set, facts);
    decided += rows.has_value();
    proofs += all || none;
    for (int64_t size : kSizes) {
      SmallVector<int64_t> symbols;
      for (unsigned s = 0; s < own; ++s) {
        symbols.push_back(generator.below(20) - 6);
      }
      Seen seen = look(mask, size, symbols);
      symbols.push_back(size);
      ASSERT_TRUE(!all || seen.all) << mask.text << " at " << size;
      ASSERT_TRUE(!none || seen.none) << mask.text << " at " << size;
      if (rows) {
        ASSERT_EQ(holdsAnywhere(*rows, symbols), seen.hiddenRow)
            << mask.text << " at " << size;
      }
    }
    // Of the parts of a list: a part that is inside of another one is so.
    for (size_t i = 0; i + 1 < set.children.size(); ++i) {
      const MaskSet &a = set.children[i], &b = set.children[i + 1];
      if (!isSubset(a, b, facts)) {
        continue;
      }
      ++subsets;
      SmallVector<int64_t> symbols(own, 3);
      symbols.push_back(9);
      for (int64_t q = 0; q < 9; ++q) {
        for (int64_t k = 0; k < 9; ++k) {
          MaskPoint point{0, 0, q, k, symbols};
          ASSERT_TRUE(!a.contains(point) || b.contains(point)) << mask.text;
        }
      }
    }
  }
  std::printf("rows decided of %lld of %lld masks; %lld hide all or nothing, "
              "%lld parts inside of others\n",
              static_cast<long long>(decided), static_cast<long long>(masks),
              static_cast<long long>(proofs), static_cast<long long>(subsets));
  EXPECT_GT(decided, masks / 2);
  EXPECT_GT(proofs, 0);
  EXPECT_GT(subsets, 0);
}

} // namespace
