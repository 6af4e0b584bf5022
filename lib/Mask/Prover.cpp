//===- Prover.cpp - affine facts about tiles ------------------------------===//

#include "attn/Mask/Prover.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;

namespace attn {

// Nothing where a look at the coefficients does not tell.
static std::optional<bool> decide(const LinearForm &form) {
  if (form.isConstant()) {
    return form.constant >= 0;
  }
  if (form.hasQuotients()) {
    return std::nullopt;
  }
  // Of (to - from) and (last - first), which are 0 or more.
  int64_t ends[4] = {0, 0, 0, 0};
  for (auto [term, factor] : form.terms) {
    auto dim = dyn_cast<AffineDimExpr>(term);
    if (!dim || dim.getPosition() < FromDim) {
      return false; // unbounded
    }
    ends[dim.getPosition() - FromDim] = factor;
  }
  return ends[0] + ends[1] == 0 && ends[2] + ends[3] == 0 && ends[1] >= 0 &&
         ends[3] >= 0 && form.constant >= 0;
}

bool Prover::isEmpty(ArrayRef<LinearForm> forms) {
  SmallVector<AffineExpr> exprs = {getAffineDimExpr(ToDim, context) -
                                       getAffineDimExpr(FromDim, context),
                                   getAffineDimExpr(LastHeadDim, context) -
                                       getAffineDimExpr(FirstHeadDim, context)};
  for (const LinearForm &form : forms) {
    exprs.push_back(form.expr(context));
  }
  SmallVector<bool> equalities(exprs.size(), false);
  FlatLinearValueConstraints constraints(
      IntegerSet::get(numDims, numSymbols, exprs, equalities));
  return constraints.isEmpty() || constraints.isIntegerEmpty();
}

bool Prover::isNonNegative(const LinearForm &form) {
  if (std::optional<bool> decided = decide(form)) {
    return *decided;
  }
  auto [entry, isNew] = known.try_emplace(form.expr(context), false);
  if (isNew) {
    bool proved = isEmpty(LinearForm(-1) - form);
    known[form.expr(context)] = proved;
    return proved;
  }
  return entry->second;
}

} // namespace attn
