//===- TilingUtils.h - what the tiling interfaces share -------------------===//

#ifndef ATTN_DIALECTS_ATTN_TILINGUTILS_H
#define ATTN_DIALECTS_ATTN_TILINGUTILS_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace attn {

/// Whether `offset` and `size` are all of dimension `dim` of `tensor`.
bool isWholeDim(mlir::Value tensor, int64_t dim, mlir::OpFoldResult offset,
                mlir::OpFoldResult size);

/// Whether `value` is a multiple of `factor`, as far as constants, loops and
/// affine ops tell.
bool isMultipleOf(mlir::OpFoldResult value, int64_t factor);

/// f(x + offset) - f(x), where the first `moved` of the dimensions of f move,
/// as a map of symbols (the offsets); fails where it depends on x, as it may
/// with floordiv and mod.
mlir::FailureOr<mlir::AffineMap> getShift(mlir::AffineExpr f, unsigned numDims,
                                          unsigned moved);

/// `map` of `offsets` as symbols.
mlir::OpFoldResult applyShift(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::AffineMap map,
                              llvm::ArrayRef<mlir::OpFoldResult> offsets);

/// `a + b`.
mlir::OpFoldResult addOffsets(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::OpFoldResult a, mlir::OpFoldResult b);

/// A slice of `tensor` with unit strides, which is added to `slices`.
mlir::Value makeSlice(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value tensor,
                      llvm::ArrayRef<mlir::OpFoldResult> offsets,
                      llvm::ArrayRef<mlir::OpFoldResult> sizes,
                      llvm::SmallVectorImpl<mlir::Operation *> &slices);

} // namespace attn

#endif // ATTN_DIALECTS_ATTN_TILINGUTILS_H
