//===- WrapMemrefs.cpp - attention on memrefs as attention on tensors -----===//
// Every other pass works on tensors. An op on memrefs becomes the op on tensors
// between `to_tensor` and `materialize_in_destination`, which one-shot
// bufferization turns back into the op on the same memrefs, with no copy.
//
// Operands that are views of one buffer (packed q, k and v; v as a part of k)
// become slices of one tensor: `restrict` says that no other tensor stands for
// the buffer, and bufferization relies on it.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_WRAPMEMREFSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// The views that have a counterpart on tensors, followed to their source.
Value viewSource(Value memref) {
  Operation *view = memref.getDefiningOp();
  if (isa_and_nonnull<memref::SubViewOp, memref::ExpandShapeOp,
                      memref::CollapseShapeOp, memref::CastOp>(view) &&
      isa<MemRefType>(view->getOperand(0).getType())) {
    return view->getOperand(0);
  }
  return Value();
}

Value baseOf(Value memref) {
  while (Value source = viewSource(memref)) {
    memref = source;
  }
  return memref;
}

class Wrapper {
public:
  Wrapper(OpBuilder &builder, DestinationStyleOpInterface op)
      : builder(builder), op(op), loc(op.getLoc()) {
    for (Value operand : op->getOperands()) {
      if (!isa<MemRefType>(operand.getType())) {
        continue;
      }
      views[baseOf(operand)].insert(operand);
    }
    for (Value init : op.getDpsInits()) {
      written.insert(baseOf(init));
    }
  }

  void wrap() {
    OperationState state(loc, op->getName());
    for (Value operand : op->getOperands()) {
      state.addOperands(isa<MemRefType>(operand.getType()) ? tensorOf(operand)
                                                           : operand);
    }
    for (OpOperand &init : op.getDpsInitsMutable()) {
      state.addTypes(state.operands[init.getOperandNumber()].getType());
    }
    state.addAttributes(op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    for (Region &region : op->getRegions()) {
      state.addRegion()->takeBody(region);
    }
    Operation *created = builder.create(state);
    for (auto [result, init] :
         llvm::zip_equal(created->getResults(), op.getDpsInits())) {
      auto store = bufferization::MaterializeInDestinationOp::create(
          builder, loc, Type(), result, init);
      store.setRestrict(true);
      store.setWritable(true);
    }
    op->erase();
  }

private:
  OpBuilder &builder;
  DestinationStyleOpInterface op;
  Location loc;
  /// The operands that view a buffer, by the buffer.
  llvm::MapVector<Value, llvm::SetVector<Value>> views;
  llvm::DenseSet<Value> written;
  llvm::DenseMap<Value, Value> tensors;

  Value tensorOf(Value memref) {
    if (Value known = tensors.lookup(memref)) {
      return known;
    }
    Value base = baseOf(memref);
    Value tensor;
    // A buffer with one view needs no slices.
    if (memref == base || views[base].size() == 1) {
      auto type = memref::getTensorTypeFromMemRefType(memref.getType());
      tensor = bufferization::ToTensorOp::create(
          builder, loc, type, memref, /*restrict=*/true,
          /*writable=*/written.contains(base));
    } else {
      tensor = viewOf(memref.getDefiningOp(),
                      tensorOf(memref.getDefiningOp()->getOperand(0)));
    }
    tensors[memref] = tensor;
    return tensor;
  }

  // The view `memrefOp` of what `source` holds.
  Value viewOf(Operation *memrefOp, Value source) {
    Type type =
        memref::getTensorTypeFromMemRefType(memrefOp->getResult(0).getType());
    if (auto view = dyn_cast<memref::SubViewOp>(memrefOp)) {
      return tensor::ExtractSliceOp::create(
          builder, loc, cast<RankedTensorType>(type), source,
          view.getMixedOffsets(), view.getMixedSizes(), view.getMixedStrides());
    }
    if (auto view = dyn_cast<memref::ExpandShapeOp>(memrefOp)) {
      return tensor::ExpandShapeOp::create(builder, loc, type, source,
                                           view.getReassociationIndices(),
                                           view.getMixedOutputShape());
    }
    if (auto view = dyn_cast<memref::CollapseShapeOp>(memrefOp)) {
      return tensor::CollapseShapeOp::create(builder, loc, type, source,
                                             view.getReassociationIndices());
    }
    // A cast may change the layout alone, which tensors do not have.
    return source.getType() == type
               ? source
               : tensor::CastOp::create(builder, loc, type, source).getResult();
  }
};

struct WrapMemrefsPass
    : public attn::impl::WrapMemrefsPassBase<WrapMemrefsPass> {
  void runOnOperation() override {
    SmallVector<DestinationStyleOpInterface> ops;
    getOperation().walk([&](Operation *op) {
      if ((isRecurrence(op) ||
           isa<AttentionOp, MergeStatesOp, RopeOp, KVAppendOp, KVGatherOp,
               KVQuantizeOp, KVDequantizeOp, KVScoreOp, KVEvictOp>(op)) &&
          op->getNumResults() == 0) {
        ops.push_back(cast<DestinationStyleOpInterface>(op));
      }
    });
    for (DestinationStyleOpInterface op : ops) {
      OpBuilder builder(op);
      Wrapper(builder, op).wrap();
      ++numWrapped;
    }
  }
};

} // namespace
