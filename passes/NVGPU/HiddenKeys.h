//===- HiddenKeys.h - values that no row of a tile sees -------------------===//
// A hidden value may be NaN, which a product with a weight of 0 would keep. In
// partial tiles of masks that can hide a key between visible ones, the rows of
// V that no row of the block sees become 0 in shared memory.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_HIDDENKEYS_H
#define ATTN_PASSES_NVGPU_HIDDENKEYS_H

#include "SharedTile.h"
#include "attn/Target/GPUCostModel.h"

namespace attn {

class HiddenKeys {
public:
  /// Clears its flags, in front of the key loop.
  HiddenKeys(WarpBuilder &warp, const MMAKernel &kernel,
             const SharedTile &values, mlir::Value thread, mlir::Value keyWarp);

  /// What a thread saw of a tile: i1 for each of its keys.
  using Seen = llvm::SmallVector<mlir::Value>;
  /// Some row sees key number `key` of the thread where `visible` holds.
  void add(Seen &seen, int64_t key, mlir::Value visible);
  /// All threads of the block: zeroes what none saw in the stage of V at byte
  /// `stage`, and does `more` for each such key (i32), where it is given.
  void clear(const Seen &seen, mlir::Value stage,
             llvm::function_ref<void(mlir::Value)> more = {});

private:
  /// The word of flags of a warp along the keys, of lanes that are number
  /// `quad` in their quad (both i32).
  mlir::Value flag(mlir::Value keyWarp, mlir::Value quad);
  void reset();

  WarpBuilder &warp;
  MMAKernel kernel;
  SharedTile values;
  mlir::Value thread, keyWarp;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_HIDDENKEYS_H
