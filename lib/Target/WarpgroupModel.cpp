//===- WarpgroupModel.cpp - shapes of attention kernels on Hopper ---------===//
// The rules behind the numbers:
// - A thread holds E / 2 registers of the accumulator, keys / 2 of scores and
//   keys / 4 of probabilities, which all live at once: a speculation that fails
//   needs the scores again.
// - Registers of a multiprocessor are dealt by warpgroup, at most 255 a thread.
// - A longer step spreads its barriers and votes over more work, and more
//   warpgroups share each K and V that was read: the longest step first.
//===----------------------------------------------------------------------===//

#include "attn/Target/WarpgroupModel.h"

#include "llvm/Support/MathExtras.h"

namespace attn {

// Registers of a thread beside fragments: addresses, rows, loop state.
constexpr int64_t kOtherRegisters = 30;
// Barriers, tags and the alignment of dynamic shared memory.
constexpr int64_t kOtherShared = 2048;
// Columns of a panel of shared memory.
constexpr int64_t kPanel = 64;

static bool complete(WarpgroupKernel &kernel, int64_t headSize,
                     int64_t valueSize, const GPUDescription &gpu) {
  struct Budget {
    int64_t producer, consumer;
  };
  constexpr Budget budgets[] = {{56, 256}, {24, 240}, {32, 160}};
  kernel.producerRegisters = budgets[kernel.consumers - 1].producer;
  kernel.consumerRegisters = budgets[kernel.consumers - 1].consumer;
  kernel.headColumns = llvm::alignTo(headSize, kPanel);
  kernel.valueColumns = llvm::alignTo(valueSize, kPanel);
  int64_t held = kernel.valueColumns / 2 + kernel.keys / 2 + kernel.keys / 4;
  if (held + kOtherRegisters > kernel.consumerRegisters ||
      kernel.valueColumns > 256) {
    return false;
  }
  // Results are staged where Q was.
  if (kernel.valueColumns > kernel.headColumns) {
    return false;
  }
  int64_t query = kernel.rows() * kernel.headColumns * 2;
  int64_t step = kernel.keys * (kernel.headColumns + kernel.valueColumns) * 2;
  kernel.sharedBytes = kernel.queryStages * query + kernel.stages * step;
  return kernel.sharedBytes + kOtherShared <= gpu.blockSharedBytes;
}

std::optional<WarpgroupKernel>
chooseWarpgroupKernel(int64_t headSize, int64_t valueSize, int64_t rows,
                      int64_t keys, const GPUDescription &gpu) {
  if (!gpu.warpgroups) {
    return std::nullopt;
  }
  for (int64_t step : {128, 96, 64}) {
    for (int64_t consumers : {3, 2, 1}) {
      WarpgroupKernel kernel;
      kernel.consumers = consumers;
      kernel.keys = step;
      if ((rows == 0 || rows == kernel.rows()) && (keys == 0 || keys == step) &&
          complete(kernel, headSize, valueSize, gpu)) {
        return kernel;
      }
    }
  }
  return std::nullopt;
}

} // namespace attn
