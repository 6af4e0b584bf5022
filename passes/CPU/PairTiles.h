//===- PairTiles.h - the pairs of tokens of a chunk -------------*- C++ -*-===//

#ifndef ATTN_PASSES_CPU_PAIRTILES_H
#define ATTN_PASSES_CPU_PAIRTILES_H

#include "RegisterTile.h"

namespace attn {

/// Rows [0, count) of `from`, at most `tokens` of them, as a matrix in the type
/// of the arithmetic whose rows are close to each other: `from` itself where it
/// is one, else a copy.
mlir::Value stagedRows(LaneBuilder &lb, mlir::Operation *op, mlir::Value from,
                       mlir::Value count, int64_t tokens);
/// The copy, with zeros up to whole vectors.
mlir::Value copiedRows(LaneBuilder &lb, mlir::Operation *op, mlir::Value from,
                       mlir::Value count, int64_t tokens);
/// The transpose of [0, count) rows of `size` elements: vectors of rows.
void transposeRows(LaneBuilder &lb, mlir::Value rows, mlir::Value count,
                   int64_t size, mlir::Value to);

/// Register tiles that cover the pairs (t, s) with s <= t < count of a chunk of
/// at most `tokens`: `sums` gives the elements of rows [row, row + rows) and
/// vectors [first, first + vectors) of s, row by row, and `use` takes each. A
/// tile has some pairs above the diagonal too.
void eachPairTile(
    LaneBuilder &lb, mlir::Value count, int64_t tokens,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(
        int64_t rows, int64_t vectors, mlir::Value row, int64_t first)>
        sums,
    llvm::function_ref<void(mlir::Value x, mlir::Value t, int64_t vector)> use);

/// Such sums of products of rows of `q` and columns of `keysT`, over `keys`.
llvm::SmallVector<mlir::Value> pairSums(LaneBuilder &lb, mlir::Value q,
                                        mlir::Value keysT, int64_t keys,
                                        int64_t rows, int64_t vectors,
                                        mlir::Value row, int64_t first);

} // namespace attn

#endif // ATTN_PASSES_CPU_PAIRTILES_H
