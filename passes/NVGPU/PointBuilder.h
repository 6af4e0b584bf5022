//===- PointBuilder.h - code of kernels, point by point -------------------===//

#ifndef ATTN_PASSES_NVGPU_POINTBUILDER_H
#define ATTN_PASSES_NVGPU_POINTBUILDER_H

#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

class PointBuilder {
public:
  PointBuilder(mlir::Operation *op)
      : rewriter(op), b(op->getLoc(), rewriter), index(b, op->getLoc()) {}

  mlir::IRRewriter rewriter;
  mlir::ImplicitLocOpBuilder b;
  IndexBuilder index;

  llvm::SmallVector<mlir::OpFoldResult> sizesOf(mlir::Value tensor) {
    return mlir::tensor::getMixedSizes(b, b.getLoc(), tensor);
  }
  mlir::Value sizeOf(mlir::Value tensor, int64_t d) {
    return index.value(mlir::tensor::getMixedSize(b, b.getLoc(), tensor, d));
  }
  mlir::Value read(mlir::Value tensor, mlir::ValueRange at) {
    return mlir::tensor::ExtractOp::create(b, tensor, at);
  }
  mlir::Value readIndex(mlir::Value tensor, mlir::ValueRange at) {
    return mlir::arith::IndexCastOp::create(b, b.getIndexType(),
                                            read(tensor, at));
  }
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::slt, x,
                                       y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, condition, x, y);
  }
  mlir::Value convert(mlir::Value x, mlir::Type to) {
    if (x.getType() == to) { // codes, too
      return x;
    }
    auto from = mlir::cast<mlir::FloatType>(x.getType()),
         target = mlir::cast<mlir::FloatType>(to);
    if (from.getWidth() < target.getWidth()) {
      return mlir::arith::ExtFOp::create(b, target, x);
    }
    if (from.getWidth() > target.getWidth()) {
      return mlir::arith::TruncFOp::create(b, target, x);
    }
    return convert(convert(x, b.getF32Type()), to);
  }

  /// Where a point writes: a slice of the destination.
  struct Place {
    llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
  };
  /// A forall over `grid` that writes a slice of `init` at each point: `place`
  /// says which, and `body` makes it from what it was.
  mlir::Value
  forEach(llvm::ArrayRef<mlir::OpFoldResult> grid, mlir::Value init,
          llvm::function_ref<Place(mlir::ValueRange)> place,
          llvm::function_ref<mlir::Value(mlir::ValueRange, mlir::Value)> body) {
    auto forall = mlir::scf::ForallOp::create(b, grid, mlir::ValueRange{init},
                                              std::nullopt);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(forall.getTerminator());
    llvm::SmallVector<mlir::Value> point = forall.getInductionVars();
    Place at = place(point);
    mlir::Value whole = forall.getRegionOutArgs()[0];
    mlir::Value slice = mlir::tensor::ExtractSliceOp::create(
        b, whole, at.offsets, at.sizes, at.strides);
    mlir::Value made = body(point, slice);
    b.setInsertionPointToEnd(forall.getTerminator().getBody());
    mlir::tensor::ParallelInsertSliceOp::create(b, made, whole, at.offsets,
                                                at.sizes, at.strides);
    return forall.getResult(0);
  }

  /// One element of `init` a point.
  mlir::Value
  forEachElement(mlir::Value init,
                 llvm::function_ref<mlir::Value(mlir::ValueRange)> body) {
    llvm::SmallVector<mlir::OpFoldResult> sizes = sizesOf(init);
    llvm::SmallVector<mlir::OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
    llvm::SmallVector<mlir::Value> start(sizes.size(), index.constant(0));
    return forEach(
        sizes, init,
        [&](mlir::ValueRange point) {
          return Place{mlir::getAsOpFoldResult(point), ones, ones};
        },
        [&](mlir::ValueRange point, mlir::Value slice) -> mlir::Value {
          return mlir::tensor::InsertOp::create(b, body(point), slice, start);
        });
  }

  mlir::Value
  loop(mlir::Value count, mlir::Value init,
       llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body) {
    auto loop = mlir::scf::ForOp::create(
        b, index.constant(0), count, index.constant(1), mlir::ValueRange{init});
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    mlir::Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
    mlir::scf::YieldOp::create(b, next);
    return loop.getResult(0);
  }
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_POINTBUILDER_H
