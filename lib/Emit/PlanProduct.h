//===- PlanProduct.h - a contraction as a step of a launch plan -----------===//

#ifndef ATTN_EMIT_PLANPRODUCT_H
#define ATTN_EMIT_PLANPRODUCT_H

#include "attn/Runtime/Plan.h"
#include "attn/Runtime/Status.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace attn {

/// A row-major buffer and its sizes.
using PlanBuffer = std::pair<rt::BufferRef, std::vector<rt::Expr>>;

/// `op`, a contraction on buffers, as one product of (batches of) matrices.
/// Dimensions that lie together in all operands are one. Errors: kCompile, with
/// what stands in the way.
rt::Result<rt::GemmStep>
productStep(mlir::linalg::LinalgOp op,
            llvm::function_ref<PlanBuffer(mlir::Value)> bufferOf);

} // namespace attn

#endif // ATTN_EMIT_PLANPRODUCT_H
