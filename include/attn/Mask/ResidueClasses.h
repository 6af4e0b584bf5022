//===- ResidueClasses.h - masks that hide all but one residue -------------===//
// A dilated mask shows keys whose distance is a multiple of a step, so queries
// of one residue see keys of the same residue alone. Counted within a class,
// q = step * q' + r and k = step * k' + r, what is left of the mask has no
// remainders in it.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_RESIDUECLASSES_H
#define ATTN_MASK_RESIDUECLASSES_H

#include "attn/Mask/MaskSet.h"

namespace attn {

struct ResidueClasses {
  /// Visible pairs have (q - k) mod step = 0; more than 1.
  int64_t step;
  /// The mask over (b, h, q', k'), with one symbol behind those of the mask:
  /// the residue r, 0 <= r < step.
  MaskSet set;
};

/// The classes of a mask, by the largest step that its dilations show: the
/// least common multiple of those of a conjunction, the greatest common divisor
/// of those of a union. Nothing where that is 1.
std::optional<ResidueClasses> residueClasses(const MaskSet &set);

/// Whether some part of the mask is a dilation, which may give no classes.
bool hasDilations(const MaskSet &set);

} // namespace attn

#endif // ATTN_MASK_RESIDUECLASSES_H
