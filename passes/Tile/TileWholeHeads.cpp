//===- TileWholeHeads.cpp - recurrences into heads, with all their tokens -===//
// Each op becomes an scf.forall over sequences and heads, or blocks of
// channels, around itself on their slices. The state in front of the first
// token is read where it is, and that behind the last one written where the
// result is.
//===----------------------------------------------------------------------===//

#include "../Hopper/RecurrenceProgram.h"
#include "../NVGPU/ScanProgram.h"
#include "../PassTarget.h"
#include "ExpandFavor.h"
#include "RecurrenceSlices.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Passes/Passes.h"
#include "attn/Passes/ScanSchedule.h"
#include "attn/Target/RecurrenceModel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEWHOLEHEADSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileWholeHeadsPass
    : public attn::impl::TileWholeHeadsPassBase<TileWholeHeadsPass> {
  using TileWholeHeadsPassBase::TileWholeHeadsPassBase;

  // Heads with the kernels of chunks, or two that share what they read.
  SmallVector<Value> chunked(IRRewriter &rewriter, Operation *op,
                             RecurrenceSlices &slices,
                             const GPUDescription &gpu) {
    int64_t all = slices.heads();
    std::optional<int64_t> batch = getConstantIntValue(slices.sequences());
    std::string reason;
    RecurrenceShape shape = RecurrenceProgram::match(op, reason)->shape();
    int64_t most = recurrenceHeads(shape, all, slices.groups(),
                                   batch ? *batch * all : -1, gpu);
    if (batch || most == 1) {
      return slices.forallOf({most});
    }
    // Tiles of one head where there are too few of two.
    Location loc = op->getLoc();
    IndexBuilder index(rewriter, loc);
    Value count = index.mul(index.value(slices.sequences()), all);
    Value few = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::sle,
                                      count, index.constant(gpu.processors));
    auto choice = scf::IfOp::create(rewriter, loc, op->getResultTypes(), few,
                                    /*withElseRegion=*/true);
    for (auto [block, heads] : {std::pair(choice.thenBlock(), int64_t(1)),
                                std::pair(choice.elseBlock(), most)}) {
      rewriter.setInsertionPointToStart(block);
      SmallVector<Value> results = slices.forallOf({heads});
      scf::YieldOp::create(rewriter, loc, results);
    }
    rewriter.setInsertionPointAfter(choice);
    return choice.getResults();
  }

  LogicalResult tile(IRRewriter &rewriter, Operation *op,
                     const GPUDescription &gpu) {
    auto linear = dyn_cast<LinearAttentionOp>(op);
    if (linear && canExpandFavor(linear)) {
      op = expandFavor(rewriter, linear);
    }
    rewriter.setInsertionPoint(op);
    RecurrenceSlices slices(rewriter, op);
    if (failed(slices.verify())) {
      return failure();
    }
    if (isa<CausalConv1dOp>(op)) {
      int64_t channels = convTileChannels(slices.heads());
      rewriter.replaceOp(op, slices.forallOf({channels}));
      return success();
    }
    ScanChoice choice = chooseGPUScan(op, gpu);
    if (choice.schedule == ScanSchedule::Chunked) {
      rewriter.replaceOp(op, chunked(rewriter, op, slices, gpu));
      return success();
    }
    remark::missed(op->getLoc(),
                   remark::RemarkOpts::name("recurrence").category("attn"))
        << "token by token: " + choice.why;
    RecurrenceBlock block;
    linear = dyn_cast<LinearAttentionOp>(op);
    if (isa<SSMScanOp>(op)) {
      block.count = scanTileRows(slices.heads() / slices.groups());
    } else if (!linear || !linear.getNormalized()) {
      // All tiles of a head would write its norm.
      block.rows = scanTileRows(slices.valueSize());
    }
    rewriter.replaceOp(op, slices.forallOf(block, kTokensAttr));
    return success();
  }

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target, PassTargets::kGPU);
    if (!description) {
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<SSDOp, LinearAttentionOp, SSMScanOp, CausalConv1dOp>(op)) {
        ops.push_back(op);
      }
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      if (failed(tile(rewriter, op, *description->gpu))) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
