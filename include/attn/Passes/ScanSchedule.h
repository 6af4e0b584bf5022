//===- ScanSchedule.h - schedules of recurrences on GPUs --------*- C++ -*-===//

#ifndef ATTN_PASSES_SCANSCHEDULE_H
#define ATTN_PASSES_SCANSCHEDULE_H

#include "attn/Target/GPUDescription.h"
#include "attn/Target/ScanModel.h"

namespace attn {

/// What `chooseScan` is for CPUs: chunks where the kernel on warpgroups fits.
ScanChoice chooseGPUScan(mlir::Operation *op, const GPUDescription &gpu);

} // namespace attn

#endif // ATTN_PASSES_SCANSCHEDULE_H
