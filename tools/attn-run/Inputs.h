//===- Inputs.h - arguments from files, random numbers and sizes ----------===//

#ifndef ATTN_TOOLS_ATTN_RUN_INPUTS_H
#define ATTN_TOOLS_ATTN_RUN_INPUTS_H

#include "Options.h"

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Tensor.h"

#include "llvm/Support/JSON.h"

#include <map>
#include <string>
#include <vector>

namespace attn::run {

/// Makes every argument of `function`: from the files of `--inputs`, else (with
/// `--random`) random numbers; lengths of sequences default to full ones,
/// evenly split. Sizes that the type leaves open come from files, `--shape`,
/// `--set`, or another argument with a size of the same name. The result has
/// passed `rt::checkArguments`. Errors: kUsage, kBadInput, naming what is
/// missing.
rt::Result<std::vector<rt::Tensor>>
makeArguments(const rt::FunctionInfo &function, const llvm::json::Value &report,
              const Options &options);

/// The same without elements, for a report alone: tensors own no memory that
/// was written, except the lengths of sequences.
rt::Result<std::vector<rt::Tensor>> makeShapes(const rt::FunctionInfo &function,
                                               const llvm::json::Value &report,
                                               const Options &options);

/// Pointers to them, as the runtime wants them.
std::vector<rt::Tensor *> pointersTo(std::vector<rt::Tensor> &tensors);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_INPUTS_H
