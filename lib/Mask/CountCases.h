//===- CountCases.h - sums under conditions, as cases ---------------------===//

#ifndef ATTN_LIB_MASK_COUNTCASES_H
#define ATTN_LIB_MASK_COUNTCASES_H

#include "attn/Mask/Count.h"

namespace attn {

/// Those of `facts` that have no dimension in them.
MaskTerm ofSymbols(const MaskTerm &facts, mlir::MLIRContext *context);

/// The sum of the pieces whose conditions hold, as cases that exclude each
/// other, where the symbols are as `known`. Nothing where there are more than
/// `kMostCases`, or where that is not found soon.
std::optional<std::vector<CountCase>> toCases(std::vector<CountCase> pieces,
                                              const MaskSet &set,
                                              const MaskTerm &known);

/// The one of them that holds at `symbols`.
CountCase caseAt(llvm::ArrayRef<CountCase> pieces,
                 llvm::ArrayRef<int64_t> symbols, const MaskSet &set,
                 const MaskTerm &known);

} // namespace attn

#endif // ATTN_LIB_MASK_COUNTCASES_H
