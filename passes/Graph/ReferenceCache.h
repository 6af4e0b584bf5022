//===- ReferenceCache.h - writes and reads of a cache by definition -------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCECACHE_H
#define ATTN_PASSES_GRAPH_REFERENCECACHE_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// The results of an `attn.kv_append` or `attn.kv_gather`, element by element.
/// A cache has a type of its own, in which the results stay; keys turn in f64.
llvm::SmallVector<mlir::Value>
buildReferenceCache(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                    llvm::function_ref<mlir::Value(mlir::Value)> source);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCECACHE_H
