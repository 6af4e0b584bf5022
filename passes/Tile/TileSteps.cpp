//===- TileSteps.cpp - steps of state spaces into heads -------------------===//
// attn.ssm_step -> scf.forall over sequences and heads, or blocks of channels.
//===----------------------------------------------------------------------===//

#include "../InPlace.h"
#include "RecurrenceSlices.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILESTEPSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// Channels of a block of Mamba-1.
constexpr int64_t kChannels = 128;

struct TileStepsPass : public attn::impl::TileStepsPassBase<TileStepsPass> {
  LogicalResult tile(IRRewriter &rewriter, SSMStepOp op) {
    rewriter.setInsertionPoint(op);
    RecurrenceSlices slices(rewriter, op);
    if (failed(slices.verify())) {
      return failure();
    }
    int64_t inGroup = slices.heads() / slices.groups();
    int64_t block = op.hasHeads() ? 1 : std::min(kChannels, inGroup);
    if (inGroup % block != 0) {
      return op.emitOpError("of groups of ")
             << inGroup << " channels has no lowering for GPUs: expected a "
             << "multiple of " << kChannels;
    }
    for (Operation *user : op.getState().getUsers()) {
      if (op.getSlots() && user != op && !isa<tensor::DimOp>(user)) {
        return op.emitOpError("into a cache whose earlier value is used "
                              "elsewhere has no lowering for GPUs");
      }
    }
    SmallVector<Value> results = slices.forallOf({block});
    if (op.getSlots()) {
      // Slots that no sequence has stay as they are.
      results[0].getDefiningOp()->setAttr(kInPlaceAttr, rewriter.getUnitAttr());
    }
    rewriter.replaceOp(op, results);
    return success();
  }

  void runOnOperation() override {
    SmallVector<SSMStepOp> ops;
    getOperation()->walk([&](SSMStepOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (SSMStepOp op : ops) {
      if (failed(tile(rewriter, op))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
