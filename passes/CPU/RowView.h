//===- RowView.h - tiles of query rows in memory --------------------------===//

#ifndef ATTN_PASSES_CPU_ROWVIEW_H
#define ATTN_PASSES_CPU_ROWVIEW_H

#include "LaneBuilder.h"

namespace attn {

/// A memref of rows, G x M x size in the order of `map`, addressed by row.
class RowView {
public:
  RowView(LaneBuilder &lb, mlir::Value memref, mlir::AffineMap map);

  mlir::Value get() const { return memref; }
  mlir::Value heads() const { return sizes[0]; }
  mlir::Value queries() const { return sizes[1]; }
  mlir::Value rowSize() const { return sizes[2]; }
  /// The elements of a row lie side by side.
  bool isContiguous() const { return contiguous; }

  llvm::SmallVector<mlir::Value> at(mlir::Value head, mlir::Value query,
                                    mlir::Value element) const;

private:
  mlir::Value memref;
  unsigned position[3];
  mlir::Value sizes[3];
  bool contiguous;
};

/// [0, size) cut in whole vectors and a rest.
struct VectorBlocks {
  mlir::Value whole; // end of the last whole vector; 0 without `vectors`
  mlir::Value size;
  bool rest; // there may be one

  /// A vector has `unit` elements a lane.
  VectorBlocks(LaneBuilder &lb, mlir::Value size, bool vectors,
               int64_t unit = 1);
};

} // namespace attn

#endif // ATTN_PASSES_CPU_ROWVIEW_H
