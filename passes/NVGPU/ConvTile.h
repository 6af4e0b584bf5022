//===- ConvTile.h - attn.causal_conv1d on a block of warps ----------------===//

#ifndef ATTN_PASSES_NVGPU_CONVTILE_H
#define ATTN_PASSES_NVGPU_CONVTILE_H

#include "TensorView.h"
#include "WarpBuilder.h"
#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

inline constexpr int64_t kConvThreads = 128;

/// All tokens of one sequence and a block of channels.
mlir::LogicalResult emitConvTile(WarpBuilder &warp, CausalConv1dOp op,
                                 TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_CONVTILE_H
