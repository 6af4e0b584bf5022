//===- SharedTile.h - rows of 16-bit units in shared memory ---------------===//
// Eight rows of 16 bytes, which ldmatrix reads at once, are in eight different
// groups of banks: rows of a multiple of 128 bytes have their chunks of 16
// bytes permuted by the row (xor), others have a padding chunk.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PASSES_NVGPU_SHAREDTILE_H
#define ATTN_PASSES_NVGPU_SHAREDTILE_H

#include "TensorView.h"
#include "WarpBuilder.h"

#include <functional>

namespace attn {

struct SharedTile {
  int64_t start = 0; // bytes, of the first stage
  int64_t rows = 0, columns = 0;
  int64_t rowBytes = 0;

  static SharedTile make(int64_t start, int64_t rows, int64_t columns);
  int64_t bytes() const { return rows * rowBytes; }
  int64_t chunks() const { return columns / 8; }
  bool permuted() const { return chunks() % 8 == 0; }
};

/// Lane addresses for ldmatrix of a block of 16 rows and 2 chunks: a row and a
/// chunk for each lane. Other chunks of a permuted row differ in bits that an
/// xor flips, so that one address is all that lives on.
class MatrixAddress {
public:
  /// With `keysFirst` the lanes are in the order of a B operand that is stored
  /// with its contraction along the row (K); else in that of A, or of a
  /// transposed B (V). `base` is a byte offset that the thread knows early.
  MatrixAddress(WarpBuilder &warp, const SharedTile &tile, mlir::Value lane,
                bool keysFirst, mlir::Value base);
  /// The address of a lane's own row: chunk `chunk` of row `row` (both i32),
  /// and `bytes` in it. The row may be named up to a multiple of 8.
  MatrixAddress(WarpBuilder &warp, const SharedTile &tile, mlir::Value row,
                mlir::Value chunk, mlir::Value bytes);
  /// Moves all of it by `bytes` (a stage), as new values.
  MatrixAddress moved(mlir::Value bytes) const;
  /// The address of the block at (row, chunk), both constants: a multiple of
  /// 8 rows, and of 2 chunks. Of a lane's own row, also the next one where its
  /// number is even.
  mlir::Value at(int64_t row, int64_t chunk) const;

private:
  WarpBuilder *warp;
  SharedTile tile;
  mlir::Value first; // of chunk 0, a multiple of 128 bytes but for its chunk
};

/// Copies rows of `columns` valid elements (of the view: of 16 bits, of 32
/// in tf32, or bytes with codes) into a tile with `threads` threads.
struct TileCopy {
  SharedTile tile;
  int64_t columns = 0; // valid ones; the rest becomes 0
  int64_t threads = 0;
  int64_t alignment = 16;     // of rows in device memory, in bytes
  bool contiguous = true;     // elements of a row
  mlir::Value rowStride = {}; // elements between rows; null: not all the same

  /// Starts the copy. `rowOffset(row)` is the element index of a row (i32) as
  /// index; rows from `valid` on become 0, and are not read. `columnStride` is
  /// used where elements of a row are apart. Narrow copies are no cp.async:
  /// then the data is there after the next barrier as well.
  void emit(WarpBuilder &warp, mlir::Value thread, mlir::Value stage,
            const TensorView &view,
            llvm::function_ref<mlir::Value(mlir::Value)> rowOffset,
            mlir::Value valid, mlir::Value columnStride,
            mlir::Value validColumns = {}) const;
};

} // namespace attn

#endif // ATTN_PASSES_NVGPU_SHAREDTILE_H
