//===- QuantToPoints.h - codes and scales, point by point -----------------===//

#ifndef ATTN_PASSES_NVGPU_QUANTTOPOINTS_H
#define ATTN_PASSES_NVGPU_QUANTTOPOINTS_H

#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

/// Replaces the op, on tensors, by loops over points; reports what has none.
mlir::LogicalResult quantizeToPoints(KVQuantizeOp op);
mlir::LogicalResult dequantizeToPoints(KVDequantizeOp op);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_QUANTTOPOINTS_H
