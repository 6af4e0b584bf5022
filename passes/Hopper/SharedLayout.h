//===- SharedLayout.h - where the rings of a kernel lie -------------------===//

#ifndef ATTN_PASSES_HOPPER_SHAREDLAYOUT_H
#define ATTN_PASSES_HOPPER_SHAREDLAYOUT_H

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "llvm/ADT/MapVector.h"

namespace attn {

/// Byte offsets in dynamic shared memory: stages of all rings first, then a
/// full and an empty barrier for each stage, then the tags of each stage.
class SharedLayout {
public:
  explicit SharedLayout(mlir::Operation *kernel);

  struct Ring {
    int64_t stages = 0, stageBytes = 0, tagBytes = 0, consumers = 0;
    int64_t writers = 1; // that arrive at the full barrier
    int64_t tiles = 0, full = 0, empty = 0, tags = 0;
  };
  const Ring &of(mlir::Value ring) const { return rings.find(ring)->second; }
  const llvm::MapVector<mlir::Value, Ring> &all() const { return rings; }
  int64_t bytes() const { return end; }

private:
  llvm::MapVector<mlir::Value, Ring> rings;
  int64_t end = 0;
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_SHAREDLAYOUT_H
