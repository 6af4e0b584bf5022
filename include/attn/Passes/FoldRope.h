//===- FoldRope.h - what becomes of rotary positions ----------------------===//

#ifndef ATTN_PASSES_FOLDROPE_H
#define ATTN_PASSES_FOLDROPE_H

#include "attn/Dialect/Attn/AttnOps.h"

#include <string>

namespace attn {

/// Why the rope of the keys of `append` stays in front of it; empty where
/// `attn-fold-rope` folds it.
llvm::StringRef whyRopeStays(KVAppendOp append, RopeOp rope);

/// What becomes of `rope` and why, as one sentence.
std::string fateOfRope(RopeOp rope);

} // namespace attn

#endif // ATTN_PASSES_FOLDROPE_H
