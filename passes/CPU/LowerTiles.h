//===- LowerTiles.h - the lowerings of the tile ops to vectors
//--------------===//

#ifndef ATTN_PASSES_CPU_LOWERTILES_H
#define ATTN_PASSES_CPU_LOWERTILES_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/TargetDescription.h"

namespace attn {

/// Each rewrites one op on memrefs at its place and erases it, or reports on it
/// why it cannot.
mlir::LogicalResult lowerOnlineAttention(OnlineAttentionOp op,
                                         const TargetDescription &target);
mlir::LogicalResult lowerPackRows(PackRowsOp op,
                                  const TargetDescription &target);
mlir::LogicalResult lowerFinalizeState(FinalizeStateOp op,
                                       const TargetDescription &target);
mlir::LogicalResult lowerMergeStates(MergeStatesOp op,
                                     const TargetDescription &target);

class LaneBuilder;

/// What a score region is evaluated on: one key against `lanes` rows.
struct ScorePoint {
  mlir::Value batch, key;  // index
  mlir::Value head, query; // index, or a vector of index
};

/// The score region of `op` on the vector `x`.
mlir::Value vectorizeScore(LaneBuilder &lb, OnlineAttentionOp op, mlir::Value x,
                           const ScorePoint &point);

/// Memory of `shape` for the lowering of `op`, allocated outside of its loops
/// (in the enclosing parallel tile, or the function).
mlir::Value scratch(LaneBuilder &lb, mlir::Operation *op,
                    llvm::ArrayRef<int64_t> shape);

} // namespace attn

#endif // ATTN_PASSES_CPU_LOWERTILES_H
