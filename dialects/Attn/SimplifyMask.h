//===- SimplifyMask.h - masks without what adds nothing -------------------===//

#ifndef ATTN_DIALECTS_ATTN_SIMPLIFYMASK_H
#define ATTN_DIALECTS_ATTN_SIMPLIFYMASK_H

#include "mlir/IR/PatternMatch.h"

namespace attn {

/// Canonicalisation of the mask attribute of `attn.attention`.
void populateSimplifyMaskPatterns(mlir::RewritePatternSet &patterns);

} // namespace attn

#endif // ATTN_DIALECTS_ATTN_SIMPLIFYMASK_H
