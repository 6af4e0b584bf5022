//===- PageRows.h - rows of keys that lie on pages ------------------------===//
// A tile of keys may lie on many pages, so each row has an address of its own.
// A step before their use, each thread reads the page of a row from the table
// and puts the offsets of the row in K and V into shared memory.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_PAGEROWS_H
#define ATTN_PASSES_NVGPU_PAGEROWS_H

#include "TileProgram.h"

namespace attn {

class PageRows {
public:
  PageRows(WarpBuilder &warp, TileProgram &program, TensorViews &views)
      : warp(warp), program(program), views(views) {}
  /// Finds the table, with the values of `mapping`.
  mlir::LogicalResult prepare(const mlir::IRMapping &mapping = {});

  /// The page (i32) of `key` (i32) of the sequence. It is read where `inside`
  /// holds, and 0 elsewhere.
  mlir::Value read(mlir::Value key, mlir::Value inside);
  /// What the scalars of the body are for the one key `key` that is on page
  /// `page` (both i32).
  mlir::IRMapping at(mlir::Value key, mlir::Value page);
  /// `tensor` (K or V of the tile) for the one key `key` that is on page `page`
  /// (both i32).
  mlir::FailureOr<TensorView> row(mlir::Value tensor, mlir::Value key,
                                  mlir::Value page);

  /// A table in shared memory, of a row for each key of a tile.
  struct Place {
    mlir::Value thread; // of `threads`
    int64_t threads = 0, keys = 0;
    int64_t start = 0; // bytes, beyond those of a stage
  };
  /// Offsets in K and V of the rows of a thread.
  using Offsets = llvm::SmallVector<std::array<mlir::Value, 2>>;
  mlir::FailureOr<Offsets> fetch(const KeyCursor::Tile &tile,
                                 const Place &place);
  /// Puts them into the table of `stage` (bytes, i32); others see them behind
  /// the next barrier.
  void keep(const Offsets &offsets, mlir::Value stage, const Place &place);
  /// The offset (index) of row `row` (i32) in K, or in V.
  mlir::Value kept(mlir::Value row, bool ofValues, mlir::Value stage,
                   const Place &place);

private:
  WarpBuilder &warp;
  TileProgram &program;
  TensorViews &views;
  TensorView table;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_PAGEROWS_H
