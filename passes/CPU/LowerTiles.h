//===- LowerTiles.h - the lowerings of the tile ops to vectors ------------===//

#ifndef ATTN_PASSES_CPU_LOWERTILES_H
#define ATTN_PASSES_CPU_LOWERTILES_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/TargetDescription.h"

namespace attn {

/// Each rewrites one op on memrefs at its place and erases it, or reports on it
/// why it cannot.
mlir::LogicalResult lowerOnlineLanes(OnlineAttentionOp op,
                                     const TargetDescription &target);
mlir::LogicalResult lowerOnlineRows(OnlineAttentionOp op,
                                    const TargetDescription &target);
mlir::LogicalResult lowerPackRows(PackRowsOp op,
                                  const TargetDescription &target);
mlir::LogicalResult lowerFinalizeState(FinalizeStateOp op,
                                       const TargetDescription &target);
mlir::LogicalResult lowerMergeStates(MergeStatesOp op,
                                     const TargetDescription &target);

class LaneBuilder;

/// The pairs that a vector of scores stands for: each an index where all lanes
/// agree, or a vector of index. `firstQuery` is given where the queries of the
/// lanes follow each other.
struct ScorePoint {
  mlir::Value batch, head, query, key;
  mlir::Value firstQuery;
};

/// The dot products `sum` of these pairs scaled, through the score region, and
/// -inf where the mask hides them.
mlir::Value scorePairs(LaneBuilder &lb, OnlineAttentionOp op, mlir::Value sum,
                       const ScorePoint &point);

/// Memory of `shape` for the lowering of `op`, allocated outside of its loops
/// (in the enclosing parallel tile, or the function).
mlir::Value scratch(LaneBuilder &lb, mlir::Operation *op,
                    llvm::ArrayRef<int64_t> shape);

} // namespace attn

#endif // ATTN_PASSES_CPU_LOWERTILES_H
