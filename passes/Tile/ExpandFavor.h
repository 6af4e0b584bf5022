//===- ExpandFavor.h - random features of keys as tensors -----------------===//

#ifndef ATTN_PASSES_TILE_EXPANDFAVOR_H
#define ATTN_PASSES_TILE_EXPANDFAVOR_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// Whether there is `favor`, on tensors of static sizes but for batches and
/// tokens, and no sequences inside of a batch.
bool canExpandFavor(LinearAttentionOp op);
/// Replaces `op`, with `favor` and no sequences inside of a batch, by linear
/// attention of features with a decay for each token; that op.
LinearAttentionOp expandFavor(mlir::RewriterBase &rewriter,
                              LinearAttentionOp op);

} // namespace attn

#endif // ATTN_PASSES_TILE_EXPANDFAVOR_H
