//===- RecurrenceModel.cpp - shapes of recurrence kernels on Hopper -------===//
// The rules behind the numbers:
// - A thread of a consumer holds N / 2 registers of the state, N / 4 of its
//   rounded copy, 32 of the result, and 32 of values as they are and weighted.
// - A block is alone on its multiprocessor, so stages take what there is: first
//   those of what is read and written, for which two roles wait.
//===----------------------------------------------------------------------===//

#include "attn/Target/RecurrenceModel.h"

#include "llvm/Support/MathExtras.h"

namespace attn {

constexpr int64_t kPanel = 64;
// Registers of a thread beside fragments.
constexpr int64_t kOtherRegisters = 40;
// Barriers, and the alignment of dynamic shared memory.
constexpr int64_t kOtherShared = 1536;

static int64_t sharedBytes(const RecurrenceKernel &kernel,
                           const RecurrenceShape &shape) {
  constexpr int64_t kTile = RecurrenceKernel::kChunk * kPanel * 2;
  int64_t keys = 2 * kernel.stateColumns / kPanel * kTile;
  int64_t panels = kernel.consumers * kTile;
  int64_t vectors = shape.decays ? shape.heads * 7 * kPanel * 4 : 0;
  // Decays in f32 with the sums of the threads that add them, and what they
  // are to the state.
  int64_t decays = 0;
  if (shape.keyDecays) {
    int64_t row = kernel.stateColumns * 4;
    decays = kernel.decayRows() * row;
    vectors = 4 * row;
  }
  // A second masked product, and room to invert one in f32.
  int64_t masked = shape.delta ? 2 * kTile : kTile;
  int64_t inverse = shape.delta ? RecurrenceKernel::kInverseBytes : 0;
  return kernel.keyStages * keys +
         (kernel.valueStages + kernel.gateStages + 2) * panels +
         kernel.maskedStages * masked + kernel.vectorStages * vectors +
         kernel.decayStages * decays + inverse;
}

std::optional<RecurrenceKernel>
chooseRecurrenceKernel(const RecurrenceShape &shape, const GPUDescription &gpu,
                       std::string &reason) {
  if (!gpu.warpgroups) {
    reason = "needs warpgroups (sm_90)";
    return std::nullopt;
  }
  RecurrenceKernel kernel;
  int64_t columns = shape.heads * shape.valueSize;
  if (shape.valueSize % kPanel != 0 || columns > 2 * kPanel) {
    reason = "of values that are not 64 or 128 wide";
    return std::nullopt;
  }
  kernel.consumers = columns / kPanel;
  kernel.stateColumns = llvm::alignTo(shape.stateSize, kPanel);
  if (kernel.consumers == 1) {
    kernel.producerRegisters = 40;
    kernel.assistRegisters = 80;
    kernel.consumerRegisters = 240;
  }
  if (shape.keyDecays) {
    // No warp prepares vectors beside the producer.
    kernel.assistRegisters += kernel.producerRegisters - 24;
    kernel.producerRegisters = 24;
  }
  int64_t held = kernel.stateColumns / 2 + kernel.stateColumns / 4 + 32 + 32;
  if (held + kOtherRegisters > kernel.consumerRegisters) {
    reason = "of more states than registers hold";
    return std::nullopt;
  }
  kernel.gateStages = shape.gated ? 2 : 0;
  if (shape.keyDecays) {
    kernel.vectorStages = kernel.decayStages = 2;
  }
  auto fits = [&] {
    return sharedBytes(kernel, shape) + kOtherShared <= gpu.blockSharedBytes;
  };
  for (int64_t *stages : {&kernel.valueStages, &kernel.keyStages}) {
    while (!fits() && *stages > 2) {
      --*stages;
    }
  }
  if (!fits()) {
    reason = "of more states than shared memory holds";
    return std::nullopt;
  }
  return kernel;
}

int64_t recurrenceHeads(const RecurrenceShape &shape, int64_t heads,
                        int64_t groups, int64_t tiles,
                        const GPUDescription &gpu) {
  bool share = shape.valueSize == kPanel && !shape.keyDecays && !shape.delta &&
               groups > 0 && heads % groups == 0 && heads / groups % 2 == 0;
  bool idle = tiles >= 0 && tiles <= gpu.processors;
  return share && !idle ? 2 : 1;
}

} // namespace attn
