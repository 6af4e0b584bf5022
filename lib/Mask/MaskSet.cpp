//===- MaskSet.cpp - a mask as a set of points (b, h, q, k) ---------------===//

#include "attn/Mask/MaskSet.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

static LinearForm dim(MLIRContext *context, unsigned position) {
  return LinearForm::of(getAffineDimExpr(position, context));
}

static MaskSet setOf(MLIRContext *context, MaskTerm constraints) {
  MaskSet set;
  set.context = context;
  set.constraints = std::move(constraints);
  return set;
}

MaskSet MaskSet::band(MLIRContext *context, int64_t left, int64_t right) {
  LinearForm q = dim(context, QueryDim), k = dim(context, KeyDim);
  MaskTerm constraints;
  if (right >= 0 && right < kUnbounded) {
    constraints.push_back((q - k).add(LinearForm(right)));
  }
  if (left >= 0 && left < kUnbounded) {
    constraints.push_back((k - q).add(LinearForm(left)));
  }
  return setOf(context, std::move(constraints));
}

static MaskSet below(MLIRContext *context, unsigned position, int64_t count) {
  MaskTerm constraints;
  if (count < MaskSet::kUnbounded) {
    constraints.push_back(LinearForm(count - 1) - dim(context, position));
  }
  return setOf(context, std::move(constraints));
}

MaskSet MaskSet::prefix(MLIRContext *context, int64_t count) {
  return below(context, KeyDim, count);
}

MaskSet MaskSet::global(MLIRContext *context, int64_t count) {
  return any({below(context, KeyDim, count), below(context, QueryDim, count)});
}

MaskSet MaskSet::chunk(MLIRContext *context, int64_t size) {
  LinearForm q = dim(context, QueryDim).floorDiv(size, context);
  LinearForm k = dim(context, KeyDim).floorDiv(size, context);
  return setOf(context, {q - k, k - q});
}

MaskSet MaskSet::dilated(MLIRContext *context, int64_t step) {
  LinearForm distance = dim(context, QueryDim) - dim(context, KeyDim);
  LinearForm rest =
      distance - LinearForm().add(distance.floorDiv(step, context), step);
  return setOf(context, {LinearForm().add(rest, -1)});
}

MaskSet MaskSet::points(AffineMap map) {
  MaskSet set;
  set.context = map.getContext();
  set.numSymbols = map.getNumSymbols();
  for (AffineExpr expr : map.getResults()) {
    set.constraints.push_back(LinearForm::of(expr));
  }
  return set;
}

MaskSet MaskSet::replaceSymbols(ArrayRef<AffineExpr> values,
                                unsigned total) const {
  MaskSet set = *this;
  for (LinearForm &form : set.constraints) {
    form = LinearForm::of(form.expr(context).replaceSymbols(values));
  }
  for (MaskSet &child : set.children) {
    child = child.replaceSymbols(values, total);
  }
  set.numSymbols = total;
  return set;
}

void MaskSet::shiftSymbols(unsigned shift, unsigned total) {
  if (shift > 0 && numSymbols > 0) {
    for (LinearForm &form : constraints) {
      form = LinearForm::of(form.expr(context).shiftSymbols(numSymbols, shift));
    }
  }
  for (MaskSet &child : children) {
    child.shiftSymbols(shift, total);
  }
  numSymbols = total;
}

MaskSet MaskSet::combine(Kind kind, std::vector<MaskSet> children) {
  MaskSet set;
  set.kind = kind;
  set.context = children.front().context;
  unsigned total = 0;
  for (const MaskSet &child : children) {
    total += child.numSymbols;
  }
  unsigned first = 0;
  for (MaskSet &child : children) {
    unsigned count = child.numSymbols;
    child.shiftSymbols(first, total);
    first += count;
  }
  set.numSymbols = total;
  set.children = std::move(children);
  return set;
}

MaskSet MaskSet::all(std::vector<MaskSet> children) {
  return combine(Kind::And, std::move(children));
}
MaskSet MaskSet::any(std::vector<MaskSet> children) {
  return combine(Kind::Or, std::move(children));
}
MaskSet MaskSet::complement(MaskSet set) {
  return combine(Kind::Not, {std::move(set)});
}

static int64_t evaluateExpr(AffineExpr expr, ArrayRef<int64_t> dims,
                            ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return dims[dim.getPosition()];
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    return symbols[symbol.getPosition()];
  }
  if (auto number = dyn_cast<AffineConstantExpr>(expr)) {
    return number.getValue();
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluateExpr(binary.getLHS(), dims, symbols);
  int64_t b = evaluateExpr(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(a, b);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(a, b);
  default:
    return llvm::mod(a, b);
  }
}

int64_t evaluate(const LinearForm &form, ArrayRef<int64_t> dims,
                 ArrayRef<int64_t> symbols) {
  int64_t value = form.constant;
  for (auto [term, factor] : form.terms) {
    value += factor * evaluateExpr(term, dims, symbols);
  }
  return value;
}

bool MaskSet::contains(const MaskPoint &point) const {
  auto inside = [&](const MaskSet &child) { return child.contains(point); };
  int64_t dims[] = {point.b, point.h, point.q, point.k};
  switch (kind) {
  case Kind::Set:
    return llvm::all_of(constraints, [&](const LinearForm &form) {
      return evaluate(form, dims, point.symbols) >= 0;
    });
  case Kind::And:
    return llvm::all_of(children, inside);
  case Kind::Or:
    return llvm::any_of(children, inside);
  case Kind::Not:
    return !inside(children.front());
  }
  return false;
}

bool MaskSet::usesDim(unsigned dim) const {
  auto uses = [&](const auto &part) { return part.uses(dim); };
  return llvm::any_of(constraints, uses) ||
         llvm::any_of(children,
                      [&](const MaskSet &child) { return child.usesDim(dim); });
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

bool simplify(MaskTerm &term) {
  MaskTerm kept;
  for (LinearForm &form : term) {
    if (form.isConstant()) {
      if (form.constant < 0) {
        return false;
      }
      continue;
    }
    auto same = llvm::find_if(kept, [&](const LinearForm &other) {
      return other.terms == form.terms;
    });
    if (same == kept.end()) {
      kept.push_back(std::move(form));
    } else {
      same->constant = std::min(same->constant, form.constant);
    }
  }
  term = std::move(kept);
  for (size_t i = 0; i < term.size(); ++i) {
    for (size_t j = i + 1; j < term.size(); ++j) {
      LinearForm sum = term[i] + term[j];
      if (sum.isConstant() && sum.constant < 0) {
        return false;
      }
    }
  }
  return true;
}

bool isInside(const MaskTerm &inner, const MaskTerm &outer) {
  return llvm::all_of(outer, [&](const LinearForm &form) {
    return llvm::any_of(inner, [&](const LinearForm &other) {
      return other.terms == form.terms && other.constant <= form.constant;
    });
  });
}

// Adds `term` to a union, where it is not inside of a term of it.
static void addToUnion(std::vector<MaskTerm> &terms, MaskTerm term) {
  if (!simplify(term) || llvm::any_of(terms, [&](const MaskTerm &other) {
        return isInside(term, other);
      })) {
    return;
  }
  llvm::erase_if(terms,
                 [&](const MaskTerm &other) { return isInside(other, term); });
  terms.push_back(std::move(term));
}

static bool distribute(const MaskSet &set, bool negated,
                       std::vector<MaskTerm> &terms) {
  using Kind = MaskSet::Kind;
  terms.clear();
  switch (set.kind) {
  case Kind::Not:
    return distribute(set.children.front(), !negated, terms);
  case Kind::Set:
    if (!negated) {
      addToUnion(terms, set.constraints);
      return true;
    }
    for (const LinearForm &form : set.constraints) {
      addToUnion(terms, {LinearForm(-1) - form});
    }
    return terms.size() <= MaskSet::kMostTerms;
  case Kind::And:
  case Kind::Or:
    break;
  }
  bool isUnion = (set.kind == Kind::Or) != negated;
  if (!isUnion) {
    terms.push_back({});
  }
  for (const MaskSet &child : set.children) {
    std::vector<MaskTerm> more, product;
    if (!distribute(child, negated, more)) {
      return false;
    }
    if (isUnion) {
      for (MaskTerm &term : more) {
        addToUnion(terms, std::move(term));
      }
    } else {
      for (const MaskTerm &a : terms) {
        for (const MaskTerm &b : more) {
          MaskTerm both = a;
          both.insert(both.end(), b.begin(), b.end());
          addToUnion(product, std::move(both));
        }
      }
      terms = std::move(product);
    }
    if (terms.size() > MaskSet::kMostTerms) {
      return false;
    }
  }
  return true;
}

std::optional<std::vector<MaskTerm>> MaskSet::terms(bool negated) const {
  std::vector<MaskTerm> result;
  if (!distribute(*this, negated, result)) {
    return std::nullopt;
  }
  return result;
}

} // namespace attn
