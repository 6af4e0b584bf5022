//===- Arguments.h - arguments of a call from files and numbers -----------===//

#ifndef ATTN_TOOLS_ATTN_RUN_PACKAGE_ARGUMENTS_H
#define ATTN_TOOLS_ATTN_RUN_PACKAGE_ARGUMENTS_H

#include "PackageOptions.h"

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Safetensors.h"

#include <vector>

namespace attn::run {

/// Every argument of `function`. Random floats are those of attn-run; integer
/// tensors steer loads, so they come from
/// files or --set alone. Errors: kUsage,
/// kBadInput, naming what is missing.
rt::Result<std::vector<rt::Tensor>>
makePackageArguments(const rt::FunctionInfo &function,
                     const PackageOptions &options);

/// Writes the files of `--outputs`, each whole or not at all.
/// Errors: kUsage, kRuntime (disk).
rt::Status writePackageOutputs(const std::vector<rt::NamedTensorRef> &results,
                               const PackageOptions &options);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_PACKAGE_ARGUMENTS_H
