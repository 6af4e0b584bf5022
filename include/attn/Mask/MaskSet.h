//===- MaskSet.h - a mask as a set of (q, k) pairs ------------------------===//
// A mask is an expression over simple sets of points (q, k) in absolute
// positions. The set answers membership, and for a range of queries which keys
// can be visible (active) and which must be (full).
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_MASKSET_H
#define ATTN_MASK_MASKSET_H

#include <cstdint>
#include <vector>

namespace attn {

struct MaskTerm;

/// A set of pairs. `Band` is `q - left <= k <= q + right` with -1 for a side
/// without bound; `Prefix` is `k < count`; `And` and `Or` combine `children`.
struct MaskSet {
  enum class Kind { Band, Prefix, And, Or };
  Kind kind = Kind::Band;
  int64_t left = -1, right = -1; // Band; not negative where bounded
  int64_t count = 0;             // Prefix
  std::vector<MaskSet> children; // And, Or

  static MaskSet band(int64_t left, int64_t right);
  static MaskSet prefix(int64_t count);
  static MaskSet all(std::vector<MaskSet> children); // And
  static MaskSet any(std::vector<MaskSet> children); // Or

  bool contains(int64_t q, int64_t k) const;

  /// The set as a union of terms, each convex in k, or nothing where that takes
  /// more than a few. In the order of their first visible keys: a term starts
  /// nowhere before those in front of it.
  std::vector<MaskTerm> terms() const;
};

/// Bounds on k of the queries [first, last] of a tile.
struct KeyBound {
  /// `first query + constant`, `last query + constant`, or no bound.
  enum class Base { None, FirstQuery, LastQuery } base = Base::None;
  int64_t constant = 0;
};

/// `q - left <= k <= q + right` and `k < count`; -1 for a side without bound.
struct MaskTerm {
  int64_t left = -1, right = -1, count = -1;

  /// Keys in [activeLo, activeHi) are visible to some query of a tile, those in
  /// [fullLo, fullHi) to all of them; each also ends at `count`.
  KeyBound activeLo() const;
  KeyBound fullLo() const;
  KeyBound fullHi() const;
  KeyBound activeHi() const;
};

} // namespace attn

#endif // ATTN_MASK_MASKSET_H
