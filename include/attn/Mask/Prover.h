//===- Prover.h - affine facts about tiles --------------------------------===//
// Facts hold for all tiles: From <= To, FirstHead <= LastHead, any integer for
// the rest. Differences of ends are decided by looking at them, all else by
// MLIR's Presburger library, once for each expression.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_PROVER_H
#define ATTN_MASK_PROVER_H

#include "attn/Mask/MaskSet.h"
#include "llvm/ADT/DenseMap.h"

namespace attn {

class Prover {
public:
  Prover(mlir::MLIRContext *context, unsigned numSymbols,
         unsigned numDims = NumMaskDims)
      : context(context), numSymbols(numSymbols), numDims(numDims) {}

  /// Whether `form >= 0` everywhere.
  bool isNonNegative(const LinearForm &form);
  bool isAtMost(const LinearForm &a, const LinearForm &b) {
    return isNonNegative(b - a);
  }
  /// Whether no integer point satisfies `forms`, at tiles as above.
  bool isEmpty(llvm::ArrayRef<LinearForm> forms);

private:
  mlir::MLIRContext *context;
  unsigned numSymbols, numDims;
  llvm::DenseMap<mlir::AffineExpr, bool> known;
};

} // namespace attn

#endif // ATTN_MASK_PROVER_H
