//===- TilingUtils.cpp - what the tiling interfaces share -----------------===//

#include "TilingUtils.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;

namespace attn {

bool isWholeDim(Value tensor, int64_t dim, OpFoldResult offset,
                OpFoldResult size) {
  if (!isConstantIntValue(offset, 0)) {
    return false;
  }
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dim)) {
    return isConstantIntValue(size, type.getDimSize(dim));
  }
  auto value = dyn_cast<Value>(size);
  auto op = value ? value.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
  return op && op.getSource() == tensor && op.getConstantIndex() == dim;
}

static bool isMultipleOf(AffineMap map, ValueRange operands, int64_t factor) {
  // A dimension that is a multiple is written as one, and affine arithmetic
  // decides the rest.
  SmallVector<AffineExpr> dims, symbols;
  for (auto [n, operand] : llvm::enumerate(operands)) {
    bool isDim = n < map.getNumDims();
    AffineExpr expr =
        isDim ? getAffineDimExpr(n, map.getContext())
              : getAffineSymbolExpr(n - map.getNumDims(), map.getContext());
    if (isMultipleOf(OpFoldResult(operand), factor)) {
      expr = expr * factor;
    }
    (isDim ? dims : symbols).push_back(expr);
  }
  return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
    return expr.replaceDimsAndSymbols(dims, symbols).isMultipleOf(factor);
  });
}

bool isMultipleOf(OpFoldResult value, int64_t factor) {
  if (factor == 1) {
    return true;
  }
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    return *constant % factor == 0;
  }
  auto dynamic = dyn_cast<Value>(value);
  if (auto argument = dyn_cast<BlockArgument>(dynamic)) {
    // An induction variable is lower bound + n * step.
    auto loop = dyn_cast_or_null<LoopLikeOpInterface>(
        argument.getOwner()->getParentOp());
    auto ivs = loop ? loop.getLoopInductionVars() : std::nullopt;
    auto lower = loop ? loop.getLoopLowerBounds() : std::nullopt;
    auto steps = loop ? loop.getLoopSteps() : std::nullopt;
    if (!ivs || !lower || !steps) {
      return false;
    }
    for (auto [iv, start, step] : llvm::zip_equal(*ivs, *lower, *steps)) {
      if (iv == dynamic) {
        return isMultipleOf(start, factor) && isMultipleOf(step, factor);
      }
    }
    return false;
  }
  Operation *op = dynamic.getDefiningOp();
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    return isMultipleOf(apply.getAffineMap(), apply.getOperands(), factor);
  }
  if (auto min = dyn_cast<affine::AffineMinOp>(op)) {
    return isMultipleOf(min.getMap(), min.getOperands(), factor);
  }
  if (auto product = dyn_cast<arith::MulIOp>(op)) {
    return isMultipleOf(OpFoldResult(product.getLhs()), factor) ||
           isMultipleOf(OpFoldResult(product.getRhs()), factor);
  }
  return false;
}

FailureOr<AffineMap> getShift(AffineExpr f, unsigned numDims, unsigned moved) {
  MLIRContext *context = f.getContext();
  SmallVector<AffineExpr> shifted;
  for (unsigned d = 0; d < numDims; ++d) {
    AffineExpr dim = getAffineDimExpr(d, context);
    shifted.push_back(d < moved ? dim + getAffineSymbolExpr(d, context) : dim);
  }
  AffineExpr difference = simplifyAffineExpr(
      f.replaceDimsAndSymbols(shifted, {}) - f, numDims, moved);
  AffineMap map = AffineMap::get(numDims, moved, difference);
  for (unsigned d = 0; d < numDims; ++d) {
    if (map.isFunctionOfDim(d)) {
      return failure();
    }
  }
  return AffineMap::get(0, moved, difference);
}

OpFoldResult applyShift(OpBuilder &builder, Location loc, AffineMap map,
                        ArrayRef<OpFoldResult> offsets) {
  return affine::makeComposedFoldedAffineApply(builder, loc, map, offsets);
}

OpFoldResult addOffsets(OpBuilder &builder, Location loc, OpFoldResult a,
                        OpFoldResult b) {
  AffineExpr x = builder.getAffineSymbolExpr(0);
  AffineExpr y = builder.getAffineSymbolExpr(1);
  return affine::makeComposedFoldedAffineApply(builder, loc, x + y, {a, b});
}

Value makeSlice(OpBuilder &builder, Location loc, Value tensor,
                ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                SmallVectorImpl<Operation *> &slices) {
  SmallVector<OpFoldResult> strides(offsets.size(), builder.getIndexAttr(1));
  auto slice = tensor::ExtractSliceOp::create(builder, loc, tensor, offsets,
                                              sizes, strides);
  slices.push_back(slice);
  return slice;
}

} // namespace attn
