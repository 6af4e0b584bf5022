//===- TileAnalysis.h - what the rows of a tile can see -------------------===//
// For a tile of queries: which keys some of them see (active), and which all of
// them see (full), as ranges whose bounds are functions of the ends of the tile
// and the symbols. For a tile of keys the same, with the axes exchanged.
//
// Each term of the mask, and of its complement, gives one range of keys: the
// queries are eliminated from its constraints, which are bounds of the query or
// of the key alone once they are solved for them. Ranges are put in order of
// their starts, at compile time where that is provable, and walked: what the
// ranges of the complement leave of those of the mask is full.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_TILEANALYSIS_H
#define ATTN_MASK_TILEANALYSIS_H

#include "attn/Mask/MaskSet.h"

namespace attn {

/// One step of the arithmetic of bounds; operands are earlier steps.
struct BoundStep {
  enum class Kind {
    Lower,    ///< where the keys to look at start: an input
    Upper,    ///< where they end
    Form,     ///< `form`
    Min,      ///< of `a` and `b`
    Max,      ///< of `a` and `b`
    IfForm,   ///< `a` where `form >= 0`, else `b`
    IfAtMost, ///< `a` where step `left` is at most step `right`, else `b`
  } kind;
  LinearForm form = {};
  unsigned a = 0, b = 0, left = 0, right = 0;
};

/// [lower, upper): numbers of steps. Empty where upper <= lower.
struct TileSegment {
  bool full;
  unsigned lower, upper;
};

/// Ordered, disjoint segments.
struct TileSegments {
  std::vector<BoundStep> steps;
  std::vector<TileSegment> segments;
  /// Whether partial segments hold no key that nothing sees or all see. A mask
  /// with remainders mostly is not: its keys are no ranges.
  bool exact = true;
};

/// What is walked: the keys that a tile of queries sees, or the queries that
/// see a tile of keys.
enum class TileWalk { Keys, Queries };

/// Segments of the tile [From, To] of `set`. With `oneHead` FirstHead is the
/// only head.
TileSegments analyzeTile(const MaskSet &set, TileWalk walk, bool oneHead);

/// A range that holds all that the tile sees: [first, second) are steps.
TileSegments analyzeHull(const MaskSet &set, TileWalk walk, bool oneHead);

/// A tile at run time: ends are inclusive, [lower, upper) is to be looked at.
struct TileAt {
  int64_t batch = 0, firstHead = 0, lastHead = 0, from = 0, to = 0;
  int64_t lower = 0, upper = 0;
  llvm::ArrayRef<int64_t> symbols = {};
};

struct TileRange {
  bool full;
  int64_t lower, upper;
  bool operator==(const TileRange &other) const {
    return full == other.full && lower == other.lower && upper == other.upper;
  }
};

/// The segments that are not empty, neighbours of one kind joined.
std::vector<TileRange> evaluate(const TileSegments &segments,
                                const TileAt &tile);

} // namespace attn

#endif // ATTN_MASK_TILEANALYSIS_H
