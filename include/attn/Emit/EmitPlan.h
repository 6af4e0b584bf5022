//===- EmitPlan.h - the launch plan of a lowered function -----------------===//

#ifndef ATTN_EMIT_EMITPLAN_H
#define ATTN_EMIT_EMITPLAN_H

#include "attn/Runtime/Plan.h"
#include "attn/Runtime/Status.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace attn {

/// Data of a plan, an object of kind "data".
struct PlanData {
  std::string object;
  std::string bytes;
};

/// The plan of `function`, host code as `attn-to-nvptx` leaves it; its kernels
/// are those of `module` (`ObjectInfo::module`). Constants are added to `data`.
/// Errors: kCompile, naming the op that a plan cannot say.
rt::Result<rt::Plan> emitPlan(mlir::func::FuncOp function,
                              const std::string &module,
                              std::vector<PlanData> &data);

} // namespace attn

#endif // ATTN_EMIT_EMITPLAN_H
