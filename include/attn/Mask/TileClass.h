//===- TileClass.h - what is known of one tile ----------------------------===//
// Interval arithmetic on the expression of the mask, then points of the tile,
// then Presburger arithmetic on the terms of the mask and of its complement.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_TILECLASS_H
#define ATTN_MASK_TILECLASS_H

#include "attn/Mask/MaskSet.h"

namespace attn {

enum class TileClass { Empty, Partial, Full };

/// A tile at given numbers; ends are inclusive, and no range is empty.
struct TileBox {
  int64_t batch = 0, firstHead = 0, lastHead = 0;
  int64_t firstQuery = 0, lastQuery = 0, firstKey = 0, lastKey = 0;
  llvm::ArrayRef<int64_t> symbols = {};
};

/// The class of the tile, exactly.
TileClass classifyTile(const MaskSet &set, const TileBox &box);

} // namespace attn

#endif // ATTN_MASK_TILECLASS_H
