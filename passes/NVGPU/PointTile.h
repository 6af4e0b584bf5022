//===- PointTile.h - scalar code, a thread a point
//-------------------------===//

#ifndef ATTN_PASSES_NVGPU_POINTTILE_H
#define ATTN_PASSES_NVGPU_POINTTILE_H

#include "TensorView.h"
#include "WarpBuilder.h"

namespace attn {

inline constexpr int64_t kPointThreads = 64;

/// Makes `block`, code of one thread: what stands for the
/// tables and lists of masks. Elements of tensors are read and written in
/// place, through `views`. Reports what is not scalar.
mlir::LogicalResult emitPointTile(WarpBuilder &warp, mlir::Block &block,
                                  TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_POINTTILE_H
