//===- Bufferize.cpp - bufferization of the attn ops ----------------------===//
// All ops with data are in destination-passing style, so one external model
// serves them: operands become their buffers, results those of the inits.
// Registered as external models so that the dialect itself does not depend on
// bufferization.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

template <typename OpTy>
struct DestinationModel
    : public DstBufferizableOpInterfaceExternalModel<DestinationModel<OpTy>,
                                                     OpTy> {
  // The destinations of attention, merge, pack and finalize are only written;
  // the state of the online tile and of recurrences, and the pages of a cache,
  // are kept in part.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &state) const {
    auto dps = cast<DestinationStyleOpInterface>(op);
    return !dps.isDpsInit(&operand) || attn::isState(operand) ||
           std::is_same_v<OpTy, attn::OnlineAttentionOp> ||
           std::is_same_v<OpTy, attn::KVAppendOp> ||
           std::is_same_v<OpTy, attn::KVScoreOp>;
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto dps = cast<DestinationStyleOpInterface>(op);
    if (dps.hasPureBufferSemantics()) {
      return success();
    }
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands;
    SmallVector<Value> inits;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (isa<TensorType>(value.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer)) {
          return failure();
        }
        value = *buffer;
      }
      operands.push_back(value);
      if (dps.isDpsInit(&operand)) {
        inits.push_back(value);
      }
    }
    OperationState created(op->getLoc(), op->getName());
    created.addOperands(operands);
    created.addAttributes(op->getAttrs());
    for (Region &region : op->getRegions()) {
      created.addRegion()->takeBody(region);
    }
    rewriter.create(created);
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

} // namespace

void attn::registerBufferizableOpInterfaceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, AttnDialect *) {
    AttentionOp::attachInterface<DestinationModel<AttentionOp>>(*context);
    MergeStatesOp::attachInterface<DestinationModel<MergeStatesOp>>(*context);
    OnlineAttentionOp::attachInterface<DestinationModel<OnlineAttentionOp>>(
        *context);
    KVAppendOp::attachInterface<DestinationModel<KVAppendOp>>(*context);
    KVGatherOp::attachInterface<DestinationModel<KVGatherOp>>(*context);
    KVQuantizeOp::attachInterface<DestinationModel<KVQuantizeOp>>(*context);
    KVDequantizeOp::attachInterface<DestinationModel<KVDequantizeOp>>(*context);
    KVScoreOp::attachInterface<DestinationModel<KVScoreOp>>(*context);
    KVEvictOp::attachInterface<DestinationModel<KVEvictOp>>(*context);
    RopeOp::attachInterface<DestinationModel<RopeOp>>(*context);
    SSDOp::attachInterface<DestinationModel<SSDOp>>(*context);
    LinearAttentionOp::attachInterface<DestinationModel<LinearAttentionOp>>(
        *context);
    SSMScanOp::attachInterface<DestinationModel<SSMScanOp>>(*context);
    SSMStepOp::attachInterface<DestinationModel<SSMStepOp>>(*context);
    CausalConv1dOp::attachInterface<DestinationModel<CausalConv1dOp>>(*context);
    ScanChunkOp::attachInterface<DestinationModel<ScanChunkOp>>(*context);
    LinformerProjectOp::attachInterface<DestinationModel<LinformerProjectOp>>(
        *context);
    FavorFeaturesOp::attachInterface<DestinationModel<FavorFeaturesOp>>(
        *context);
    PairProductsOp::attachInterface<DestinationModel<PairProductsOp>>(*context);
    S4KernelOp::attachInterface<DestinationModel<S4KernelOp>>(*context);
    FFTConvOp::attachInterface<DestinationModel<FFTConvOp>>(*context);
    PackRowsOp::attachInterface<DestinationModel<PackRowsOp>>(*context);
    FinalizeStateOp::attachInterface<DestinationModel<FinalizeStateOp>>(
        *context);
  });
}
