//===- ScoreFragments.h - score regions and masks on registers ------------===//

#ifndef ATTN_PASSES_NVGPU_SCOREFRAGMENTS_H
#define ATTN_PASSES_NVGPU_SCOREFRAGMENTS_H

#include "TileProgram.h"

namespace attn {

/// What the scores of a tile become between the two products, a score at a
/// time.
class ScoreFragments {
public:
  /// `type` is that of the scores. Captured tensors are read through `views`.
  ScoreFragments(WarpBuilder &warp, TileProgram &program, const TileRows &rows,
                 TensorViews &views, mlir::FloatType type);
  mlir::LogicalResult prepare();

  /// A row of the tile: its number, and what follows from it.
  struct Row {
    mlir::Value number, position; // i32
    mlir::Value head, query;      // index, for score regions
  };
  Row row(mlir::Value number);

  /// The score in the unit of the program, of the product `x` of a row with the
  /// key at `position` (i32).
  mlir::Value score(mlir::Value x, const Row &row, mlir::Value position);
  /// `score`, or -inf where the mask hides the pair or `column` is past `size`.
  mlir::Value masked(mlir::Value score, const Row &row, mlir::Value position,
                     mlir::Value column, mlir::Value size);

private:
  mlir::Value captured(const TensorView &view, mlir::Attribute map,
                       mlir::ValueRange point);
  llvm::SmallVector<mlir::Value> point(const Row &row, mlir::Value position);
  mlir::Value visible(const Row &row, mlir::Value position);

  WarpBuilder &warp;
  TileProgram &program;
  TileRows rows;
  TensorViews &views;
  mlir::FloatType type;
  llvm::SmallVector<TensorView> capturedViews, maskViews;
  std::unique_ptr<mlir::Block> mask; // on index, of (b, h, q, k)
  mlir::Value maskResult;
  bool narrow = true;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_SCOREFRAGMENTS_H
