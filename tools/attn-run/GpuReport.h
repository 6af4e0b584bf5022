//===- GpuReport.h - the text of --bench on a GPU -------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_GPUREPORT_H
#define ATTN_TOOLS_ATTN_RUN_GPUREPORT_H

#include "GpuCeilings.h"
#include "GpuExecute.h"
#include "Work.h"

#include <string>
#include <vector>

namespace attn::run {

/// Times, rates, and the fraction of the measured ceilings.
std::string describeGpuTiming(const GpuCall::Times &times,
                              const std::vector<Work> &work,
                              const GpuCeilings &ceilings);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_GPUREPORT_H
