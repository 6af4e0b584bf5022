//===- PointTile.cpp - scalar code, a thread a point
//-----------------------===//
// Tensors that loops carry are one buffer, written in place: every insertion is
// into a slice of the point, and the value before it is not used again.
//===----------------------------------------------------------------------===//

#include "PointTile.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

namespace {

bool isShaped(Type type) { return isa<TensorType, MemRefType>(type); }

class PointTile {
public:
  PointTile(WarpBuilder &warp, TensorViews &views) : warp(warp), views(views) {}

  LogicalResult emit(Block &block) {
    if (failed(lower(block))) {
      return failure();
    }
    for (Operation *op : dead) {
      op->dropAllReferences();
    }
    for (Operation *op : dead) {
      op->dropAllUses();
      op->erase();
    }
    unroll(block);
    return success();
  }

private:
  WarpBuilder &warp;
  TensorViews &views;
  SmallVector<Operation *> dead;

  // Whether the kernel may write to the buffer of `tensor`.
  static bool isWritten(Value tensor) {
    while (auto slice = tensor.getDefiningOp<tensor::ExtractSliceOp>()) {
      tensor = slice.getSource();
    }
    auto wrap = tensor.getDefiningOp<bufferization::ToTensorOp>();
    return !wrap || wrap.getWritable();
  }

  // Indices are 64 bits in memory.
  Type stored(Type element) {
    return element.isIndex() ? Type(warp.builder.getI64Type()) : element;
  }
  Value address(const TensorView &view, ValueRange indices) {
    return warp.globalAddress(view.pointer,
                              view.at(warp.builder, warp.loc, indices),
                              stored(view.element));
  }
  Value cast(Value value, Type type) {
    if (value.getType() == type) {
      return value;
    }
    if (isa<FloatType>(value.getType()) || isa<FloatType>(type)) {
      return arith::BitcastOp::create(warp.builder, warp.loc, type, value);
    }
    return arith::IndexCastOp::create(warp.builder, warp.loc, type, value);
  }

  // Loops read many elements, and one at a time each would wait for the one
  // before it.
  static void unroll(Block &block) {
    constexpr int64_t kFactor = 8;
    SmallVector<scf::ForOp> innermost;
    block.walk([&](scf::ForOp loop) {
      if (llvm::all_of(*loop.getBody(),
                       [](Operation &op) { return op.getNumRegions() == 0; })) {
        innermost.push_back(loop);
      }
    });
    for (scf::ForOp loop : innermost) {
      (void)loopUnrollByFactor(loop, kFactor);
    }
  }

  LogicalResult lower(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (failed(lower(op))) {
        return failure();
      }
    }
    return success();
  }

  LogicalResult lower(Operation &op) {
    IRMapping none;
    warp.builder.setInsertionPoint(&op);
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      FailureOr<TensorView> view = views.get(extract.getTensor(), none);
      if (failed(view)) {
        return failure();
      }
      Value value = warp.load(stored(view->element),
                              address(*view, extract.getIndices()), 0,
                              /*invariant=*/!isWritten(extract.getTensor()));
      extract.replaceAllUsesWith(cast(value, extract.getType()));
      dead.push_back(&op);
      return success();
    }
    if (auto insert = dyn_cast<tensor::InsertOp>(op)) {
      FailureOr<TensorView> view = views.get(insert.getDest(), none);
      if (failed(view)) {
        return failure();
      }
      warp.store(cast(insert.getScalar(), stored(view->element)),
                 address(*view, insert.getIndices()));
      views.add(insert.getResult(), *view);
      dead.push_back(&op);
      return success();
    }
    if (isa<tensor::DimOp, memref::DimOp>(op)) {
      FailureOr<TensorView> view = views.get(op.getOperand(0), none);
      std::optional<int64_t> index = getConstantIntValue(op.getOperand(1));
      if (failed(view) || !index) {
        return op.emitOpError("has no lowering for GPUs");
      }
      op.getResult(0).replaceAllUsesWith(view->dims[*index].size);
      dead.push_back(&op);
      return success();
    }
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      return lowerLoop(loop);
    }
    if (isa<memref::SubViewOp, bufferization::MaterializeInDestinationOp,
            bufferization::ToTensorOp, tensor::ExtractSliceOp>(op)) {
      dead.push_back(&op);
      return success();
    }
    if (llvm::any_of(op.getResultTypes(), isShaped) ||
        (llvm::any_of(op.getOperandTypes(), isShaped) &&
         !isa<scf::YieldOp>(op))) {
      return op.emitOpError("in scalar code has no lowering for GPUs");
    }
    for (Region &region : op.getRegions()) {
      for (Block &inner : region) {
        if (failed(lower(inner))) {
          return failure();
        }
      }
    }
    return success();
  }

  // The loop without the tensors that it carries.
  LogicalResult lowerLoop(scf::ForOp loop) {
    IRMapping none;
    SmallVector<Value> inits, results, yielded;
    SmallVector<BlockArgument> arguments;
    for (auto [number, init] : llvm::enumerate(loop.getInitArgs())) {
      if (!isShaped(init.getType())) {
        inits.push_back(init);
        arguments.push_back(loop.getRegionIterArg(number));
        results.push_back(loop.getResult(number));
        yielded.push_back(loop.getYieldedValues()[number]);
        continue;
      }
      FailureOr<TensorView> view = views.get(init, none);
      if (failed(view)) {
        return failure();
      }
      views.add(loop.getRegionIterArg(number), *view);
      views.add(loop.getResult(number), *view);
    }
    if (failed(lower(*loop.getBody()))) {
      return failure();
    }
    if (inits.size() == loop.getInitArgs().size()) {
      return success();
    }
    // Reads were replaced in the body, and so in what it yields.
    yielded.clear();
    for (Value value : loop.getYieldedValues()) {
      if (!isShaped(value.getType())) {
        yielded.push_back(value);
      }
    }
    warp.builder.setInsertionPoint(loop);
    auto made =
        scf::ForOp::create(warp.builder, loop.getLoc(), loop.getLowerBound(),
                           loop.getUpperBound(), loop.getStep(), inits);
    loop.getInductionVar().replaceAllUsesWith(made.getInductionVar());
    for (auto [argument, fresh] :
         llvm::zip_equal(arguments, made.getRegionIterArgs())) {
      argument.replaceAllUsesWith(fresh);
    }
    for (auto [result, fresh] : llvm::zip_equal(results, made.getResults())) {
      result.replaceAllUsesWith(fresh);
    }
    Block *body = made.getBody();
    if (!body->empty()) {
      body->getTerminator()->erase(); // of a loop that carries nothing else
    }
    Operation *yield = loop.getBody()->getTerminator();
    body->getOperations().splice(body->begin(),
                                 loop.getBody()->getOperations());
    yield->setOperands(yielded);
    dead.push_back(loop);
    return success();
  }
};

} // namespace

LogicalResult emitPointTile(WarpBuilder &warp, Block &block,
                            TensorViews &views) {
  return PointTile(warp, views).emit(block);
}

} // namespace attn
