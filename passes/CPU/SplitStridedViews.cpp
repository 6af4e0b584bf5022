//===- SplitStridedViews.cpp - views that step, apart from those that drop
//-===//
// Which dimensions a memref.subview drops is found by comparing strides with
// those of its *source* (MLIR 22.1): with steps in between, dimensions of size
// 1 are mistaken for others, and folders of the op fail on it.
//===----------------------------------------------------------------------===//

#include "attn/Passes/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SPLITSTRIDEDVIEWSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

namespace {

struct SplitStridedViewsPass
    : public attn::impl::SplitStridedViewsPassBase<SplitStridedViewsPass> {
  void split(memref::SubViewOp view) {
    IRRewriter rewriter(view);
    auto stepped = memref::SubViewOp::create(
        rewriter, view.getLoc(), view.getSource(), view.getMixedOffsets(),
        view.getMixedSizes(), view.getMixedStrides());
    auto rank = static_cast<size_t>(view.getSourceType().getRank());
    SmallVector<OpFoldResult> zeros(rank, rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> ones(rank, rewriter.getIndexAttr(1));
    rewriter.replaceOpWithNewOp<memref::SubViewOp>(
        view, view.getType(), stepped, zeros, view.getMixedSizes(), ones);
    ++numSplit;
  }

  void runOnOperation() override {
    SmallVector<memref::SubViewOp> views;
    getOperation()->walk([&](memref::SubViewOp view) {
      bool drops = view.getType().getRank() < view.getSourceType().getRank();
      if (drops && !llvm::all_of(view.getMixedStrides(), [](OpFoldResult step) {
            return isConstantIntValue(step, 1);
          })) {
        views.push_back(view);
      }
    });
    for (memref::SubViewOp view : views) {
      split(view);
    }
  }
};

} // namespace
