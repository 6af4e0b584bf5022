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

  /// What follows from the number of a row of the tile.
  struct Row {
    mlir::Value position;    // i32
    mlir::Value head, query; // index, for score regions
  };
  /// Of row `first` (i32) + `offset`.
  Row row(mlir::Value first, int64_t offset);

  /// The score in the unit of the program, of the product `x` of a row with the
  /// key at `position` (i32).
  mlir::Value score(mlir::Value x, const Row &row, mlir::Value position);
  /// Whether the mask shows the pair (i1), and `column` is in front of `size`.
  mlir::Value visible(const Row &row, mlir::Value position, mlir::Value column,
                      mlir::Value size);

private:
  mlir::Value captured(const TensorView &view, mlir::Attribute map,
                       const Row &row, mlir::Value position);
  llvm::SmallVector<mlir::Value> point(const Row &row, mlir::Value position);
  mlir::Value inSet(const Row &row, mlir::Value position);

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
