//===- MaskFacts.h - what can be proved of masks --------------------------===//
// `facts` are forms that are 0 or more at every point that is asked about, such
// as 0 <= k. A "yes" is a proof; a "no" may be want of one.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_MASKFACTS_H
#define ATTN_MASK_MASKFACTS_H

#include "attn/Mask/Prover.h"

namespace attn {

/// Whether all points of `inner` are in `outer`. Both have one list of symbols.
bool isSubset(const MaskSet &inner, const MaskSet &outer,
              const MaskTerm &facts);
/// Whether all points are in `set`.
bool hidesNothing(const MaskSet &set, const MaskTerm &facts);
/// Whether no point is.
bool hidesEverything(const MaskSet &set, const MaskTerm &facts);

/// Conditions on the symbols, any of which means that some query sees no key:
/// no terms is a proof that there is none. Nothing where that is not decided.
/// `facts` bound the queries and the keys.
std::optional<std::vector<MaskTerm>> hiddenRows(const MaskSet &set,
                                                const MaskTerm &facts);

/// `term` without the forms that the others and `facts` imply.
MaskTerm withoutImplied(MaskTerm term, const MaskTerm &facts, Prover &prover);

} // namespace attn

#endif // ATTN_MASK_MASKFACTS_H
