//===- Report.h - the text of --report and --bench ------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_REPORT_H
#define ATTN_TOOLS_ATTN_RUN_REPORT_H

#include "Ceilings.h"
#include "Execute.h"
#include "Work.h"

#include <string>
#include <vector>

namespace attn::run {

/// What the ops of a function move and compute, what bounds them on `machine`,
/// and how they are tiled; then `notes`, a line each.
std::string explain(const std::vector<Work> &work, const Machine &machine,
                    const std::vector<std::string> &notes);

/// Times, rates, and the fraction of the measured ceilings.
std::string describeTiming(const Timing &timing, const std::vector<Work> &work,
                           const Ceilings &ceilings);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_REPORT_H
