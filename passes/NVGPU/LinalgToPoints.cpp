//===- LinalgToPoints.cpp - elementwise ops and reductions, point by point ===//
// Around attention: what a thread computes is one element of each result, with
// a loop over what is reduced. Products of matrices are left. Rotary positions
// and caches are in CacheToPoints.cpp.
//===----------------------------------------------------------------------===//

#include "CacheToPoints.h"
#include "ProjectToProducts.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

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

// Copies: concatenations, insertions, and slices that no kernel but a library
// or the caller reads.
class CopyRewriter {
public:
  CopyRewriter(RewriterBase &rewriter, Operation *op)
      : rewriter(rewriter), op(op), loc(op->getLoc()), index(rewriter, loc) {}

  void run() {
    rewriter.setInsertionPoint(op);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
      starts(concat);
    }
    rewriter.replaceOp(
        op,
        forEachPoint(rewriter, loc, type, sizesOf(type), [&](ValueRange point) {
          return SmallVector<Value>{element(point)};
        }));
  }

  static bool takes(Operation *op) {
    auto needsCopy = [](Operation *user) {
      return isa<func::ReturnOp>(user) || isProduct(user);
    };
    return isa<tensor::ConcatOp, tensor::InsertSliceOp>(op) ||
           (isa<tensor::ExtractSliceOp>(op) &&
            llvm::any_of(op->getUsers(), needsCopy));
  }

private:
  RewriterBase &rewriter;
  Operation *op;
  Location loc;
  IndexBuilder index;
  SmallVector<Value> ends; // of the parts of a concatenation

  static bool isProduct(Operation *op) {
    auto structured = dyn_cast<linalg::LinalgOp>(op);
    return structured && linalg::isaContractionOpInterface(structured);
  }

  Value here(OpFoldResult item) { return index.value(item); }
  Value less(Value a, Value b) {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::slt, a,
                                 b);
  }

  void starts(tensor::ConcatOp concat) {
    Value end = index.constant(0);
    for (Value part : concat.getInputs()) {
      end = index.add(end, here(tensor::getMixedSize(rewriter, loc, part,
                                                     concat.getDim())));
      ends.push_back(end);
    }
  }

  SmallVector<OpFoldResult> sizesOf(RankedTensorType type) {
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      SmallVector<OpFoldResult> kept;
      llvm::SmallBitVector dropped = slice.getDroppedDims();
      for (auto [d, size] : llvm::enumerate(slice.getMixedSizes())) {
        if (!dropped.test(d)) {
          kept.push_back(size);
        }
      }
      return kept;
    }
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      return tensor::getMixedSizes(rewriter, loc, insert.getDest());
    }
    auto concat = cast<tensor::ConcatOp>(op);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, concat.getInputs()[0]);
    sizes[concat.getDim()] =
        type.isDynamicDim(concat.getDim())
            ? OpFoldResult(ends.back())
            : rewriter.getIndexAttr(type.getDimSize(concat.getDim()));
    return sizes;
  }

  Value element(ValueRange point) {
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      SmallVector<Value> at;
      llvm::SmallBitVector dropped = slice.getDroppedDims();
      size_t next = 0;
      for (auto [d, offset] : llvm::enumerate(slice.getMixedOffsets())) {
        Value place = here(offset);
        if (!dropped.test(d)) {
          Value step = here(slice.getMixedStrides()[d]);
          place = index.add(place, index.mul(point[next++], step));
        }
        at.push_back(place);
      }
      return tensor::ExtractOp::create(rewriter, loc, slice.getSource(), at);
    }
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      return inserted(insert, point);
    }
    return joined(cast<tensor::ConcatOp>(op), point, 0);
  }

  Value choose(Value condition, llvm::function_ref<Value()> then,
               llvm::function_ref<Value()> otherwise) {
    Type element =
        cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
    auto choice = scf::IfOp::create(rewriter, loc, element, condition,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(rewriter, loc, then());
    rewriter.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(rewriter, loc, otherwise());
    return choice.getResult(0);
  }

  // Parts from number `n` on.
  Value joined(tensor::ConcatOp concat, ValueRange point, size_t n) {
    int64_t dim = concat.getDim();
    auto read = [&]() -> Value {
      SmallVector<Value> at(point);
      if (n > 0) {
        at[dim] = index.sub(at[dim], ends[n - 1]);
      }
      return tensor::ExtractOp::create(rewriter, loc, concat.getInputs()[n],
                                       at);
    };
    if (n + 1 == concat.getInputs().size()) {
      return read();
    }
    return choose(less(point[dim], ends[n]), read,
                  [&] { return joined(concat, point, n + 1); });
  }

  Value inserted(tensor::InsertSliceOp insert, ValueRange point) {
    Value inside;
    SmallVector<Value> at;
    llvm::SmallBitVector dropped = insert.getDroppedDims();
    auto also = [&](Value condition) {
      inside = inside ? arith::AndIOp::create(rewriter, loc, inside, condition)
                            .getResult()
                      : condition;
    };
    Value zero = index.constant(0);
    for (auto [d, place] : llvm::enumerate(point)) {
      Value from = index.sub(place, here(insert.getMixedOffsets()[d]));
      Value step = here(insert.getMixedStrides()[d]);
      Value number = index.div(from, step);
      also(arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::sge, from,
                                 zero));
      also(less(number, here(insert.getMixedSizes()[d])));
      also(arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                 index.mul(number, step), from));
      if (!dropped.test(d)) {
        at.push_back(number);
      }
    }
    auto of = [&](Value tensor, ValueRange indices) {
      return tensor::ExtractOp::create(rewriter, loc, tensor, indices)
          .getResult();
    };
    if (!inside) {
      return of(insert.getSource(), at);
    }
    return choose(
        inside, [&] { return of(insert.getSource(), at); },
        [&] { return of(insert.getDest(), point); });
  }
};

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

// Numbers that the host knows, each at its place.
void rewriteElements(RewriterBase &rewriter, tensor::FromElementsOp op) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes;
  for (int64_t size : op.getType().getShape()) {
    sizes.push_back(rewriter.getIndexAttr(size));
  }
  auto choose = [&](ValueRange point) {
    IndexBuilder index(rewriter, loc);
    Value place = index.constant(0);
    for (auto [at, size] : llvm::zip_equal(point, op.getType().getShape())) {
      place = index.add(index.mul(place, size), at);
    }
    Value chosen = op.getElements().front();
    for (auto [i, element] : llvm::enumerate(op.getElements().drop_front())) {
      Value here =
          arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, place,
                                index.constant(static_cast<int64_t>(i) + 1));
      chosen = arith::SelectOp::create(rewriter, loc, here, element, chosen);
    }
    return SmallVector<Value>{chosen};
  };
  rewriter.replaceOp(
      op, forEachPoint(rewriter, loc, op->getResultTypes(), sizes, choose));
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
      BlockArgument start = op.getMatchingBlockArgument(&init);
      state.push_back(
          start.use_empty()
              ? arith::ConstantOp::create(rewriter, loc,
                                          rewriter.getZeroAttr(start.getType()))
              : read(init, loops));
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
  void getDependentDialects(DialectRegistry &registry) const override {
    LinalgToPointsPassBase::getDependentDialects(registry);
    registry.insert<math::MathDialect>(); // sines
  }

  SmallVector<Operation *>
  collect(llvm::function_ref<bool(Operation *)> isOurs) {
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      // What a tile of attention does is not ours.
      if (isa<scf::ForallOp>(op)) {
        return WalkResult::skip();
      }
      if (isOurs(op)) {
        ops.push_back(op);
      }
      return WalkResult::advance();
    });
    return ops;
  }

  // A launch plan has no loops: those over the layers of a model, whose number
  // is known, are written out.
  LogicalResult unrollLayers() {
    SmallVector<scf::ForOp> loops;
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<scf::ForallOp>(op)) {
        return WalkResult::skip();
      }
      auto loop = dyn_cast<scf::ForOp>(op);
      bool hasTensors = loop && llvm::any_of(loop.getResultTypes(),
                                             llvm::IsaPred<TensorType>);
      if (hasTensors && loop.getStaticTripCount()) {
        loops.push_back(loop);
      }
      return WalkResult::advance();
    });
    // From the inside out.
    for (scf::ForOp loop : llvm::reverse(loops)) {
      if (failed(loopUnrollFull(loop))) {
        return loop.emitOpError("on tensors has no lowering for GPUs");
      }
    }
    return success();
  }

  void runOnOperation() override {
    if (failed(unrollLayers())) {
      return signalPassFailure();
    }
    IRRewriter rewriter(&getContext());
    for (Operation *op : collect(isCacheOp)) {
      if (failed(cacheToPoints(op))) {
        return signalPassFailure();
      }
    }
    for (Operation *op : collect(llvm::IsaPred<LinformerProjectOp>)) {
      projectToProducts(rewriter, cast<LinformerProjectOp>(op));
    }
    // A choice between tables has been made at their elements.
    getOperation()->walk<WalkOrder::PostOrder, ReverseIterator>(
        [](arith::SelectOp op) {
          if (isOpTriviallyDead(op)) {
            op.erase();
          }
        });
    for (Operation *op : collect([](Operation *op) {
           return isa<tensor::GenerateOp, tensor::FromElementsOp,
                      linalg::LinalgOp>(op) ||
                  CopyRewriter::takes(op);
         })) {
      if (auto generate = dyn_cast<tensor::GenerateOp>(op)) {
        rewriteGenerate(rewriter, generate);
        continue;
      }
      if (auto elements = dyn_cast<tensor::FromElementsOp>(op)) {
        rewriteElements(rewriter, elements);
        continue;
      }
      if (CopyRewriter::takes(op)) {
        CopyRewriter(rewriter, op).run();
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
