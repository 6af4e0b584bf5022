//===- MaskSetTest.cpp - masks as sets against brute force ----------------===//
// Random trees of bands and prefixes; every pair of a grid is asked.
//===----------------------------------------------------------------------===//

#include "attn/Mask/MaskSet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

using namespace attn;

namespace {

// Queries may come before the first key (an offset below 0) or after the last.
constexpr int64_t kFirstQuery = -4, kLastQuery = 19, kKeys = 16;
constexpr int kCases = 4000;
constexpr uint64_t kSeed = 20240521;

class Generator {
public:
  int64_t below(int64_t count) {
    return static_cast<int64_t>(engine() % static_cast<uint64_t>(count));
  }

  MaskSet tree(int depth) {
    int64_t kind = below(depth == 0 ? 2 : 4);
    switch (kind) {
    case 0:
      return MaskSet::band(below(9) - 1, below(9) - 1);
    case 1:
      return MaskSet::prefix(below(kKeys + 3));
    default:
      std::vector<MaskSet> children;
      for (int64_t n = 1 + below(3); n > 0; --n) {
        children.push_back(tree(depth - 1));
      }
      return kind == 2 ? MaskSet::all(std::move(children))
                       : MaskSet::any(std::move(children));
    }
  }

private:
  std::mt19937_64 engine{kSeed};
};

std::string print(const MaskSet &set) {
  switch (set.kind) {
  case MaskSet::Kind::Band:
    return "band(" + std::to_string(set.left) + ", " +
           std::to_string(set.right) + ")";
  case MaskSet::Kind::Prefix:
    return "prefix(" + std::to_string(set.count) + ")";
  case MaskSet::Kind::And:
  case MaskSet::Kind::Or:
    break;
  }
  std::string text = set.kind == MaskSet::Kind::And ? "and(" : "or(";
  for (const MaskSet &child : set.children) {
    text += (&child == set.children.data() ? "" : ", ") + print(child);
  }
  return text + ")";
}

bool contains(const MaskTerm &term, int64_t q, int64_t k) {
  return (term.left < 0 || q - term.left <= k) &&
         (term.right < 0 || k <= q + term.right) &&
         (term.count < 0 || k < term.count);
}

/// The keys [lo, hi) of a tile of queries, within those that there are.
struct Range {
  int64_t lo, hi;
  bool contains(int64_t k) const { return lo <= k && k < hi; }
};

int64_t evaluate(const KeyBound &bound, int64_t first, int64_t last,
                 int64_t none) {
  switch (bound.base) {
  case KeyBound::Base::None:
    return none;
  case KeyBound::Base::FirstQuery:
    return first + bound.constant;
  case KeyBound::Base::LastQuery:
    return last + bound.constant;
  }
  return none;
}

Range makeRange(const MaskTerm &term, const KeyBound &lo, const KeyBound &hi,
                int64_t first, int64_t last) {
  int64_t end = term.count < 0 ? kKeys : std::min(term.count, kKeys);
  return {std::max<int64_t>(evaluate(lo, first, last, 0), 0),
          std::min(evaluate(hi, first, last, end), end)};
}

Range activeRange(const MaskTerm &term, int64_t first, int64_t last) {
  return makeRange(term, term.activeLo(), term.activeHi(), first, last);
}

Range fullRange(const MaskTerm &term, int64_t first, int64_t last) {
  return makeRange(term, term.fullLo(), term.fullHi(), first, last);
}

TEST(MaskSetTest, TermsAreTheSet) {
  Generator generator;
  int bounded = 0;
  for (int n = 0; n < kCases; ++n) {
    MaskSet set = generator.tree(/*depth=*/3);
    std::vector<MaskTerm> terms = set.terms();
    if (terms.empty()) {
      continue; // takes too many terms
    }
    ++bounded;
    for (int64_t q = kFirstQuery; q <= kLastQuery; ++q) {
      for (int64_t k = 0; k < kKeys; ++k) {
        bool any =
            std::any_of(terms.begin(), terms.end(), [&](const MaskTerm &term) {
              return contains(term, q, k);
            });
        ASSERT_EQ(set.contains(q, k), any)
            << print(set) << " at q " << q << ", k " << k;
      }
    }
  }
  EXPECT_GT(bounded, kCases * 3 / 4);
}

TEST(MaskSetTest, RangesOfTiles) {
  Generator generator;
  for (int n = 0; n < kCases; ++n) {
    MaskSet set = generator.tree(/*depth=*/3);
    std::vector<MaskTerm> terms = set.terms();
    int64_t queries = kLastQuery - kFirstQuery + 1;
    int64_t first = kFirstQuery + generator.below(queries);
    int64_t last = first + generator.below(kLastQuery - first + 1);
    auto where = [&](int64_t k) {
      return print(set) + " at queries " + std::to_string(first) + " to " +
             std::to_string(last) + ", k " + std::to_string(k);
    };
    for (int64_t k = 0; k < kKeys && !terms.empty(); ++k) {
      int64_t visible = 0;
      for (int64_t q = first; q <= last; ++q) {
        visible += set.contains(q, k);
      }
      bool active = false, full = false;
      for (const MaskTerm &term : terms) {
        int64_t seen = 0;
        for (int64_t q = first; q <= last; ++q) {
          seen += contains(term, q, k);
        }
        bool inActive = activeRange(term, first, last).contains(k);
        bool inFull = fullRange(term, first, last).contains(k);
        // The bounds of a term are exact.
        ASSERT_EQ(inActive, seen > 0) << where(k);
        ASSERT_EQ(inFull, seen == last - first + 1) << where(k);
        active |= inActive;
        full |= inFull;
      }
      ASSERT_EQ(active, visible > 0) << where(k);
      ASSERT_TRUE(!full || visible == last - first + 1) << where(k);
    }
  }
}

TEST(MaskSetTest, TermsComeInTheOrderOfTheirFirstKeys) {
  Generator generator;
  for (int n = 0; n < kCases; ++n) {
    MaskSet set = generator.tree(/*depth=*/3);
    std::vector<MaskTerm> terms = set.terms();
    for (int64_t first = kFirstQuery; first <= kLastQuery; ++first) {
      for (size_t i = 1; i < terms.size(); ++i) {
        auto start = [&](const MaskTerm &term) {
          return std::max<int64_t>(evaluate(term.activeLo(), first, first, 0),
                                   0);
        };
        ASSERT_LE(start(terms[i - 1]), start(terms[i]))
            << print(set) << " at query " << first;
      }
    }
  }
}

TEST(MaskSetTest, SimpleSetsHaveTerms) {
  EXPECT_EQ(MaskSet::band(-1, 0).terms().size(), 1u);
  EXPECT_EQ(MaskSet::prefix(0).terms().size(), 1u);
  std::vector<MaskTerm> terms =
      MaskSet::any({MaskSet::band(3, 0), MaskSet::prefix(4)}).terms();
  ASSERT_EQ(terms.size(), 2u);
  EXPECT_EQ(terms[0].count, 4);
  EXPECT_EQ(terms[1].left, 3);
  terms = MaskSet::all({MaskSet::band(-1, 5), MaskSet::band(7, -1),
                        MaskSet::band(9, 2), MaskSet::prefix(8)})
              .terms();
  ASSERT_EQ(terms.size(), 1u);
  EXPECT_EQ(terms[0].left, 7);
  EXPECT_EQ(terms[0].right, 2);
  EXPECT_EQ(terms[0].count, 8);
}

TEST(MaskSetTest, ManyTermsAreNone) {
  std::vector<MaskSet> bands;
  for (int64_t n = 0; n < 5; ++n) {
    bands.push_back(MaskSet::band(n, n));
  }
  EXPECT_TRUE(MaskSet::any(bands).terms().empty());
  // Of a union of 4 none is too many; of a product of two such, 16 are.
  bands.pop_back();
  EXPECT_EQ(MaskSet::any(bands).terms().size(), 4u);
  EXPECT_TRUE(
      MaskSet::all({MaskSet::any(bands), MaskSet::any(bands)}).terms().empty());
}

} // namespace
