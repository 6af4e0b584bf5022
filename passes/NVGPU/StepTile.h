//===- StepTile.h - attn.ssm_step on a block of warps ---------------------===//

#ifndef ATTN_PASSES_NVGPU_STEPTILE_H
#define ATTN_PASSES_NVGPU_STEPTILE_H

#include "TensorView.h"
#include "WarpBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

inline constexpr int64_t kStepThreads = 128;

/// One token of the rows of one tile: of a head, or a block of channels.
mlir::LogicalResult emitStepTile(WarpBuilder &warp, SSMStepOp op,
                                 TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_STEPTILE_H
