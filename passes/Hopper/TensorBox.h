//===- TensorBox.h - tiles of buffers for the copy engine -----------------===//

#ifndef ATTN_PASSES_HOPPER_TENSORBOX_H
#define ATTN_PASSES_HOPPER_TENSORBOX_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"

namespace attn {

/// Rows and columns of an argument of a kernel, and where they start in it.
struct TensorBox {
  mlir::BlockArgument buffer;
  mlir::Value whole; // the tensor that wraps it
  /// A number of steps along a dimension.
  struct Part {
    mlir::OpFoldResult count; // index
    int64_t step = 1;
    bool operator==(const Part &other) const {
      return count == other.count && step == other.step;
    }
  };
  /// For each dimension of the buffer what its position is the sum of.
  llvm::SmallVector<llvm::SmallVector<Part>> at;
  unsigned rowDim = 0, columnDim = 0;
  int64_t rowStep = 1; // rows lie so far apart along their dimension

  /// The box of a tensor that is a view of a kernel argument, whose dimensions
  /// `rows` and `columns` are those of the tile; the others have size 1.
  /// Nothing where the copy engine cannot have it: rows must be contiguous, 16
  /// bytes or a multiple apart, and each n-th, up to 8, in one of at most 5
  /// dimensions.
  static std::optional<TensorBox> of(mlir::Value tensor, unsigned rows,
                                     unsigned columns);

  /// Dimensions of the buffer, innermost first: columns, rows, the others.
  llvm::SmallVector<int64_t> order() const;
  /// Rows of one copy, of which `rows` are several.
  int64_t copiedRows(int64_t rows) const;
  /// The box of one copy of `rows` rows of a panel of columns.
  llvm::SmallVector<int64_t> box(int64_t rows, int64_t panelBytes) const;
  /// The steps of it, in `order`; empty where all are 1.
  llvm::SmallVector<int64_t> steps() const;
  /// The first element (i32), in `order`, with the values of `mapping`.
  llvm::SmallVector<mlir::Value> start(mlir::OpBuilder &builder,
                                       mlir::Location loc,
                                       const mlir::IRMapping &mapping) const;
};

} // namespace attn

#endif // ATTN_PASSES_HOPPER_TENSORBOX_H
