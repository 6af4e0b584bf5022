//===- ScanSchedule.cpp - schedules of recurrences on GPUs ----------------===//

#include "attn/Passes/ScanSchedule.h"
#include "../Hopper/RecurrenceProgram.h"
#include "attn/Target/RecurrenceModel.h"

using namespace mlir;

namespace attn {

// What keeps `op` from products of chunks on warpgroups; nothing if it can.
static std::string notChunked(Operation *op, const GPUDescription &gpu) {
  if (isa<SSMScanOp>(op)) {
    return "a decay for each channel and state";
  }
  std::string reason;
  std::optional<RecurrenceProgram> program =
      RecurrenceProgram::match(op, reason);
  if (!program) {
    return reason;
  }
  RecurrenceShape shape = program->shape();
  shape.heads = 1;
  if (!chooseRecurrenceKernel(shape, gpu, reason)) {
    return reason;
  }
  constexpr int64_t kRowElements = 8; // of 16 bytes
  bool whole = shape.valueSize % kRowElements == 0 &&
               shape.stateSize % kRowElements == 0;
  return whole ? "" : "whose rows are not contiguous at multiples of 16 bytes";
}

ScanChoice chooseGPUScan(Operation *op, const GPUDescription &gpu) {
  if (!isa<SSDOp, LinearAttentionOp, SSMScanOp>(op)) {
    return chooseScan(op);
  }
  std::string reason = notChunked(op, gpu);
  if (reason.empty()) {
    return {ScanSchedule::Chunked, RecurrenceKernel::kChunk,
            "products of matrices on warpgroups"};
  }
  return {ScanSchedule::Sequential, 1, std::move(reason)};
}

} // namespace attn
