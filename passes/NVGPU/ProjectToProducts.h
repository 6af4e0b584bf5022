//===- ProjectToProducts.h - projections of sequences as products ---------===//

#ifndef ATTN_PASSES_NVGPU_PROJECTTOPRODUCTS_H
#define ATTN_PASSES_NVGPU_PROJECTTOPRODUCTS_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {

/// Replaces `op` by a contraction, which a library computes.
void projectToProducts(mlir::RewriterBase &rewriter, LinformerProjectOp op);

} // namespace attn

#endif // ATTN_PASSES_NVGPU_PROJECTTOPRODUCTS_H
