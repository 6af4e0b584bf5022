//===- Outputs.h - where results go ---------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_OUTPUTS_H
#define ATTN_TOOLS_ATTN_RUN_OUTPUTS_H

#include "Options.h"

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Tensor.h"

#include <string>
#include <vector>

namespace attn::run {

/// A value that a call makes: a result, or an argument that it may write and
/// that is no result (`attn.donated` memrefs).
struct Output {
  std::string name;
  const rt::Tensor *tensor;
};

std::vector<Output> listOutputs(const rt::FunctionInfo &function,
                                const std::vector<rt::Tensor> &arguments,
                                const std::vector<rt::Tensor> &results);

/// Checks `--outputs` before anything runs. Errors: kUsage.
rt::Status checkOutputs(const rt::FunctionInfo &function,
                        const Options &options);

/// Writes the files of `--outputs`, each whole or not at all.
/// Errors: kRuntime (disk).
rt::Status writeOutputs(const std::vector<Output> &outputs,
                        const Options &options);

/// "o: 1x32x4096x128 x f32, mean 1.2e-4, min -4.1, max 4.2".
std::string summarize(const Output &output);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_OUTPUTS_H
