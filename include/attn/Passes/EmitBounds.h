//===- EmitBounds.h - bounds of tiles as arithmetic -----------------------===//

#ifndef ATTN_PASSES_EMITBOUNDS_H
#define ATTN_PASSES_EMITBOUNDS_H

#include "attn/Mask/TileAnalysis.h"
#include "attn/Passes/IndexBuilder.h"

namespace attn {

/// The tile whose bounds are emitted, as SSA values.
struct TileValues {
  mlir::Value batch, firstHead, lastHead, from, to;
  mlir::Value lower, upper;
  mlir::ValueRange symbols;
};

/// A value for each step that a segment needs, null for the others.
llvm::SmallVector<mlir::Value>
emitSteps(IndexBuilder &index, mlir::OpBuilder &builder, mlir::Location loc,
          const TileSegments &segments, const TileValues &tile);

} // namespace attn

#endif // ATTN_PASSES_EMITBOUNDS_H
