//===- EvictToPoints.h - scores of keys and what is kept, by points -------===//

#ifndef ATTN_PASSES_NVGPU_EVICTTOPOINTS_H
#define ATTN_PASSES_NVGPU_EVICTTOPOINTS_H

#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

/// Replaces the op, on tensors, by loops over points; reports what has none.
mlir::LogicalResult scoreToPoints(KVScoreOp op);
mlir::LogicalResult evictToPoints(KVEvictOp op);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_EVICTTOPOINTS_H
