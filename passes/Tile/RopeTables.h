//===- RopeTables.h - cos and sin of tokens, once for all heads -----------===//

#ifndef ATTN_PASSES_TILE_ROPETABLES_H
#define ATTN_PASSES_TILE_ROPETABLES_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// An `attn.rope` whose rows turn as tiles read them, and the tables that they
/// turn by, one row a token: of each sequence where positions are given, else
/// of all. Null where rows are read as they are.
struct TurnedRows {
  RopeOp rope;
  mlir::Value cos, sin; ///< in the arithmetic type of `rope`

  explicit operator bool() const { return cos != nullptr; }
};

/// Tables in front of `rope`, which is on tensors and has a static R; those of
/// one in `known` where they are the same.
TurnedRows emitRopeTables(mlir::RewriterBase &rewriter, RopeOp rope,
                          llvm::ArrayRef<TurnedRows> known);

} // namespace attn

#endif // ATTN_PASSES_TILE_ROPETABLES_H
