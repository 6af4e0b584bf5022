//===- Execute.h - call a function, again and again -----------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_EXECUTE_H
#define ATTN_TOOLS_ATTN_RUN_EXECUTE_H

#include "Options.h"

#include "attn/Runtime/Launch.h"

#include <vector>

namespace attn::run {

/// Checks `--carry` against `function`. Errors: kUsage.
rt::Status checkCarry(const rt::FunctionInfo &function, const Options &options);

/// Deep copies, so that one set of arguments serves several runs.
/// Errors: kRuntime out of memory.
rt::Result<std::vector<rt::Tensor>>
cloneTensors(const std::vector<rt::Tensor> &tensors);

/// Calls `function` `--repeat` times; after each call but the last, results go
/// to arguments as `--carry` says. Returns the results of the last call.
/// Errors: kBadInput, kRuntime.
rt::Result<std::vector<rt::Tensor>> execute(const rt::Library &library,
                                            const rt::FunctionInfo &function,
                                            std::vector<rt::Tensor> &arguments,
                                            const Options &options);

struct Timing {
  double median = 0, min = 0; // seconds
  int calls = 0;
};

/// Keeps freed memory in the process, so that results of a call take the pages
/// of the one before and no page faults are timed. Before the first allocation
/// of results.
void keepMemory();

/// Times `calls` calls after a warm-up. Errors: kBadInput, kRuntime.
rt::Result<Timing> bench(const rt::Library &library,
                         const rt::FunctionInfo &function,
                         std::vector<rt::Tensor> &arguments, int calls);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_EXECUTE_H
