//===- ReferenceRows.h - rows of results of the reference -----------------===//
// What the row by row forms share: loops over rows that write a slice of each
// destination, and the last steps of a softmax.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCEROWS_H
#define ATTN_PASSES_GRAPH_REFERENCEROWS_H

#include "ReferenceForm.h"

namespace attn::reference {

mlir::Value zeroIndex(mlir::ImplicitLocOpBuilder &b);

/// lhs * rhs + addend in an order that LLVM may choose.
mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                        mlir::Value rhs, mlir::Value addend);

mlir::Value empty(mlir::ImplicitLocOpBuilder &b,
                  llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type type);

/// A tensor filled with zeros of `elements` elements.
mlir::Value zeros(mlir::ImplicitLocOpBuilder &b, mlir::OpFoldResult elements,
                  mlir::Type type);

/// The slice of `destination` at `offsets` with `sizes`, its unit dimensions
/// dropped but `kept`, as what a row writes to.
struct RowSlice {
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
  mlir::Value tensor;

  RowSlice(mlir::ImplicitLocOpBuilder &b, mlir::Value destination,
           llvm::ArrayRef<mlir::OpFoldResult> offsets,
           llvm::ArrayRef<mlir::OpFoldResult> sizes,
           std::optional<unsigned> kept);
  void insert(mlir::ImplicitLocOpBuilder &b, mlir::Value result,
              mlir::Value destination);
};

/// An scf.forall over `sizes` that writes a slice a point of each destination.
llvm::SmallVector<mlir::Value> forall(
    mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> sizes,
    mlir::ValueRange destinations,
    llvm::function_ref<void(mlir::ValueRange ivs, mlir::ValueRange destinations,
                            llvm::SmallVectorImpl<RowSlice> &slices,
                            llvm::SmallVector<mlir::Value> &results)>
        body);

/// Writes `acc[e] * factor` for each element, or 0 where the row has no weight.
mlir::Value writeRow(mlir::ImplicitLocOpBuilder &b, mlir::Value acc,
                     mlir::Value factor, mlir::Value none,
                     mlir::Value destination);

/// total -> whether it is 0, 1/total and max + ln total (-inf where it is 0).
struct Normaliser {
  mlir::Value none, factor, lse;
  Normaliser(mlir::ImplicitLocOpBuilder &b, mlir::Value total, mlir::Value max);
};

/// Attention row by row: a row of scores is all that is held.
llvm::SmallVector<mlir::Value>
buildStreamedAttention(mlir::ImplicitLocOpBuilder &b, const ReferenceForm &form,
                       mlir::ValueRange destinations);

llvm::SmallVector<mlir::Value>
buildMerge(mlir::ImplicitLocOpBuilder &b, MergeStatesOp op,
           mlir::FloatType type,
           llvm::function_ref<mlir::Value(mlir::Value)> source,
           mlir::ValueRange destinations);

} // namespace attn::reference

#endif // ATTN_PASSES_GRAPH_REFERENCEROWS_H
