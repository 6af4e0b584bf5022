//===- MaskSet.h - a mask as a set of (q, k) pairs
//--------------------------===//
// A mask is an expression over simple sets of points (q, k) in absolute
// positions. The set answers membership, and for a range of queries which keys
// can be visible (active) and which must be (full).
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_MASKSET_H
#define ATTN_MASK_MASKSET_H

#include <cstdint>
#include <vector>

namespace attn {

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

  /// True if the set is one band (an And of bands counts, and is reduced), so
  /// that its tiles are given by two affine bounds; `result` receives it.
  bool asBand(MaskSet &result) const;
};

/// An affine bound on k of a tile: `first query + constant`,
/// `last query + constant`, or none.
struct KeyBound {
  enum class Base { None, FirstQuery, LastQuery } base = Base::None;
  int64_t constant = 0;
};

/// The keys of one run of queries [first, last]: active in [activeLo,
/// activeHi), visible to all of them in [fullLo, fullHi); None is the end of
/// the sequence.
struct KeyRanges {
  KeyBound activeLo, fullLo, fullHi, activeHi;
};

/// The ranges of a band.
KeyRanges bandRanges(const MaskSet &band);

} // namespace attn

#endif // ATTN_MASK_MASKSET_H
