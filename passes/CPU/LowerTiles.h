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
mlir::LogicalResult lowerKVAppend(KVAppendOp op,
                                  const TargetDescription &target);
mlir::LogicalResult lowerKVGather(KVGatherOp op,
                                  const TargetDescription &target);
mlir::LogicalResult lowerKVScore(KVScoreOp op, const TargetDescription &target);
mlir::LogicalResult lowerKVEvict(KVEvictOp op, const TargetDescription &target);
mlir::LogicalResult lowerKVQuantize(KVQuantizeOp op,
                                    const TargetDescription &target);
mlir::LogicalResult lowerKVDequantize(KVDequantizeOp op,
                                      const TargetDescription &target);
mlir::LogicalResult lowerRope(RopeOp op, const TargetDescription &target);
/// Either schedule; the sequential one is `lowerScanStates` for decays of
/// channels and states, else `lowerScanTokens`.
mlir::LogicalResult lowerScanChunk(ScanChunkOp op,
                                   const TargetDescription &target);
mlir::LogicalResult lowerScanTokens(ScanChunkOp op,
                                    const TargetDescription &target);
mlir::LogicalResult lowerScanStates(ScanChunkOp op,
                                    const TargetDescription &target);
mlir::LogicalResult lowerPairProducts(PairProductsOp op,
                                      const TargetDescription &target);
mlir::LogicalResult lowerFavorFeatures(FavorFeaturesOp op,
                                       const TargetDescription &target);
mlir::LogicalResult lowerLinformerProject(LinformerProjectOp op,
                                          const TargetDescription &target);
mlir::LogicalResult lowerS4Kernel(S4KernelOp op,
                                  const TargetDescription &target);
mlir::LogicalResult lowerCausalConv(CausalConv1dOp op,
                                    const TargetDescription &target);

class LaneBuilder;

/// The pairs that a vector of scores stands for: each an index where all lanes
/// agree, or a vector of index. `firstQuery` is given where the queries of the
/// lanes follow each other.
struct ScorePoint {
  mlir::Value batch, head, query, key;
  mlir::Value firstQuery;
};

/// Elements of the captured tensors of the score and the mask region, null for
/// those at indices that depend on the key.
struct RegionReads {
  llvm::SmallVector<mlir::Value> score, mask;
};

/// Those at `point`, whose key does not matter.
RegionReads readRegions(LaneBuilder &lb, OnlineAttentionOp op,
                        ScorePoint point);

/// Which of these pairs the mask shows: a vector of i1, null for all of them.
mlir::Value visiblePairs(LaneBuilder &lb, OnlineAttentionOp op,
                         const ScorePoint &point, const RegionReads &reads);

/// As in EmitMask.h, of the heads that the oriented `op` has.
bool mayHoldHiddenKeys(OnlineAttentionOp op);

/// The dot products `sum` of these pairs scaled and through the score region,
/// as if all were visible. What `reads` lacks is read here.
mlir::Value scorePairs(LaneBuilder &lb, OnlineAttentionOp op, mlir::Value sum,
                       const ScorePoint &point, const RegionReads &reads);

/// `x` where `visible`, which may be null for all, else -inf.
mlir::Value hidePairs(LaneBuilder &lb, mlir::Value visible, mlir::Value x);

/// Memory of `shape` for the lowering of `op`, allocated outside of its loops
/// (in the enclosing parallel tile, or the function).
mlir::Value scratch(LaneBuilder &lb, mlir::Operation *op,
                    llvm::ArrayRef<int64_t> shape);

} // namespace attn

#endif // ATTN_PASSES_CPU_LOWERTILES_H
