//===- ReferenceRecurrence.h - recurrences token by token -----------------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCERECURRENCE_H
#define ATTN_PASSES_GRAPH_REFERENCERECURRENCE_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// The results of a recurrence by its definition, in `type`: one token at a
/// time, one element of the state at a time. `destination` is that of `out`.
llvm::SmallVector<mlir::Value>
buildReferenceRecurrence(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                         mlir::FloatType type,
                         llvm::function_ref<mlir::Value(mlir::Value)> source,
                         mlir::Value destination);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCERECURRENCE_H
