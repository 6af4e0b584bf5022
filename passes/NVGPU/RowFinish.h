//===- RowFinish.h - what the state of a row becomes ----------------------===//

#ifndef ATTN_PASSES_NVGPU_ROWFINISH_H
#define ATTN_PASSES_NVGPU_ROWFINISH_H

#include "TileProgram.h"

namespace attn {

/// Joins the sink of row `row` of the tile (`sink` has no pointer where there
/// is none), and gives what to multiply the accumulator with, and lse. `max` is
/// in powers of 2, -inf for a row without a visible key.
std::pair<mlir::Value, mlir::Value>
finishRow(WarpBuilder &warp, TileProgram &program, const TileRows &rows,
          const TensorView &sink, mlir::Value max, mlir::Value sum,
          mlir::Value row);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_ROWFINISH_H
