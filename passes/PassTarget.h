//===- PassTarget.h - the target option of a pass
//---------------------------===//

#ifndef ATTN_PASSES_PASSTARGET_H
#define ATTN_PASSES_PASSTARGET_H

#include "attn/Target/TargetDescription.h"
#include "mlir/IR/Operation.h"

#include <optional>

namespace attn {

/// The target that a pass option names; an unknown one is reported on `op`.
inline std::optional<TargetDescription> passTarget(mlir::Operation *op,
                                                   llvm::StringRef name) {
  llvm::Expected<TargetDescription> target = TargetDescription::get(name);
  if (target) {
    return *target;
  }
  op->emitError(llvm::toString(target.takeError()));
  return std::nullopt;
}

} // namespace attn

#endif // ATTN_PASSES_PASSTARGET_H
