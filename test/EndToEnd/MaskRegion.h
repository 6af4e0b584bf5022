//===- MaskRegion.h - mask regions of the sweep -----------------*- C++ -*-===//

#ifndef ATTN_TEST_ENDTOEND_MASKREGION_H
#define ATTN_TEST_ENDTOEND_MASKREGION_H

#include "Case.h"

namespace attn::sweep {

/// The tensor that a mask region reads, by its name in the module `%masked`,
/// and the pairs that the region shows at one launch.
struct MaskRegion {
  std::vector<int64_t> shape; ///< of i32; empty: the region reads none
  std::vector<int64_t> values;
  ref::MaskFn visible;
};
/// Nothing without a region.
std::optional<MaskRegion> maskRegionOf(const Case &c, const Lengths &lengths);

/// What `mask` and the region of `c` show together; null: everything.
ref::MaskFn visibleOf(const Case &c, const Lengths &lengths);

/// The clause of the op, attribute included; `type` is that of the tensor.
std::string maskClause(const Case &c, const std::string &type);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_MASKREGION_H
