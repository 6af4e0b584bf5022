//===- Count.h - how many points a mask has, as a formula -----------------===//
// The mask as a disjoint union of terms, each summed over one dimension after
// the other: between the largest lower bound and the smallest upper bound of a
// dimension lies a sum of powers, and which bounds those are splits the term.
// Quotients of dimensions become dimensions. What remains are polynomials under
// conditions on the symbols, which are put in order as a tree of cases.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_COUNT_H
#define ATTN_MASK_COUNT_H

#include "attn/Mask/MaskSet.h"
#include "attn/Mask/Polynomial.h"

namespace attn {

/// `value` points where all of `when` are 0 or more.
struct CountCase {
  MaskTerm when;
  Polynomial value;
};

struct Count {
  /// They exclude each other.
  std::vector<CountCase> cases;
  /// Whether one of them holds wherever `facts` can.
  bool isComplete;
};

/// The number of points (of `dims`, a list of mask dimensions) of `set` where
/// `facts` hold, which bound these dimensions. Where that has more than
/// `kMostCases` cases, or takes long, the one that holds at the symbols `at`,
/// if these are given. Nothing where there is no formula.
std::optional<Count> countPoints(const MaskSet &set, const MaskTerm &facts,
                                 llvm::ArrayRef<unsigned> dims,
                                 llvm::ArrayRef<int64_t> at = {});
constexpr size_t kMostCases = 12;

/// The value of the case that holds; nothing where none does.
std::optional<int64_t> evaluate(llvm::ArrayRef<CountCase> cases,
                                llvm::ArrayRef<int64_t> symbols);

} // namespace attn

#endif // ATTN_MASK_COUNT_H
