//===- FMATile.h - a tile of attention without tensor cores ---------------===//

#ifndef ATTN_PASSES_NVGPU_FMATILE_H
#define ATTN_PASSES_NVGPU_FMATILE_H

#include "TileProgram.h"

namespace attn {

int64_t fmaSharedBytes(const TileProgram &program);

/// Writes `program` at the insertion point in the type of its state: exact
/// products of f32 and f64. A warp takes one row at a time; its lanes are keys
/// in the first product and columns of V in the second.
mlir::LogicalResult emitFMATile(WarpBuilder &warp, TileProgram &program,
                                TensorViews &views);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_FMATILE_H
