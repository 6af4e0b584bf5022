//===- PassTarget.h - the target option of a pass
//---------------------------===//

#ifndef ATTN_PASSES_PASSTARGET_H
#define ATTN_PASSES_PASSTARGET_H

#include "attn/Target/TargetDescription.h"
#include "mlir/IR/Operation.h"

#include <optional>

namespace attn {

/// Which targets a pass works for.
enum class PassTargets { kCPU, kGPU, kAll };

/// The target that a pass option names; an unknown one, and one that the pass
/// does not work for, is reported on `op`.
inline std::optional<TargetDescription>
passTarget(mlir::Operation *op, llvm::StringRef name,
           PassTargets targets = PassTargets::kCPU) {
  llvm::Expected<TargetDescription> target = TargetDescription::get(name);
  if (target) {
    if (targets == PassTargets::kCPU && target->gpu) {
      op->emitError("target '") << name << "' is no CPU";
      return std::nullopt;
    }
    if (targets == PassTargets::kGPU && !target->gpu) {
      op->emitError("target '") << name << "' is no GPU";
      return std::nullopt;
    }
    return *target;
  }
  op->emitError(llvm::toString(target.takeError()));
  return std::nullopt;
}

} // namespace attn

#endif // ATTN_PASSES_PASSTARGET_H
