//===- ResidueClasses.cpp - masks that hide all but one residue -----------===//

#include "attn/Mask/ResidueClasses.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;

namespace attn {

/// Steps past this have too few keys in a class to be worth one.
static constexpr int64_t kMostClasses = 1 << 20;

// The step of -((q - k) mod step) >= 0, or 1.
static int64_t stepOf(const LinearForm &form, MLIRContext *context) {
  auto distance = [&](bool backwards) {
    LinearForm q = LinearForm::of(getAffineDimExpr(QueryDim, context));
    LinearForm k = LinearForm::of(getAffineDimExpr(KeyDim, context));
    return backwards ? k - q : q - k;
  };
  for (auto [term, factor] : form.terms) {
    auto quotient = dyn_cast<AffineBinaryOpExpr>(term);
    if (!quotient) {
      continue;
    }
    int64_t step = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    for (bool backwards : {false, true}) {
      LinearForm x = distance(backwards);
      LinearForm rest = x - LinearForm().add(x.floorDiv(step, context), step);
      LinearForm difference = form + rest;
      if (difference.isConstant() && difference.constant == 0) {
        return step;
      }
    }
  }
  return 1;
}

static int64_t stepOf(const MaskSet &set) {
  using Kind = MaskSet::Kind;
  int64_t step = set.kind == Kind::Or ? 0 : 1;
  for (const LinearForm &form : set.constraints) {
    step = std::lcm(step, stepOf(form, set.context));
  }
  for (const MaskSet &child : set.children) {
    switch (set.kind) {
    case Kind::And:
      step = std::lcm(step, stepOf(child));
      break;
    case Kind::Or:
      step = std::gcd(step, stepOf(child));
      break;
    default: // what a dilation hides has every other residue
      return 1;
    }
    if (step > kMostClasses) {
      return 1;
    }
  }
  return step;
}

bool hasDilations(const MaskSet &set) {
  return llvm::any_of(set.constraints,
                      [&](const LinearForm &form) {
                        return stepOf(form, set.context) > 1;
                      }) ||
         llvm::any_of(set.children, hasDilations);
}

// `form >= 0` in the coordinates of a class, divided by the step where that
// leaves no quotient of a dimension.
static LinearForm inClass(const LinearForm &form, ArrayRef<AffineExpr> dims,
                          int64_t step, MLIRContext *context) {
  LinearForm inside = form.substitute(dims, context);
  bool divides = llvm::all_of(inside.terms, [&](const auto &entry) {
    bool moves = false;
    entry.first.walk([&](AffineExpr e) { moves |= isa<AffineDimExpr>(e); });
    return !moves || entry.second % step == 0;
  });
  return divides ? inside.floorDiv(step, context) : inside;
}

static void toClass(MaskSet &set, ArrayRef<AffineExpr> dims, int64_t step) {
  ++set.numSymbols;
  for (LinearForm &form : set.constraints) {
    form = inClass(form, dims, step, set.context);
  }
  llvm::erase_if(set.constraints, [](const LinearForm &form) {
    return form.isConstant() && form.constant >= 0;
  });
  for (MaskSet &child : set.children) {
    toClass(child, dims, step);
  }
}

std::optional<ResidueClasses> residueClasses(const MaskSet &set) {
  int64_t step = stepOf(set);
  if (step <= 1) {
    return std::nullopt;
  }
  MLIRContext *context = set.context;
  AffineExpr residue = getAffineSymbolExpr(set.numSymbols, context);
  SmallVector<AffineExpr> dims;
  for (unsigned d = 0; d < 4; ++d) {
    AffineExpr dim = getAffineDimExpr(d, context);
    dims.push_back(d == QueryDim || d == KeyDim ? dim * step + residue : dim);
  }
  ResidueClasses classes{step, set};
  toClass(classes.set, dims, step);
  return classes;
}

} // namespace attn
