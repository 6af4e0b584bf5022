//===- RaiseMask.h - what is affine in mask regions, as attributes --------===//

#ifndef ATTN_PASSES_RAISEMASK_H
#define ATTN_PASSES_RAISEMASK_H

#include "attn/Dialect/Attn/AttnOps.h"

namespace attn {

/// Raises what it can of the mask region of `op`; false if that is nothing.
bool raiseMask(AttentionOp op);

} // namespace attn

#endif // ATTN_PASSES_RAISEMASK_H
