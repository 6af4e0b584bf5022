//===- TileValues.h - scalars of a kernel that differ from tile to tile ---===//

#ifndef ATTN_PASSES_HOPPER_TILEVALUES_H
#define ATTN_PASSES_HOPPER_TILEVALUES_H

#include "../NVGPU/WarpBuilder.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace attn {

/// A kernel of one tile a block computes what it needs of its tile from the
/// number of the block. In a kernel of many tiles the producer does so for each
/// of them, and sends what the consumers use as tags of the tile of Q.
class TileValues {
public:
  /// `number` (index) is that of the block.
  TileValues(WarpBuilder &warp, mlir::Value number)
      : warp(warp), number(number) {}

  /// The value that stands for `value` in the tile of `mapping`, which maps the
  /// number; computes what depends on it at the insertion point.
  mlir::Value here(mlir::Value value, mlir::IRMapping &mapping);
  /// The same for all scalars of outside that ops of `block` use.
  void bring(mlir::Block &block, mlir::IRMapping &mapping);
  /// And for the offsets and sizes of a view.
  void bringView(mlir::Value tensor, mlir::IRMapping &mapping);

  /// Replaces what ops of `region` use of a tile by tags of `ring`, whose
  /// position at `op` is `position(op)`.
  void bind(mlir::Region &region, mlir::Value ring,
            llvm::function_ref<mlir::Value(mlir::Operation *)> position);
  /// Tags that bound values take so far, and their values in `mapping`.
  int64_t tagCount() const { return tags; }
  llvm::SmallVector<mlir::Value> tagValues(mlir::IRMapping &mapping);

private:
  bool varies(mlir::Value value);

  WarpBuilder &warp;
  mlir::Value number;
  llvm::DenseMap<mlir::Value, bool> known;
  llvm::MapVector<mlir::Value, int64_t> bound; // first tag
  int64_t tags = 0;
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_TILEVALUES_H
