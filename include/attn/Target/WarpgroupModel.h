//===- WarpgroupModel.h - shapes of attention kernels on Hopper -----------===//
// Blocks of one producer warp and some consumer warpgroups. Tiling asks for the
// sizes of a tile, the lowering for the same kernel again from those sizes.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_WARPGROUPMODEL_H
#define ATTN_TARGET_WARPGROUPMODEL_H

#include "attn/Target/GPUDescription.h"

#include "llvm/Support/MathExtras.h"

namespace attn {

/// One block of an attention kernel on warpgroups.
struct WarpgroupKernel {
  int64_t elementBytes = 2;                  // of Q, K and V
  int64_t consumers = 2;                     // warpgroups of 64 rows
  int64_t keys = 128;                        // a step
  int64_t stages = 2;                        // of K and of V
  int64_t queryStages = 2;                   // tiles of Q
  int64_t headColumns = 0, valueColumns = 0; // in shared memory: whole panels
  int64_t producerRegisters = 24, consumerRegisters = 240;
  int64_t sharedBytes = 0; // of the tiles, without barriers
  /// V is the first columns of K, whose stages serve both. The consumer
  /// computes probabilities and the first half of the columns of V; an
  /// assistant, which gets the probabilities through shared memory, the other
  /// half.
  bool latent = false;
  int64_t assistRegisters = 0; // of such, or of a warpgroup that transposes V

  /// Whether results leave through the stage of their Q; else from registers,
  /// and Q is given back as soon as its last scores are there.
  bool stagesResults() const {
    return queryStages > 1 && valueColumns <= headColumns && !isNarrow();
  }
  /// Elements of 8 bits: products take V by columns alone, and sum up less
  /// precisely than f32, so that each step has an accumulator of its own.
  bool isNarrow() const { return elementBytes == 1; }
  /// Rows and columns of V in the order that products of 8 bits take.
  int64_t turnedRows(int64_t valueSize) const {
    return llvm::alignTo(valueSize, 32);
  }
  int64_t turnedColumns() const { return llvm::alignTo(keys, 128); }
  /// Of the warpgroup that transposes V: behind the consumers.
  int64_t assistNumber() const { return consumers; }
  /// Bytes of a row of the panels of so many columns: as many as divide it.
  int64_t panelBytes(int64_t columns) const {
    int64_t rest = columns * elementBytes % 128;
    return rest == 0 ? 128 : rest == 64 ? 64 : 32;
  }
  int64_t rows() const { return 64 * consumers; }
  int64_t threads() const {
    return 128 * (consumers + 1 + (latent || isNarrow()));
  }
};

/// The kernel with `rows` rows and `keys` keys a step (0: any), for elements of
/// 2 bytes or 1; nothing where none fits.
std::optional<WarpgroupKernel> chooseWarpgroupKernel(int64_t headSize,
                                                     int64_t valueSize,
                                                     int64_t rows, int64_t keys,
                                                     const GPUDescription &gpu,
                                                     int64_t elementBytes = 2);

/// The kernel of 64 rows for V that is the first columns of K; nothing where it
/// does not fit.
std::optional<WarpgroupKernel> chooseLatentKernel(int64_t headSize,
                                                  int64_t valueSize,
                                                  const GPUDescription &gpu);

} // namespace attn

#endif // ATTN_TARGET_WARPGROUPMODEL_H
