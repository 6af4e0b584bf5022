//===- FoldCasts.cpp - casts of tensors into ops without a score region ---===//
// MLIR folds `tensor.cast` into every op in destination-passing style, by a
// copy that reads the first block of each region; an absent score region has
// none (22.1.8 crashes). This pattern does the same for such ops, and goes
// first.
//===----------------------------------------------------------------------===//

#include "SimplifyMask.h"
#include "attn/Dialect/Attn/AttnDialect.h"

using namespace mlir;

namespace {

struct FoldCasts : OpInterfaceRewritePattern<DestinationStyleOpInterface> {
  FoldCasts(MLIRContext *context)
      : OpInterfaceRewritePattern(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(DestinationStyleOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (!isa<attn::AttnDialect>(op->getDialect())) {
      return rewriter.notifyMatchFailure(op, "an op of another dialect");
    }
    if (!llvm::any_of(op->getRegions(),
                      [](Region &region) { return region.empty(); })) {
      return rewriter.notifyMatchFailure(op, "upstream can fold this");
    }
    if (!tensor::hasFoldableTensorCastOperand(op)) {
      return rewriter.notifyMatchFailure(op, "no cast to fold");
    }
    SmallVector<Type> types(op->getResultTypes());
    SmallVector<Value> operands =
        tensor::getUpdatedOperandsAfterCastOpFolding(op, types);
    OperationState state(op.getLoc(), op->getName(), operands, types,
                         op->getAttrs());
    for (Region &region : op->getRegions()) {
      state.addRegion()->takeBody(region);
    }
    Operation *folded = rewriter.create(state);
    SmallVector<Value> results;
    for (auto [old, now] :
         llvm::zip_equal(op->getResults(), folded->getResults())) {
      results.push_back(old.getType() == now.getType()
                            ? Value(now)
                            : tensor::CastOp::create(rewriter, op.getLoc(),
                                                     old.getType(), now));
    }
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void attn::AttnDialect::getCanonicalizationPatterns(
    RewritePatternSet &patterns) const {
  patterns.add<FoldCasts>(getContext());
  populateSimplifyMaskPatterns(patterns);
}
