//===- MergeTile.h - attn.merge_states on a block of warps ----------------===//

#ifndef ATTN_PASSES_NVGPU_MERGETILE_H
#define ATTN_PASSES_NVGPU_MERGETILE_H

#include "TensorView.h"
#include "WarpBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

inline constexpr int64_t kMergeThreads = 128;

/// Bytes of shared memory that `op` takes.
int64_t mergeSharedBytes(MergeStatesOp op);

/// Writes `op` at the insertion point: a row at a time, its parts spread over
/// the warps, which join in order.
mlir::LogicalResult emitMergeTile(WarpBuilder &warp, MergeStatesOp op,
                                  TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_MERGETILE_H
