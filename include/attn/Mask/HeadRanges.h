//===- HeadRanges.h - masks that differ by head ---------------------------===//
// Constraints on the head alone (`h >= 2` of a Longformer whose later heads are
// dilated) cut the heads in ranges, each of which has a mask without them.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_HEADRANGES_H
#define ATTN_MASK_HEADRANGES_H

#include "attn/Mask/MaskSet.h"

namespace attn {

/// The mask of the heads [first, end).
struct HeadRange {
  int64_t first, end;
  MaskSet set;
};

/// Ranges that are not empty of heads [0, heads), in order. The symbols of the
/// sets are those of `set`.
std::vector<HeadRange> headRanges(const MaskSet &set, int64_t heads);

} // namespace attn

#endif // ATTN_MASK_HEADRANGES_H
