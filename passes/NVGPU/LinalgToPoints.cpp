//===- LinalgToPoints.cpp - elementwise ops and reductions, point by point ===//
// Around attention: what a thread computes is one element of each result, with
// a loop over what is reduced. Products of matrices are left.
//===----------------------------------------------------------------------===//

#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LINALGTOPOINTSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// A forall over all elements of fresh tensors of `types`; `body` gives the
/// elements at a point.
SmallVector<Value>
forEachPoint(RewriterBase &rewriter, Location loc, TypeRange types,
             ArrayRef<OpFoldResult> sizes,
             llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  SmallVector<Value> outs;
  for (Type type : types) {
    outs.push_back(tensor::EmptyOp::create(
        rewriter, loc, sizes, cast<RankedTensorType>(type).getElementType()));
  }
  auto forall = scf::ForallOp::create(rewriter, loc, sizes, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(forall.getTerminator());
  SmallVector<Value> values = body(forall.getInductionVars());
  IndexBuilder index(rewriter, loc);
  size_t rank = sizes.size();
  SmallVector<OpFoldResult> at = getAsOpFoldResult(forall.getInductionVars()),
                            ones(rank, rewriter.getIndexAttr(1));
  SmallVector<Value> start(rank, index.constant(0));
  for (auto [value, out] : llvm::zip_equal(values, forall.getRegionOutArgs())) {
    Value slice =
        tensor::ExtractSliceOp::create(rewriter, loc, out, at, ones, ones);
    Value whole = tensor::InsertOp::create(rewriter, loc, value, slice, start);
    OpBuilder::InsertionGuard inner(rewriter);
    rewriter.setInsertionPointToEnd(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(rewriter, loc, whole, out, at, ones,
                                          ones);
  }
  return llvm::to_vector_of<Value>(forall.getResults());
}

/// Inlines the block of `op` with `arguments`; what it yields.
SmallVector<Value> inlineBlock(RewriterBase &rewriter, Block &block,
                               ValueRange arguments) {
  IRMapping mapping;
  mapping.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator()) {
    rewriter.clone(op, mapping);
  }
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

void rewriteGenerate(RewriterBase &rewriter, tensor::GenerateOp op) {
  rewriter.setInsertionPoint(op);
  SmallVector<OpFoldResult> sizes;
  unsigned dynamic = 0;
  for (int64_t size : op.getType().getShape()) {
    sizes.push_back(ShapedType::isDynamic(size)
                        ? OpFoldResult(op.getDynamicExtents()[dynamic++])
                        : rewriter.getIndexAttr(size));
  }
  rewriter.replaceOp(op, forEachPoint(rewriter, op.getLoc(), op.getType(),
                                      sizes, [&](ValueRange point) {
                                        return inlineBlock(rewriter,
                                                           op.getBody().front(),
                                                           point);
                                      }));
}

class GenericRewriter {
public:
  GenericRewriter(RewriterBase &rewriter, linalg::GenericOp op)
      : rewriter(rewriter), op(op), loc(op.getLoc()) {}

  LogicalResult run() {
    AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (OpOperand &init : op.getDpsInitsMutable()) {
      if (op.getMatchingIndexingMap(&init) != outMap) {
        return op.emitOpError("whose results have different maps has no "
                              "lowering for GPUs");
      }
    }
    if (!outMap.isProjectedPermutation()) {
      return op.emitOpError("whose results are no permutation of loops has no "
                            "lowering for GPUs");
    }
    rewriter.setInsertionPoint(op);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, op.getDpsInits()[0]);
    for (unsigned d = 0; d < op.getNumLoops(); ++d) {
      ends.push_back(sizeOfLoop(d));
    }
    rewriter.replaceOp(op, forEachPoint(rewriter, loc, op.getResultTypes(),
                                        sizes, [&](ValueRange point) {
                                          return element(outMap, point);
                                        }));
    return success();
  }

private:
  RewriterBase &rewriter;
  linalg::GenericOp op;
  Location loc;
  SmallVector<Value> ends; // of each loop

  Value sizeOfLoop(unsigned d) {
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto place = map.getResultPosition(getAffineDimExpr(d, op.getContext()));
      if (place) {
        return getValueOrCreateConstantIndexOp(
            rewriter, loc,
            tensor::getMixedSize(rewriter, loc, operand.get(), *place));
      }
    }
    return Value();
  }

  Value read(OpOperand &operand, ValueRange loops) {
    if (!isa<TensorType>(operand.get().getType())) {
      return operand.get();
    }
    if (auto fill = operand.get().getDefiningOp<linalg::FillOp>()) {
      return fill.getInputs()[0];
    }
    SmallVector<Value> at;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      at.push_back(affine::expandAffineExpr(rewriter, loc, expr, loops, {}));
    }
    return tensor::ExtractOp::create(rewriter, loc, operand.get(), at);
  }

  SmallVector<Value> element(AffineMap outMap, ValueRange point) {
    SmallVector<Value> loops(op.getNumLoops());
    for (auto [place, expr] : llvm::enumerate(outMap.getResults())) {
      loops[cast<AffineDimExpr>(expr).getPosition()] = point[place];
    }
    SmallVector<Value> state;
    for (OpOperand &init : op.getDpsInitsMutable()) {
      state.push_back(read(init, loops));
    }
    return reduce(0, loops, state);
  }

  // The loops from `d` on that no result has.
  SmallVector<Value> reduce(unsigned d, SmallVector<Value> &loops,
                            SmallVector<Value> state) {
    while (d < loops.size() && loops[d]) {
      ++d;
    }
    if (d == loops.size()) {
      return innermost(loops, state);
    }
    IndexBuilder index(rewriter, loc);
    auto loop = scf::ForOp::create(rewriter, loc, index.constant(0), ends[d],
                                   index.constant(1), state);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(loop.getBody());
    loops[d] = loop.getInductionVar();
    SmallVector<Value> next = reduce(
        d + 1, loops, llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
    scf::YieldOp::create(rewriter, loc, next);
    loops[d] = Value();
    return llvm::to_vector_of<Value>(loop.getResults());
  }

  SmallVector<Value> innermost(ArrayRef<Value> loops, ValueRange state) {
    SmallVector<Value> arguments;
    for (OpOperand *input : op.getDpsInputOperands()) {
      arguments.push_back(read(*input, loops));
    }
    arguments.append(state.begin(), state.end());
    IRMapping mapping;
    mapping.map(op.getBlock()->getArguments(), arguments);
    for (Operation &inner : op.getBlock()->without_terminator()) {
      if (auto number = dyn_cast<linalg::IndexOp>(inner)) {
        mapping.map(number.getResult(), loops[number.getDim()]);
      } else {
        rewriter.clone(inner, mapping);
      }
    }
    return llvm::map_to_vector(
        op.getBlock()->getTerminator()->getOperands(),
        [&](Value value) { return mapping.lookupOrDefault(value); });
  }
};

struct LinalgToPointsPass
    : public attn::impl::LinalgToPointsPassBase<LinalgToPointsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      // What a tile of attention does is not ours.
      if (isa<scf::ForallOp>(op)) {
        return WalkResult::skip();
      }
      if (isa<tensor::GenerateOp, linalg::LinalgOp>(op)) {
        ops.push_back(op);
      }
      return WalkResult::advance();
    });
    for (Operation *op : ops) {
      if (auto generate = dyn_cast<tensor::GenerateOp>(op)) {
        rewriteGenerate(rewriter, generate);
        continue;
      }
      auto structured = cast<linalg::LinalgOp>(op);
      bool tensors = structured.hasPureTensorSemantics() &&
                     structured.getNumDpsInits() > 0;
      if (!tensors || isa<linalg::FillOp>(op) ||
          linalg::isaContractionOpInterface(structured)) {
        continue;
      }
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::GenericOp> generic =
          isa<linalg::GenericOp>(op)
              ? FailureOr<linalg::GenericOp>(cast<linalg::GenericOp>(op))
              : linalg::generalizeNamedOp(rewriter, structured);
      if (failed(generic) ||
          failed(GenericRewriter(rewriter, *generic).run())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
