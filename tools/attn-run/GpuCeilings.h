//===- GpuCeilings.h - what a GPU can do at most --------------------------===//
// Measured in the process that compares itself with it. No LLVM in here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_GPUCEILINGS_H
#define ATTN_TOOLS_ATTN_RUN_GPUCEILINGS_H

#include "attn/Runtime/CudaDevice.h"

namespace attn::run {

struct GpuCeilings {
  double copyGBs = 0;   ///< a large copy, bytes read and bytes written
  double mmaTflops = 0; ///< mma.sync m16n8k16, bf16 to f32, from registers
};

/// Errors: those of the driver.
rt::Result<GpuCeilings> measureGpuCeilings(const rt::cuda::GpuPtr &gpu);

/// The PTX of the measurement, which tests assemble.
const char *mmaRatePTX();

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_GPUCEILINGS_H
