//===- CacheToPoints.h - rotary positions and caches, point by point ------===//

#ifndef ATTN_PASSES_NVGPU_CACHETOPOINTS_H
#define ATTN_PASSES_NVGPU_CACHETOPOINTS_H

#include "mlir/IR/Operation.h"

namespace attn {

/// attn.rope, attn.kv_append or attn.kv_gather.
bool isCacheOp(mlir::Operation *op);
/// Rewrites such an op on tensors as scf.forall ops of scalar code, or reports
/// what is in the way.
mlir::LogicalResult cacheToPoints(mlir::Operation *op);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_CACHETOPOINTS_H
