//===- Destinations.h - what ops with destinations share --------*- C++ -*-===//

#ifndef ATTN_DIALECTS_ATTN_DESTINATIONS_H
#define ATTN_DIALECTS_ATTN_DESTINATIONS_H

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace attn {

inline mlir::ShapedType shaped(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType());
}

/// Adds a read of each memref among the operands of `op`, and a write of each
/// that is a destination, to `effects`.
void getDpsEffects(mlir::Operation *op,
                   llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<
                       mlir::MemoryEffects::Effect>> &effects);

/// Results have the sizes of their destinations.
mlir::LogicalResult
reifyDestinations(mlir::Operation *op, mlir::OpBuilder &builder,
                  mlir::ReifiedRankedShapedTypeDims &shapes);

/// Reports `label` unless all shaped operands of `op` are tensors and its
/// results stand for its inits, or all are memrefs and there is no result.
mlir::LogicalResult verifySemantics(mlir::Operation *op, llvm::StringRef label);

} // namespace attn

/// These two of an op whose effects and sizes are those of its destinations.
#define ATTN_DESTINATIONS(Op)                                                  \
  void Op::getEffects(llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance< \
                          mlir::MemoryEffects::Effect>> &effects) {            \
    attn::getDpsEffects(getOperation(), effects);                              \
  }                                                                            \
  mlir::LogicalResult Op::reifyResultShapes(                                   \
      mlir::OpBuilder &builder, mlir::ReifiedRankedShapedTypeDims &shapes) {   \
    return attn::reifyDestinations(getOperation(), builder, shapes);           \
  }

#endif // ATTN_DIALECTS_ATTN_DESTINATIONS_H
