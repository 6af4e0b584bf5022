//===- TileSteps.cpp - steps of state spaces into heads -------------------===//
// attn.ssm_step -> scf.forall over sequences and heads, or blocks of channels.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILESTEPSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// Channels of a block of Mamba-1.
constexpr int64_t kChannels = 128;

class StepTiler {
public:
  StepTiler(IRRewriter &rewriter, SSMStepOp op)
      : rewriter(rewriter), index(rewriter, op.getLoc()), op(op) {}

  LogicalResult run() {
    Location loc = op.getLoc();
    if (op.getSlots()) {
      return op.emitOpError("with 'slots' has no lowering for GPUs");
    }
    int64_t all = shaped(op.getX()).getDimSize(1);
    int64_t groups = shaped(op.getB()).getDimSize(1);
    if (ShapedType::isDynamic(all) || ShapedType::isDynamic(groups)) {
      return op.emitOpError("expected static heads and channels for tiling");
    }
    inGroup = all / groups;
    block = op.hasHeads() ? 1 : std::min(kChannels, inGroup);
    if (inGroup % block != 0) {
      return op.emitOpError("of groups of ")
             << inGroup << " channels has no lowering for GPUs: expected a "
             << "multiple of " << kChannels;
    }
    rewriter.setInsertionPoint(op);
    for (Value operand : op->getOperands()) {
      sizes[operand] = tensor::getMixedSizes(rewriter, loc, operand);
    }
    SmallVector<Value> outs(op.getOuts());
    SmallVector<OpFoldResult> grid = {sizes[op.getX()][0],
                                      rewriter.getIndexAttr(all / block)};
    auto forall =
        scf::ForallOp::create(rewriter, loc, grid, outs, std::nullopt);
    rewriter.setInsertionPointToStart(forall.getBody());
    sequence = forall.getInductionVar(0);
    first = index.mul(forall.getInductionVar(1), block);
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      bool isOut = operand == op.getOut();
      Value from = isOut ? Value(forall.getRegionIterArgs()[0]) : operand;
      Place place = placeOf(operand);
      mapping.map(operand, tensor::ExtractSliceOp::create(
                               rewriter, loc, from, place.offsets, place.sizes,
                               ones(place)));
    }
    auto tiled = cast<SSMStepOp>(rewriter.clone(*op, mapping));
    for (auto [result, out] : llvm::zip_equal(tiled.getResults(), outs)) {
      result.setType(mapping.lookup(out).getType());
    }
    rewriter.setInsertionPointToStart(forall.getTerminator().getBody());
    for (auto [result, out, argument] : llvm::zip_equal(
             tiled.getResults(), outs, forall.getRegionIterArgs())) {
      Place place = placeOf(out);
      tensor::ParallelInsertSliceOp::create(rewriter, loc, result, argument,
                                            place.offsets, place.sizes,
                                            ones(place));
    }
    rewriter.replaceOp(op, forall.getResults());
    return success();
  }

private:
  IRRewriter &rewriter;
  IndexBuilder index;
  SSMStepOp op;
  int64_t inGroup = 1, block = 1;
  Value sequence, first;
  DenseMap<Value, SmallVector<OpFoldResult>> sizes;

  struct Place {
    SmallVector<OpFoldResult> offsets, sizes;
  };

  static ShapedType shaped(Value value) {
    return cast<ShapedType>(value.getType());
  }
  SmallVector<OpFoldResult> ones(const Place &place) {
    return SmallVector<OpFoldResult>(place.sizes.size(),
                                     rewriter.getIndexAttr(1));
  }

  // Parameters have heads or channels in front, all else a sequence, and then
  // heads, channels or groups.
  Place placeOf(Value value) {
    Place place;
    place.sizes = sizes.lookup(value);
    place.offsets.assign(place.sizes.size(), rewriter.getIndexAttr(0));
    bool isParameter =
        value == op.getA() || value == op.getDtBias() || value == op.getSkip();
    bool isGroup = value == op.getB() || value == op.getC();
    unsigned at = isParameter ? 0 : 1;
    if (!isParameter) {
      place.offsets[0] = sequence;
      place.sizes[0] = rewriter.getIndexAttr(1);
    }
    place.offsets[at] = isGroup ? index.div(first, inGroup) : first;
    place.sizes[at] = rewriter.getIndexAttr(isGroup ? 1 : block);
    return place;
  }
};

struct TileStepsPass : public attn::impl::TileStepsPassBase<TileStepsPass> {
  void runOnOperation() override {
    SmallVector<SSMStepOp> ops;
    getOperation()->walk([&](SSMStepOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (SSMStepOp op : ops) {
      if (!op.hasTensorSemantics()) {
        op.emitOpError("expected tensors: wrap memrefs first "
                       "(attn-wrap-memrefs)");
        return signalPassFailure();
      }
      if (failed(StepTiler(rewriter, op).run())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
