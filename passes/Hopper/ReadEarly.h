//===- ReadEarly.h - reads of a step in front of its branches -------------===//

#ifndef ATTN_PASSES_HOPPER_READEARLY_H
#define ATTN_PASSES_HOPPER_READEARLY_H

#include "mlir/IR/Block.h"

namespace attn {

/// Moves what the branches of `block` read to its start: the tags, and what
/// bodies of `elements` load for a row.
void readEarly(mlir::Block &block);

} // namespace attn

#endif // ATTN_PASSES_HOPPER_READEARLY_H
