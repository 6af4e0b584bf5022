//===- LinearForm.cpp - a pure affine expression as a sum of terms --------===//
// Quotients are kept in one form (constants and multiples of the divisor
// outside, coefficients of at most half of the divisor, the first of them
// positive, no common factor), so that equal ones cancel.
//===----------------------------------------------------------------------===//

#include "attn/Mask/LinearForm.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace attn {

static int64_t floorQuotient(int64_t a, int64_t b) {
  return llvm::divideFloorSigned(a, b);
}

// Dimensions, symbols, then quotients: one order for equal sums.
static std::pair<int, unsigned> rank(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return {0, dim.getPosition()};
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    return {1, symbol.getPosition()};
  }
  return {2, 0};
}

static void addTerm(LinearForm &form, AffineExpr term, int64_t factor) {
  for (auto *it = form.terms.begin(); it != form.terms.end(); ++it) {
    if (it->first == term) {
      it->second += factor;
      if (it->second == 0) {
        form.terms.erase(it);
      }
      return;
    }
  }
  if (factor == 0) {
    return;
  }
  auto *at = llvm::find_if(form.terms, [&](const auto &other) {
    return rank(term) < rank(other.first);
  });
  form.terms.insert(at, {term, factor});
}

LinearForm LinearForm::of(AffineExpr expr) {
  MLIRContext *context = expr.getContext();
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    return LinearForm(cast<AffineConstantExpr>(expr).getValue());
  case AffineExprKind::DimId:
  case AffineExprKind::SymbolId: {
    LinearForm form;
    form.terms.push_back({expr, 1});
    return form;
  }
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  LinearForm left = of(binary.getLHS());
  if (expr.getKind() == AffineExprKind::Add) {
    return left.add(of(binary.getRHS()));
  }
  LinearForm right = of(binary.getRHS());
  if (expr.getKind() == AffineExprKind::Mul && left.isConstant()) {
    std::swap(left, right);
  }
  int64_t by = right.constant;
  switch (expr.getKind()) {
  case AffineExprKind::Mul:
    return LinearForm().add(left, by);
  case AffineExprKind::FloorDiv:
    return left.floorDiv(by, context);
  case AffineExprKind::CeilDiv:
    return left.ceilDiv(by, context);
  default: // Mod
    return left - LinearForm().add(left.floorDiv(by, context), by);
  }
}

AffineExpr LinearForm::expr(MLIRContext *context) const {
  AffineExpr sum;
  for (auto [term, factor] : terms) {
    AffineExpr product = factor == 1 ? term : term * factor;
    sum = sum ? sum + product : product;
  }
  AffineExpr number = getAffineConstantExpr(constant, context);
  return !sum ? number : constant == 0 ? sum : sum + number;
}

LinearForm &LinearForm::add(const LinearForm &other, int64_t factor) {
  constant += factor * other.constant;
  for (auto [term, coefficient] : other.terms) {
    addTerm(*this, term, factor * coefficient);
  }
  return *this;
}

LinearForm LinearForm::floorDiv(int64_t divisor, MLIRContext *context) const {
  // What is a multiple of the divisor leaves the quotient.
  LinearForm outside(floorQuotient(constant, divisor));
  LinearForm inside(constant - outside.constant * divisor);
  for (auto [term, factor] : terms) {
    int64_t whole = llvm::divideCeilSigned(2 * factor - divisor, 2 * divisor);
    addTerm(outside, term, whole);
    addTerm(inside, term, factor - whole * divisor);
  }
  if (inside.isConstant()) {
    return outside;
  }
  if (inside.terms.front().second < 0) {
    // floor(x / d) = -floor((d - 1 - x) / d)
    LinearForm mirrored = LinearForm(divisor - 1) - inside;
    return outside - mirrored.floorDiv(divisor, context);
  }
  int64_t common = divisor;
  for (auto [term, factor] : inside.terms) {
    common = std::gcd(common, factor);
  }
  for (auto &entry : inside.terms) {
    entry.second /= common;
  }
  inside.constant = floorQuotient(inside.constant, common);
  divisor /= common;
  // floor(floor(x / a) / b) = floor(x / (a b)).
  if (inside.terms.size() == 1 && inside.terms[0].second == 1) {
    if (auto inner = dyn_cast<AffineBinaryOpExpr>(inside.terms[0].first)) {
      int64_t by = cast<AffineConstantExpr>(inner.getRHS()).getValue();
      LinearForm numerator = of(inner.getLHS());
      numerator.constant += by * inside.constant;
      return outside + numerator.floorDiv(by * divisor, context);
    }
  }
  AffineExpr quotient =
      getAffineBinaryOpExpr(AffineExprKind::FloorDiv, inside.expr(context),
                            getAffineConstantExpr(divisor, context));
  if (quotient.getKind() != AffineExprKind::FloorDiv) {
    return outside + of(quotient); // it folded
  }
  addTerm(outside, quotient, 1);
  return outside;
}

LinearForm LinearForm::ceilDiv(int64_t divisor, MLIRContext *context) const {
  LinearForm negated = LinearForm().add(*this, -1);
  return LinearForm().add(negated.floorDiv(divisor, context), -1);
}

bool LinearForm::uses(unsigned dim) const {
  return llvm::any_of(
      terms, [&](const auto &term) { return term.first.isFunctionOfDim(dim); });
}

int64_t LinearForm::coefficient(AffineExpr term) const {
  for (auto [other, factor] : terms) {
    if (other == term) {
      return factor;
    }
  }
  return 0;
}

bool LinearForm::hasQuotients() const {
  return llvm::any_of(terms, [](const auto &term) {
    return isa<AffineBinaryOpExpr>(term.first);
  });
}

LinearForm LinearForm::substitute(ArrayRef<AffineExpr> dims,
                                  MLIRContext *context) const {
  return of(expr(context).replaceDims(dims));
}

// An upper bound of `form`, with the quotients of `dim` replaced by what they
// are at most: the sum is scaled so that it has no fraction.
static LinearForm relaxQuotients(LinearForm form, unsigned dim) {
  for (;;) {
    auto *it = llvm::find_if(form.terms, [&](const auto &term) {
      return isa<AffineBinaryOpExpr>(term.first) &&
             term.first.isFunctionOfDim(dim);
    });
    if (it == form.terms.end()) {
      return form;
    }
    auto [term, factor] = *it;
    form.terms.erase(it);
    auto quotient = cast<AffineBinaryOpExpr>(term);
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    LinearForm inner = LinearForm::of(quotient.getLHS());
    // (x - (by - 1)) / by <= floor(x / by) <= x / by
    if (factor < 0) {
      inner.constant -= by - 1;
    }
    form = LinearForm().add(form, by).add(inner, factor);
  }
}

std::optional<VariableBound> solveFor(LinearForm &form, unsigned dim,
                                      MLIRContext *context, bool &exact) {
  if (!form.uses(dim)) {
    return std::nullopt;
  }
  auto usesDim = [&](const auto &term) {
    return term.first.isFunctionOfDim(dim);
  };
  if (llvm::count_if(form.terms, usesDim) > 1) {
    exact = false;
    form = relaxQuotients(std::move(form), dim);
    if (!form.uses(dim)) {
      return std::nullopt;
    }
  }
  auto *it = llvm::find_if(form.terms, usesDim);
  auto [term, factor] = *it;
  LinearForm rest = form;
  rest.terms.erase(rest.terms.begin() + (it - form.terms.begin()));
  // factor * term + rest >= 0
  bool isLower = factor > 0;
  LinearForm limit = isLower
                         ? LinearForm().add(rest.floorDiv(factor, context), -1)
                         : rest.floorDiv(-factor, context);
  auto quotient = dyn_cast<AffineBinaryOpExpr>(term);
  if (!quotient) {
    return VariableBound{isLower, std::move(limit)};
  }
  // floor(x / c) >= t is x >= c t, and floor(x / c) <= t is x <= c t + c - 1.
  int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
  LinearForm inner = LinearForm::of(quotient.getLHS());
  form = isLower ? inner.add(limit, -by)
                 : LinearForm(by - 1).add(limit, by).add(inner, -1);
  return solveFor(form, dim, context, exact);
}

std::vector<LinearForm> eliminate(ArrayRef<LinearForm> forms, unsigned dim,
                                  std::vector<LinearForm> lowers,
                                  std::vector<LinearForm> uppers,
                                  MLIRContext *context, bool &exact) {
  std::vector<LinearForm> rest;
  for (LinearForm form : forms) {
    std::optional<VariableBound> bound = solveFor(form, dim, context, exact);
    if (!bound) {
      rest.push_back(std::move(form));
    } else {
      (bound->isLower ? lowers : uppers).push_back(std::move(bound->value));
    }
  }
  for (const LinearForm &low : lowers) {
    for (const LinearForm &high : uppers) {
      rest.push_back(high - low);
    }
  }
  return rest;
}

} // namespace attn
