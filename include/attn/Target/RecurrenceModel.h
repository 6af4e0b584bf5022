//===- RecurrenceModel.h - shapes of recurrence kernels on Hopper ---------===//
// A block has the whole sequence of a head, or of two that share what they read
// and write: 64 columns of values for each consumer warpgroup. Tiling asks for
// the heads of a tile, the lowering for the kernel.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_RECURRENCEMODEL_H
#define ATTN_TARGET_RECURRENCEMODEL_H

#include "attn/Target/GPUDescription.h"

namespace attn {

/// What a tile has.
struct RecurrenceShape {
  int64_t heads = 1, valueSize = 64, stateSize = 128;
  bool decays = false, gated = false;
  bool keyDecays = false; // a number for each column of the state and token
  bool delta = false;     // values are what the state does not know yet
};

struct RecurrenceKernel {
  static constexpr int64_t kChunk = 64; // tokens
  // A chunk by a chunk of f32, each row in other banks than the one before.
  static constexpr int64_t kInversePitch = kChunk + 4;
  static constexpr int64_t kInverseBytes = kChunk * kInversePitch * 4;
  int64_t consumers = 2;      // warpgroups of 64 columns of values
  int64_t stateColumns = 128; // padded
  // Stages of what is read and written, of values, of gates, of masked products
  // and of vectors.
  int64_t keyStages = 3, valueStages = 4, gateStages = 0, maskedStages = 2,
          vectorStages = 4, decayStages = 0;
  int64_t producerRegisters = 32, assistRegisters = 64, consumerRegisters = 208;
  int64_t threads() const { return 128 * (consumers + 2); }
  // An assistant has four columns of the decays of some tokens.
  int64_t decayGroups() const { return 512 / stateColumns; }
  // With two sums of each group.
  int64_t decayRows() const { return kChunk + 2 * decayGroups(); }
};

/// The kernel of a tile, or nothing and the reason.
std::optional<RecurrenceKernel>
chooseRecurrenceKernel(const RecurrenceShape &shape, const GPUDescription &gpu,
                       std::string &reason);

/// Heads of a tile: two that share a group where that leaves no multiprocessor
/// without a tile, and nothing of what they read is their own. `tiles` is the
/// number of heads of all sequences, or -1.
int64_t recurrenceHeads(const RecurrenceShape &shape, int64_t heads,
                        int64_t groups, int64_t tiles,
                        const GPUDescription &gpu);

} // namespace attn

#endif // ATTN_TARGET_RECURRENCEMODEL_H
