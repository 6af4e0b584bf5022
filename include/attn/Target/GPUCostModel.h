//===- GPUCostModel.h - shapes of attention kernels on a GPU --------------===//
// Which rows, keys, warps and stages a block has. Tiling asks for the sizes of
// a tile, the lowering for the same kernel again from those sizes.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_GPUCOSTMODEL_H
#define ATTN_TARGET_GPUCOSTMODEL_H

#include "attn/Target/CostModel.h"
#include "attn/Target/GPUDescription.h"

#include <algorithm>

namespace attn {

/// One block of an attention kernel on tensor cores. Warps lie as
/// `rowWarps` x `keyWarps`; each has `rowBlocks` times 16 rows. Up to 8 rows
/// are the columns of products that keys, and columns of V, are the rows of.
struct MMAKernel {
  int64_t rowWarps = 4, keyWarps = 1, rowBlocks = 1;
  bool transposed = false;
  int64_t keys = 64;      // keys a step, all warps
  int64_t stages = 2;     // steps of K and V in shared memory
  int64_t valueSlice = 0; // columns of V a block, padded to 16
  int64_t blocksPerProcessor = 1;
  bool queriesInRegisters = false;
  KeyForms forms; // on pages, stages have a table of their rows
  int64_t sharedBytes = 0;
  double cost = 0; // clocks of a multiprocessor, a row and key

  /// The last bytes of shared memory: flags of the keys that some row sees.
  static constexpr int64_t kFlagBytes = 64;

  int64_t rows() const {
    return transposed ? kColumns : rowWarps * rowBlocks * 16;
  }
  /// Rows of a transposed kernel.
  static constexpr int64_t kColumns = 8;
  /// Whether rows of so few can be columns of the products.
  static bool transposes(int64_t rows, int64_t keyWarps, const KeyForms &forms);
  int64_t warps() const { return rowWarps * keyWarps; }
  int64_t threads() const { return 32 * warps(); }
  int64_t warpKeys() const { return keys / keyWarps; }
  /// Of the table in a stage: the offsets of a row in K and in V.
  static constexpr int64_t kPageRowBytes = 16;
  int64_t pageBytes() const { return forms.paged ? kPageRowBytes * keys : 0; }
  /// 16-bit units of a row of `columns` elements in shared memory.
  int64_t rowUnits(int64_t columns, const CodeForm &form = {}) const {
    return form.isCodes() ? columns / form.unit()
                          : columns * forms.elementBytes / 2;
  }
  /// Of K or V in a stage, and of a stage.
  int64_t keyTileBytes(int64_t columns, const CodeForm &form) const;
  int64_t stageBytes(int64_t headSize) const;
};

/// Bytes between rows of `columns` elements of 16 bits in shared memory, so
/// that eight rows of 16 bytes never meet in a bank.
int64_t sharedRowBytes(int64_t columns);
/// The best kernel with at most `rows` rows (all of which one tile holds) and
/// `keys` keys a step (0: any), which lie as `forms` says. `rows` = 0: as many
/// as pay.
std::optional<MMAKernel> chooseMMAKernel(int64_t headSize, int64_t valueSize,
                                         int64_t rows, int64_t keys,
                                         const GPUDescription &gpu,
                                         const KeyForms &forms = {});

/// The kernel without tensor cores: one row a warp at a time.
struct FMAKernel {
  static constexpr int64_t kWarps = 4, kRows = 16, kKeys = 32;
};

/// The tiles of each form of an attention on `gpu`.
AttentionTiles chooseGPUTiles(const AttentionShape &shape,
                              const GPUDescription &gpu);

/// Predicted seconds of a call on `gpu` by what they go to. The first three run
/// beside each other.
struct GPUTime {
  double products = 0; // tensor cores; FMA units for f32 and f64
  double exps = 0;
  double memory = 0;
  /// Where tiles begin and end, and multiprocessors without one in the end.
  double tail = 0;
  double longest() const { return std::max({products, exps, memory}); }
  double total() const { return longest() + tail; }
};
/// `tiles`: row tiles of all heads. Not part of it: score regions, masks of
/// partial steps, and decode's merge.
GPUTime predictGPUTime(const AttentionWork &work, int64_t tiles,
                       const GPUDescription &gpu);

/// Up to this many rows (queries times heads of a group) take the decode form.
int64_t gpuDecodeRowLimit(const AttentionShape &shape,
                          const GPUDescription &gpu);
/// Heads of a decode tile: those of a group, or where these are more than
/// `limit` the largest part of them that divides it.
int64_t gpuDecodeHeads(int64_t group, int64_t limit);

} // namespace attn

#endif // ATTN_TARGET_GPUCOSTMODEL_H
