//===- ReferenceEvict.h - which keys a cache keeps, by definition ---------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCEEVICT_H
#define ATTN_PASSES_GRAPH_REFERENCEEVICT_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// The result of an `attn.kv_score` in `type`, pair by pair.
mlir::Value
buildReferenceScore(mlir::ImplicitLocOpBuilder &b, KVScoreOp op,
                    mlir::FloatType type,
                    llvm::function_ref<mlir::Value(mlir::Value)> source);

/// The results of an `attn.kv_evict`: a key is kept if fewer keys are before it
/// than the budget has room for.
llvm::SmallVector<mlir::Value>
buildReferenceEvict(mlir::ImplicitLocOpBuilder &b, KVEvictOp op,
                    llvm::function_ref<mlir::Value(mlir::Value)> source);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCEEVICT_H
