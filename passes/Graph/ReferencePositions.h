//===- ReferencePositions.h - rotary positions from their definition ------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCEPOSITIONS_H
#define ATTN_PASSES_GRAPH_REFERENCEPOSITIONS_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// The result of `op` in `type`; `source` gives the value to read for an
/// operand, `destination` is an empty tensor of the result's shape.
mlir::Value
buildReferenceRope(mlir::ImplicitLocOpBuilder &b, RopeOp op,
                   mlir::FloatType type,
                   llvm::function_ref<mlir::Value(mlir::Value)> source,
                   mlir::Value destination);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCEPOSITIONS_H
