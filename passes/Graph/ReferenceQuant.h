//===- ReferenceQuant.h - codes of few bits by definition -----------------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCEQUANT_H
#define ATTN_PASSES_GRAPH_REFERENCEQUANT_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// The results of an `attn.kv_quantize`, in their own types: codes are what
/// they are, and follow from f32 arithmetic.
llvm::SmallVector<mlir::Value>
buildReferenceQuantize(mlir::ImplicitLocOpBuilder &b, KVQuantizeOp op,
                       llvm::function_ref<mlir::Value(mlir::Value)> source);

/// The result of an `attn.kv_dequantize`, not rounded.
mlir::Value
buildReferenceDequantize(mlir::ImplicitLocOpBuilder &b, KVDequantizeOp op,
                         mlir::FloatType type,
                         llvm::function_ref<mlir::Value(mlir::Value)> source);

} // namespace attn

#endif // ATTN_PASSES_GRAPH_REFERENCEQUANT_H
