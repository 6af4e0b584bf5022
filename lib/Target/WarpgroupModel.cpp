//===- WarpgroupModel.cpp - shapes of attention kernels on Hopper ---------===//
// The rules behind the numbers:
// - A thread holds E / 2 registers of the accumulator, keys / 2 of scores and
//   keys / 4 of probabilities, which all live at once: a speculation that fails
//   needs the scores again. Of 8 bits there are two accumulators, and half of
//   the probabilities.
// - Registers of a multiprocessor are dealt by warpgroup, at most 255 a thread.
// - The products of one warpgroup hide the exponentials of another, so the
//   longer of both bounds a step, or the L2 cache that K and V come from. What
//   surrounds a step is spread over its scores; the last of a tile is half
//   empty.
//===----------------------------------------------------------------------===//

#include "attn/Target/WarpgroupModel.h"

#include "llvm/Support/MathExtras.h"

namespace attn {

// Registers of a thread beside fragments: addresses, rows, loop state.
constexpr int64_t kOtherRegisters = 28;
// The sums of a step and its probabilities do not live beside what a step in
// the making needs.
constexpr int64_t kOtherNarrow = 16;
constexpr int64_t kFewStages = 2, kManyStages = 4;
// Barriers, tags and the alignment of dynamic shared memory.
constexpr int64_t kOtherShared = 1024;
// Instructions of the softmax an element, beside its exponential.
constexpr double kIssued = 2.5;
// Bytes of K and V that a multiprocessor gets of the L2 cache in a clock.
constexpr double kCacheBytes = 40;
// wgmma does twice of what mma.sync does.
constexpr double kOverMMA = 2;
// What surrounds the products of a step: barriers, votes, waits.
constexpr double kStepClocks = 200;
// And those of a tile, where the next one's Q is not there yet.
constexpr double kTileClocks = 500;
// A sequence that decides: of shorter ones launches are most.
constexpr double kKeys = 2048;
// A longer step pays on long sequences without a mask alone (2 %), and costs 5
// % at 2048 keys: one stage of Q, more hidden scores.
constexpr int64_t kMostKeys = 128;
// Bytes of a row of a panel of shared memory, columns of 16 bits of it.
constexpr int64_t kPanelBytes = 128, kNarrowPanelBytes = 64, kPanel = 64;
// Keys of a step where V lies in K: a tile of probabilities is one panel.
constexpr int64_t kLatentKeys = kPanel;

// Gives a kernel of `queryStages` its tiles, in panels of so many bytes a row.
static bool fits(WarpgroupKernel &kernel, int64_t headSize, int64_t valueSize,
                 int64_t panelBytes, const GPUDescription &gpu) {
  int64_t bytes = kernel.elementBytes;
  kernel.headColumns = llvm::alignTo(headSize, panelBytes / bytes);
  kernel.valueColumns = llvm::alignTo(valueSize, panelBytes / bytes);
  int64_t query = kernel.rows() * kernel.headColumns * bytes;
  int64_t step =
      kernel.keys * (kernel.headColumns + kernel.valueColumns) * bytes;
  if (kernel.isNarrow()) {
    step += kernel.turnedRows(valueSize) * kernel.turnedColumns();
  }
  // More tiles on their way hide that tiles of narrow V go through two rings,
  // and at small head sizes, whose steps are short, what lies between two tiles
  // of rows.
  for (int64_t stages : {kManyStages, kFewStages}) {
    // A stage of tags is 1024 bytes.
    kernel.stages = stages;
    kernel.sharedBytes = 2048 + kernel.queryStages * query + stages * step;
    if (kernel.sharedBytes + kOtherShared <= gpu.blockSharedBytes) {
      return true;
    }
  }
  return false;
}

static bool complete(WarpgroupKernel &kernel, int64_t headSize,
                     int64_t valueSize, const GPUDescription &gpu) {
  struct Budget {
    int64_t producer, assist, consumer;
  };
  constexpr Budget budgets[] = {{56, 0, 256}, {40, 0, 232}, {32, 0, 160}};
  constexpr Budget narrowBudgets[] = {{56, 40, 256}, {32, 32, 224}};
  if (kernel.isNarrow() && (kernel.consumers > 2 || kernel.keys % 32 != 0)) {
    return false;
  }
  const Budget &budget = kernel.isNarrow() ? narrowBudgets[kernel.consumers - 1]
                                           : budgets[kernel.consumers - 1];
  kernel.producerRegisters = budget.producer;
  kernel.assistRegisters = budget.assist;
  kernel.consumerRegisters = budget.consumer;
  int64_t accumulators = kernel.isNarrow() ? 2 * kernel.turnedRows(valueSize)
                                           : llvm::alignTo(valueSize, 16);
  int64_t held = accumulators / 2 + kernel.keys / 2 +
                 kernel.keys * kernel.elementBytes / 8;
  int64_t others = kernel.isNarrow() ? kOtherNarrow : kOtherRegisters;
  if (held + others > kernel.consumerRegisters || valueSize > 256) {
    return false;
  }
  // A second stage of Q where there is room: the next tile's is on its way. For
  // that, panels of whole rows may be narrow, which leaves more room, but is
  // more copies (those of 32 bytes cost more than they bring).
  for (kernel.queryStages = 2; kernel.queryStages > 0; --kernel.queryStages) {
    for (int64_t panelBytes : {kPanelBytes, kNarrowPanelBytes}) {
      auto isWhole = [&](int64_t size) {
        return kernel.elementBytes * size % panelBytes == 0;
      };
      bool pays = !kernel.isNarrow() && kernel.queryStages > 1 &&
                  isWhole(headSize) && isWhole(valueSize);
      if ((panelBytes == kPanelBytes || pays) &&
          fits(kernel, headSize, valueSize, panelBytes, gpu)) {
        // Beside three warpgroups a producer has too few registers for one more
        // ring.
        return kernel.consumers < 3 || kernel.stagesResults();
      }
    }
  }
  return false;
}

// Clocks a row and key.
static double cost(const WarpgroupKernel &kernel, int64_t headSize,
                   int64_t valueSize, const GPUDescription &gpu) {
  double products =
      (llvm::alignTo(headSize, 16) + llvm::alignTo(valueSize, 16)) /
      (kOverMMA * gpu.mmaFMAs * 2 / kernel.elementBytes);
  double softmax = 1 / gpu.exps + kIssued / gpu.fmas;
  if (kernel.isNarrow()) { // sums of steps
    softmax += static_cast<double>(valueSize) / kernel.keys / gpu.fmas;
  }
  // While one warpgroup computes probabilities, another has the tensor cores.
  double overlapped =
      kernel.consumers > 1 ? std::max(products, softmax) : products + softmax;
  double read = static_cast<double>(kernel.elementBytes) *
                (headSize + valueSize) / kernel.rows() / kCacheBytes;
  double bound = std::max(overlapped, read);
  // Half of the last rows and of a last step is nothing.
  return bound * (1 + (kernel.rows() + kernel.keys) / 2 / kKeys) +
         kStepClocks / (kernel.rows() * kernel.keys) +
         (kernel.queryStages == 1 ? kTileClocks / (kernel.rows() * kKeys) : 0);
}

std::optional<WarpgroupKernel> chooseWarpgroupKernel(int64_t headSize,
                                                     int64_t valueSize,
                                                     int64_t rows, int64_t keys,
                                                     const GPUDescription &gpu,
                                                     int64_t elementBytes) {
  if (!gpu.warpgroups) {
    return std::nullopt;
  }
  std::optional<WarpgroupKernel> best;
  double least = 0;
  for (int64_t step = kMostKeys; step >= 32; step -= 16) {
    for (int64_t consumers : {3, 2, 1}) {
      WarpgroupKernel kernel;
      kernel.elementBytes = elementBytes;
      kernel.consumers = consumers;
      kernel.keys = step;
      if ((rows != 0 && rows != kernel.rows()) || (keys != 0 && keys != step) ||
          !complete(kernel, headSize, valueSize, gpu)) {
        continue;
      }
      double here = cost(kernel, headSize, valueSize, gpu);
      if (!best || here < least) {
        best = kernel;
        least = here;
      }
    }
  }
  return best;
}

std::optional<WarpgroupKernel> chooseLatentKernel(int64_t headSize,
                                                  int64_t valueSize,
                                                  const GPUDescription &gpu) {
  // Two halves of whole panels, with one product a step each.
  if (!gpu.warpgroups || headSize % 8 != 0 || valueSize > headSize ||
      valueSize % (2 * kPanel) != 0 || valueSize > 512) {
    return std::nullopt;
  }
  WarpgroupKernel kernel;
  kernel.latent = true;
  kernel.consumers = 1;
  kernel.keys = kLatentKeys;
  kernel.queryStages = 1;
  kernel.headColumns = llvm::alignTo(headSize, kPanel);
  kernel.valueColumns = valueSize;
  kernel.producerRegisters = 40;
  kernel.consumerRegisters = 232;
  kernel.assistRegisters = 232;
  int64_t query = kernel.rows() * kernel.headColumns * 2;
  int64_t step = kernel.keys * kernel.headColumns * 2;
  // Probabilities, and what the accumulators are relative to.
  int64_t shared = query + kernel.rows() * kernel.keys * 2 + kernel.rows() * 8;
  for (kernel.stages = 4; kernel.stages > 1; --kernel.stages) {
    kernel.sharedBytes = shared + kernel.stages * step;
    if (kernel.sharedBytes + kOtherShared <= gpu.blockSharedBytes) {
      return kernel;
    }
  }
  return std::nullopt;
}

} // namespace attn
