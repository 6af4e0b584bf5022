//===- MaskFindings.h - what one should know of a mask --------------------===//

#ifndef ATTN_PASSES_EXPLAIN_MASKFINDINGS_H
#define ATTN_PASSES_EXPLAIN_MASKFINDINGS_H

#include "attn/Dialect/Attn/MaskProblem.h"
#include "attn/Mask/MaskText.h"

namespace attn {

/// Names for text: those of the unknowns, and of points.
MaskNames namesOf(const MaskProblem &problem);

/// Proofs about the mask attribute of `op`: that it hides nothing or all, that
/// a query can be left without a key (and for which sizes), that a part of it
/// adds nothing. Each is one sentence.
std::vector<std::string> findInMask(AttentionOp op, const MaskProblem &problem);

} // namespace attn

#endif // ATTN_PASSES_EXPLAIN_MASKFINDINGS_H
