//===- FoldRope.h - what becomes of rotary positions ----------------------===//

#ifndef ATTN_PASSES_FOLDROPE_H
#define ATTN_PASSES_FOLDROPE_H

#include "attn/Dialect/Attn/AttnOps.h"

#include <string>

namespace attn {

/// Why the rope of the keys of `append` stays in front of it; empty where
/// `attn-fold-rope` folds it.
llvm::StringRef whyRopeStays(KVAppendOp append, RopeOp rope);

/// Why the rope of q or k of `attention` stays in front of it; empty where its
/// tiles turn what they read.
llvm::StringRef whyRopeStays(AttentionOp attention, RopeOp rope, bool onGPU);

/// What is told of either, of the rope of `use`.
std::string ropeInFront(AttentionOp attention, mlir::OpOperand &use,
                        llvm::StringRef why);
std::string ropeInTiles(AttentionOp attention, mlir::OpOperand &use);

/// What becomes of `rope` and why, as one sentence.
std::string fateOfRope(RopeOp rope, bool onGPU);

} // namespace attn

#endif // ATTN_PASSES_FOLDROPE_H
