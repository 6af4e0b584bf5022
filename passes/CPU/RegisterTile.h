//===- RegisterTile.h - products of matrices in registers -----------------===//
// What the lowerings of recurrences and projections share: tiles of rows by
// vectors of accumulators, and rows whose last vector is not full.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_CPU_REGISTERTILE_H
#define ATTN_PASSES_CPU_REGISTERTILE_H

#include "LaneBuilder.h"

#include <algorithm>

namespace attn {

/// Accumulators that fit in registers beside their operands.
constexpr int64_t kTileAccumulators = 24, kTileRows = 12;

/// Rows of a tile of `vectors`, of as many rows as the most in a chunk: the
/// largest number that divides them, since what is left over goes row by row.
inline int64_t tileRows(int64_t rows, int64_t vectors) {
  int64_t most = std::min(kTileAccumulators / vectors, kTileRows);
  for (int64_t size = most; 2 * size > most; --size) {
    if (rows % size == 0) {
      return size;
    }
  }
  return most;
}

/// `inits`, accumulators of `rows` x `vectors`, plus the products over
/// [0, depth) of `left(row, d)`, one element in all lanes, and
/// `right(d, vector)`.
llvm::SmallVector<mlir::Value>
tileProducts(LaneBuilder &lb, int64_t rows, int64_t vectors, mlir::Value depth,
             mlir::ValueRange inits,
             llvm::function_ref<mlir::Value(int64_t, mlir::Value)> left,
             llvm::function_ref<mlir::Value(mlir::Value, int64_t)> right);

/// Vector `n` of the `size` elements of a row; lanes behind the last one are 0.
mlir::Value loadRowVector(LaneBuilder &lb, mlir::Value memref,
                          llvm::SmallVector<mlir::Value> row, int64_t n,
                          int64_t size);
void storeRowVector(LaneBuilder &lb, mlir::Value value, mlir::Value memref,
                    llvm::SmallVector<mlir::Value> row, int64_t n,
                    int64_t size);

} // namespace attn

#endif // ATTN_PASSES_CPU_REGISTERTILE_H
