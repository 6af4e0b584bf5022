//===- Destinations.cpp - what ops with destinations share ----------------===//

#include "Destinations.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace attn {

void getDpsEffects(
    Operation *op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  auto dps = cast<DestinationStyleOpInterface>(op);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType())) {
      continue;
    }
    effects.emplace_back(MemoryEffects::Read::get(), &operand, /*stage=*/0,
                         /*effectOnFullRegion=*/true,
                         SideEffects::DefaultResource::get());
    if (dps.isDpsInit(&operand)) {
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/0,
                           /*effectOnFullRegion=*/true,
                           SideEffects::DefaultResource::get());
    }
  }
}

LogicalResult reifyDestinations(Operation *op, OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  for (Value init : cast<DestinationStyleOpInterface>(op).getDpsInits()) {
    shapes.push_back(tensor::getMixedSizes(builder, op->getLoc(), init));
  }
  return success();
}

LogicalResult verifySemantics(Operation *op, StringRef label) {
  auto dps = cast<DestinationStyleOpInterface>(op);
  bool tensors = isa<TensorType>(op->getOperand(0).getType());
  for (Value operand : op->getOperands()) {
    Type type = operand.getType();
    if (isa<ShapedType>(type) && isa<TensorType>(type) != tensors) {
      return op->emitOpError(
                 "expected operands to be all tensors or all memrefs [")
             << label << "]";
    }
  }
  unsigned expected = tensors ? dps.getNumDpsInits() : 0;
  if (op->getNumResults() != expected) {
    return op->emitOpError("expected ")
           << expected << " results, one a destination tensor, but got "
           << op->getNumResults() << " [" << label << "]";
  }
  for (auto [result, init] :
       llvm::zip(op->getResultTypes(), dps.getDpsInits().getTypes())) {
    if (result != init) {
      return op->emitOpError("expected a result of the type of its "
                             "destination, ")
             << init << ", but got " << result << " [" << label << "]";
    }
  }
  return success();
}

} // namespace attn
