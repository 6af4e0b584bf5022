//===- TileAnalysisTest.cpp - segments of tiles against brute force -------===//
// Random masks x tiles x lengths. What is visible is never missing, what is
// full is fully visible, and where the analysis says so it is exact to the key.
// ATTN_FUZZ_CASES sets the number of masks.
//===----------------------------------------------------------------------===//

#include "attn/Mask/TileAnalysis.h"
#include "MaskFuzz.h"
#include "attn/Mask/TileClass.h"

#include <gtest/gtest.h>

using namespace attn;
using namespace mlir;

namespace {

constexpr uint64_t kSeed = 20261124;

int64_t fuzzCases() {
  const char *text = std::getenv("ATTN_FUZZ_CASES");
  return text ? std::atoll(text) : 5000;
}

/// What a tile sees of each position along the walk.
struct Brute {
  std::vector<bool> any, all;
};

Brute look(const FuzzMask &mask, TileWalk walk, const TileAt &tile) {
  Brute brute;
  for (int64_t at = tile.lower; at < tile.upper; ++at) {
    bool any = false, all = true;
    for (int64_t h = tile.firstHead; h <= tile.lastHead; ++h) {
      for (int64_t x = tile.from; x <= tile.to; ++x) {
        MaskPoint point{tile.batch, h, walk == TileWalk::Keys ? x : at,
                        walk == TileWalk::Keys ? at : x, tile.symbols};
        bool visible = mask.contains(point);
        EXPECT_EQ(visible, mask.set.contains(point)) << mask.text;
        any |= visible;
        all &= visible;
      }
    }
    brute.any.push_back(any);
    brute.all.push_back(all);
  }
  return brute;
}

class Fuzz {
public:
  void run(int64_t cases);
  int64_t exact = 0, total = 0, segments = 0;

private:
  void tile(const FuzzMask &mask, TileWalk walk, const TileSegments &analysis,
            const TileSegments &hull, const TileAt &tile);

  MLIRContext context{MLIRContext::Threading::DISABLED};
  MaskGenerator generator{&context, kSeed};
};

void Fuzz::tile(const FuzzMask &mask, TileWalk walk,
                const TileSegments &analysis, const TileSegments &hull,
                const TileAt &tile) {
  Brute brute = look(mask, walk, tile);
  std::string where =
      mask.text + (walk == TileWalk::Keys ? " keys" : " queries") + " of " +
      std::to_string(tile.from) + "-" + std::to_string(tile.to) + " in " +
      std::to_string(tile.lower) + "-" + std::to_string(tile.upper) +
      " heads " + std::to_string(tile.firstHead) + "-" +
      std::to_string(tile.lastHead);
  for (int64_t symbol : tile.symbols) {
    where += " s" + std::to_string(symbol);
  }
  int64_t size = tile.upper - tile.lower, end = tile.lower;
  std::vector<int> kind(size, 0);
  for (const TileRange &range : evaluate(analysis, tile)) {
    ASSERT_GE(range.lower, end) << where;
    ASSERT_LE(range.upper, tile.upper) << where;
    end = range.upper;
    for (int64_t at = range.lower; at < range.upper; ++at) {
      kind[at - tile.lower] = range.full ? 2 : 1;
    }
  }
  int64_t lo = tile.upper, hi = tile.lower;
  for (const TileRange &range : evaluate(hull, tile)) {
    lo = range.lower;
    hi = range.upper;
  }
  int64_t seen = 0, full = 0;
  for (int64_t at = tile.lower; at < tile.upper; ++at) {
    bool any = brute.any[at - tile.lower], all = brute.all[at - tile.lower];
    int is = kind[at - tile.lower];
    seen += any;
    full += all;
    ASSERT_TRUE(!any || is > 0) << where << " misses " << at;
    ASSERT_TRUE(is < 2 || all) << where << " is not full at " << at;
    ASSERT_TRUE(!any || (lo <= at && at < hi)) << where << " hull at " << at;
    if (analysis.exact) {
      ASSERT_EQ(is, all ? 2 : any ? 1 : 0) << where << " at " << at;
    }
  }
  if (tile.upper > tile.lower) {
    TileClass expected = seen == 0      ? TileClass::Empty
                         : full == size ? TileClass::Full
                                        : TileClass::Partial;
    TileBox box{tile.batch, tile.firstHead, tile.lastHead,  tile.from,
                tile.to,    tile.lower,     tile.upper - 1, tile.symbols};
    if (walk == TileWalk::Queries) {
      std::swap(box.firstQuery, box.firstKey);
      std::swap(box.lastQuery, box.lastKey);
    }
    ASSERT_EQ(classifyTile(mask.set, box), expected) << where;
  }
}

void Fuzz::run(int64_t cases) {
  for (int64_t n = 0; n < cases && !testing::Test::HasFatalFailure(); ++n) {
    bool heads = generator.below(4) == 0;
    FuzzMask mask = generator.tree(/*depth=*/2, heads);
    TileWalk walk =
        generator.below(3) == 0 ? TileWalk::Queries : TileWalk::Keys;
    bool oneHead = generator.below(2) == 0;
    TileSegments analysis = analyzeTile(mask.set, walk, oneHead);
    TileSegments hull = analyzeHull(mask.set, walk, oneHead);
    exact += analysis.exact;
    segments += static_cast<int64_t>(analysis.segments.size());
    ++total;
    std::vector<int64_t> symbols(mask.set.numSymbols);
    for (int64_t t = 0; t < 3; ++t) {
      for (int64_t &symbol : symbols) {
        symbol = generator.below(16) - 4;
      }
      TileAt tile;
      tile.batch = generator.below(2);
      tile.firstHead = generator.below(4);
      tile.lastHead = tile.firstHead + (oneHead ? 0 : generator.below(3));
      tile.from = generator.below(28) - 6;
      tile.to = tile.from + generator.below(9);
      tile.lower = generator.below(8);
      tile.upper = tile.lower + generator.below(24);
      tile.symbols = symbols;
      this->tile(mask, walk, analysis, hull, tile);
    }
  }
}

TEST(TileAnalysisTest, FuzzAgainstBruteForce) {
  Fuzz fuzz;
  fuzz.run(fuzzCases());
  // Remainders and unlike slopes are what is not exact.
  EXPECT_GT(fuzz.exact * 2, fuzz.total);
  RecordProperty("exact", std::to_string(fuzz.exact));
  std::printf("%lld masks, %lld exact, %.1f segments each\n",
              static_cast<long long>(fuzz.total),
              static_cast<long long>(fuzz.exact),
              double(fuzz.segments) / double(fuzz.total));
}

class PatternTest : public testing::Test {
protected:
  /// The kinds of the segments: F for full, P for partial.
  std::string kinds(const MaskSet &set) {
    TileSegments analysis = analyzeTile(set, TileWalk::Keys, /*oneHead=*/true);
    EXPECT_TRUE(analysis.exact);
    std::string text;
    for (const TileSegment &segment : analysis.segments) {
      text += segment.full ? 'F' : 'P';
    }
    return text;
  }
  MLIRContext context{MLIRContext::Threading::DISABLED};
};

TEST_F(PatternTest, LoopsAreTheFewestThatThereAre) {
  auto causal = MaskSet::band(&context, -1, 0);
  auto window = MaskSet::band(&context, 1023, 0);
  auto sink = MaskSet::prefix(&context, 4);
  EXPECT_EQ(kinds(MaskSet::band(&context, -1, -1)), "F");
  EXPECT_EQ(kinds(causal), "FP");
  EXPECT_EQ(kinds(window), "PFP");
  EXPECT_EQ(kinds(sink), "F");
  EXPECT_EQ(kinds(MaskSet::chunk(&context, 384)), "PFP");
  EXPECT_EQ(kinds(MaskSet::all({causal, MaskSet::chunk(&context, 384)})),
            "PFP");
  EXPECT_EQ(kinds(MaskSet::any({causal, MaskSet::prefix(&context, 2048)})),
            "FPF");
  EXPECT_EQ(kinds(MaskSet::any({sink, window})), "FPFP");
  // The global keys, the window, and all keys where the queries are global.
  EXPECT_EQ(kinds(MaskSet::any({MaskSet::band(&context, 256, 256),
                                MaskSet::global(&context, 64)})),
            "FPFPF");
}

} // namespace
