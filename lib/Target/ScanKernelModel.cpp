//===- ScanKernelModel.cpp - shapes of kernels that go token by token -----===//
// The rules behind the numbers:
// - 16 states of a channel, or 4 rows of 16 states of a head, keep a thread
//   busy with independent work between two tokens, and fit its registers.
// - Blocks are small, so that their barriers cost little: 64 rows.
// - The unit of exponentials gives 16 results a clock, a sixteenth of what 128
//   multiply-adds and as many other instructions are: where each state has an
//   exponential of its own, some of them are polynomials.
//===----------------------------------------------------------------------===//

#include "attn/Target/ScanKernelModel.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace attn {

constexpr int64_t kTileRows = 64, kTileChannels = 64;
constexpr int64_t kStates = 16, kMostStates = 32, kStepStates = 4;
constexpr int64_t kHeadRows = 4;

// The largest divisor of `all` up to `most`; if there is one, of whole vectors.
static int64_t evenPart(int64_t all, int64_t most, int64_t fits) {
  for (int64_t part = std::min(all, most) / 8 * 8; part > 0; part -= 8) {
    if (all % part == 0) {
      return part;
    }
  }
  int64_t part = std::min(all, most);
  while (all % part != 0) {
    --part;
  }
  // Threads without rows are a loss, and so are blocks of few.
  constexpr int64_t kFew = 16;
  return part < kFew && all <= fits ? all : part;
}

int64_t scanTileRows(int64_t all) {
  return evenPart(all, kTileRows, 4 * kTileRows);
}
int64_t convTileChannels(int64_t all) {
  return evenPart(all, kTileChannels, 4 * kTileChannels);
}

int64_t scanTokenFloats(const ScanKernel &kernel, const ScanShape &shape) {
  return shape.ofRows * llvm::alignTo(kernel.allRows(), 4) +
         shape.ofStates * kernel.allStates() + llvm::alignTo(shape.scalars, 4);
}

int64_t scanSharedBytes(const ScanKernel &kernel, const ScanShape &shape) {
  constexpr int64_t kParameters = 2; // of rows
  int64_t rows = llvm::alignTo(kernel.allRows(), 4);
  return 4 * (2 * kernel.tokens * scanTokenFloats(kernel, shape) +
              (kernel.tokens + kParameters) * rows);
}

std::optional<ScanKernel> chooseScanKernel(const ScanShape &shape,
                                           const GPUDescription &gpu,
                                           std::string &reason) {
  ScanKernel kernel;
  int64_t most = shape.exact ? kStepStates : kStates;
  kernel.lanes = std::min<int64_t>(
      llvm::PowerOf2Ceil(llvm::divideCeil(shape.states, most)), 32);
  kernel.states =
      llvm::alignTo(llvm::divideCeil(shape.states, kernel.lanes), 4);
  if (kernel.states > (shape.exact ? kStepStates : kMostStates)) {
    reason = "of more states than registers hold";
    return std::nullopt;
  }
  kernel.rows = shape.ofChannels ? 1 : kHeadRows;
  int64_t groups = 32 / kernel.lanes;
  while (kernel.rows > 1 && shape.rows < kernel.rows * groups) {
    kernel.rows /= 2;
  }
  kernel.warps = llvm::divideCeil(shape.rows, kernel.rows * groups);
  if (kernel.threads() > 1024) {
    reason = "of more values than a block holds";
    return std::nullopt;
  }
  // Rounded results hide what these lose, and a step has none.
  if (shape.ofChannels && shape.rounds && !shape.exact) {
    kernel.polynomials = 2;
  }
  constexpr int64_t kBlocks = 3; // on a multiprocessor
  while (kernel.tokens > 4 &&
         scanSharedBytes(kernel, shape) * kBlocks > gpu.sharedBytes) {
    kernel.tokens /= 2;
  }
  if (scanSharedBytes(kernel, shape) > gpu.blockSharedBytes) {
    reason = "of more states than shared memory holds";
    return std::nullopt;
  }
  return kernel;
}

} // namespace attn
