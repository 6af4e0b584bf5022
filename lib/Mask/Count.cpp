//===- Count.cpp - how many points a mask has, as a formula ---------------===//

#include "attn/Mask/Count.h"

#include "CountCases.h"
#include "attn/Mask/Prover.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attn {

namespace {

// Sums over the points of terms; `pieces` holds the sums, each under conditions
// on the symbols.
class Summer {
public:
  Summer(const MaskSet &set, const MaskTerm &facts)
      : set(set), context(set.context), facts(facts),
        known(ofSymbols(facts, context)),
        prover(context, set.numSymbols, kMostDims) {}

  /// False where there is no sum.
  bool run(ArrayRef<unsigned> dims);
  std::vector<CountCase> pieces;

private:
  static constexpr unsigned kMostDims = NumMaskDims + 16;
  static constexpr size_t kMostPieces = 200;
  static constexpr size_t kMostQuestions = 300;

  bool disjoint(std::vector<MaskTerm> terms, std::vector<MaskTerm> &result);
  bool replaceQuotients(MaskTerm &term, SmallVectorImpl<unsigned> &dims);
  bool sum(MaskTerm term, const Polynomial &value, SmallVector<unsigned> dims);
  void dropLooser(std::vector<LinearForm> &bounds, bool isLower,
                  const MaskTerm &known);
  bool isEmpty(MaskTerm term) {
    ++questions;
    term.insert(term.end(), known.begin(), known.end());
    return !simplify(term) || prover.isEmpty(term);
  }
  bool sumAtPoint(const MaskTerm &term, const Polynomial &value,
                  const SmallVector<unsigned> &dims, bool &done);
  std::optional<VariableBound> boundOf(const LinearForm &form, unsigned dim,
                                       ArrayRef<unsigned> dims);

  const MaskSet &set;
  MLIRContext *context;
  const MaskTerm &facts;
  MaskTerm known; // of the symbols
  Prover prover;
  size_t questions = 0;
};

// The union of `terms` as terms without common points.
bool Summer::disjoint(std::vector<MaskTerm> terms,
                      std::vector<MaskTerm> &result) {
  llvm::sort(terms, [](const MaskTerm &a, const MaskTerm &b) {
    return a.size() < b.size();
  });
  for (size_t n = 0; n < terms.size(); ++n) {
    std::vector<MaskTerm> rest = {terms[n]};
    rest[0].insert(rest[0].end(), facts.begin(), facts.end());
    for (const MaskTerm &before : ArrayRef(terms).take_front(n)) {
      std::vector<MaskTerm> next;
      for (MaskTerm &part : rest) {
        for (const LinearForm &form : before) {
          MaskTerm outside = part;
          outside.push_back(LinearForm(-1) - form);
          if (simplify(outside) && !prover.isEmpty(outside)) {
            next.push_back(std::move(outside));
          }
          part.push_back(form);
        }
      }
      rest = std::move(next);
    }
    for (MaskTerm &part : rest) {
      if (simplify(part)) {
        result.push_back(std::move(part));
      }
    }
    if (result.size() > kMostPieces) {
      return false;
    }
  }
  return true;
}

// Quotients of dimensions become dimensions of their own.
bool Summer::replaceQuotients(MaskTerm &term, SmallVectorImpl<unsigned> &dims) {
  unsigned next = NumMaskDims;
  auto isQuotient = [](const auto &entry) {
    AffineExpr expr = entry.first;
    bool hasDim = false;
    expr.walk([&](AffineExpr inner) { hasDim |= isa<AffineDimExpr>(inner); });
    return hasDim && isa<AffineBinaryOpExpr>(expr);
  };
  for (size_t i = 0; i < term.size(); ++i) {
    auto *it = llvm::find_if(term[i].terms, isQuotient);
    if (it == term[i].terms.end()) {
      continue;
    }
    if (next == kMostDims) {
      return false;
    }
    AffineExpr quotient = it->first;
    AffineExpr dim = getAffineDimExpr(next, context);
    dims.push_back(next++);
    auto binary = cast<AffineBinaryOpExpr>(quotient);
    int64_t by = cast<AffineConstantExpr>(binary.getRHS()).getValue();
    for (LinearForm &form : term) {
      form = LinearForm::of(form.expr(context).replace(quotient, dim));
    }
    // by * dim <= numerator <= by * dim + by - 1
    LinearForm rest = LinearForm::of(binary.getLHS());
    rest.add(LinearForm::of(dim), -by);
    term.push_back(rest);
    term.push_back(LinearForm(by - 1) - rest);
    // Where the numerator has a bound that is a number, the quotient has.
    for (size_t n = 0; n < term.size(); ++n) {
      LinearForm gap = LinearForm::of(binary.getLHS()) - term[n];
      if (gap.isConstant()) {
        term.push_back(LinearForm::of(dim) - gap.floorDiv(by, context));
        break;
      }
    }
    i = size_t(-1); // from the first form on, as quotients may be nested
  }
  return simplify(term);
}

// Of bounds that are the looser ones wherever `known` holds nothing is to be
// told.
void Summer::dropLooser(std::vector<LinearForm> &bounds, bool isLower,
                        const MaskTerm &known) {
  for (size_t i = 0; i < bounds.size(); ++i) {
    for (size_t j = 0; j < bounds.size(); ++j) {
      if (i == j) {
        continue;
      }
      MaskTerm tighter = known;
      tighter.push_back(
          (isLower ? bounds[i] - bounds[j] : bounds[j] - bounds[i])
              .add(LinearForm(-1)));
      if (isEmpty(tighter)) {
        bounds.erase(bounds.begin() + i--);
        break;
      }
    }
  }
}

// `form` >= 0 as a bound of `dim`; nothing where that has a quotient of `dims`.
std::optional<VariableBound>
Summer::boundOf(const LinearForm &form, unsigned dim, ArrayRef<unsigned> dims) {
  LinearForm copy = form;
  bool exact = true;
  std::optional<VariableBound> bound = solveFor(copy, dim, context, exact);
  for (auto [term, factor] : bound->value.terms) {
    for (unsigned other : dims) {
      if (isa<AffineBinaryOpExpr>(term) && term.isFunctionOfDim(other)) {
        return std::nullopt;
      }
    }
  }
  return bound;
}

// Where a form and its negation fix a dimension, there is one point.
bool Summer::sumAtPoint(const MaskTerm &term, const Polynomial &value,
                        const SmallVector<unsigned> &dims, bool &done) {
  done = false;
  for (const LinearForm &a : term) {
    bool isEquality = llvm::any_of(term, [&](const LinearForm &b) {
      LinearForm sum = a + b;
      return sum.isConstant() && sum.constant == 0;
    });
    if (!isEquality) {
      continue;
    }
    for (unsigned dim : dims) {
      int64_t factor = a.coefficient(getAffineDimExpr(dim, context));
      if (std::abs(factor) != 1) {
        continue;
      }
      LinearForm point = LinearForm::of(getAffineDimExpr(dim, context));
      point.add(a, -factor);
      MaskTerm rest;
      for (const LinearForm &form : term) {
        LinearForm next = form;
        int64_t times = form.coefficient(getAffineDimExpr(dim, context));
        next.add(LinearForm::of(getAffineDimExpr(dim, context)), -times);
        rest.push_back(next.add(point, times));
      }
      SmallVector<unsigned> others(dims);
      llvm::erase(others, dim);
      done = true;
      return sum(std::move(rest),
                 value.substitute(getAffineDimExpr(dim, context), point),
                 std::move(others));
    }
  }
  return true;
}

bool Summer::sum(MaskTerm term, const Polynomial &value,
                 SmallVector<unsigned> dims) {
  if (!simplify(term) || isEmpty(term)) {
    return true;
  }
  if (questions > kMostQuestions) {
    return false;
  }
  if (dims.empty()) {
    pieces.push_back({std::move(term), value});
    return pieces.size() <= kMostPieces;
  }
  bool done;
  bool summed = sumAtPoint(term, value, dims, done);
  if (done) {
    return summed;
  }
  // The dimension that splits the term the least.
  std::optional<unsigned> best;
  size_t fewest = 0;
  std::vector<LinearForm> lowers, uppers;
  MaskTerm rest;
  for (unsigned dim : dims) {
    std::vector<LinearForm> low, high;
    MaskTerm others;
    bool fits = true;
    for (const LinearForm &form : term) {
      if (!form.uses(dim)) {
        others.push_back(form);
        continue;
      }
      std::optional<VariableBound> bound = boundOf(form, dim, dims);
      if (!bound) {
        fits = false;
        break;
      }
      (bound->isLower ? low : high).push_back(std::move(bound->value));
    }
    size_t parts = low.size() * high.size();
    if (fits && parts > 0 && (!best || parts < fewest)) {
      best = dim;
      fewest = parts;
      lowers = std::move(low);
      uppers = std::move(high);
      rest = std::move(others);
    }
  }
  if (!best) {
    return false;
  }
  llvm::erase(dims, *best);
  dropLooser(lowers, /*isLower=*/true, rest);
  dropLooser(uppers, /*isLower=*/false, rest);
  // Of two equal bounds either may be taken: with the one that has dimensions
  // in it, ends of quotients fall together.
  for (std::vector<LinearForm> *bounds : {&lowers, &uppers}) {
    std::stable_partition(
        bounds->begin(), bounds->end(), [&](const LinearForm &bound) {
          return llvm::any_of(dims,
                              [&](unsigned dim) { return bound.uses(dim); });
        });
  }
  // The first of the largest lower bounds, the first of the smallest upper.
  for (auto [i, low] : llvm::enumerate(lowers)) {
    for (auto [j, high] : llvm::enumerate(uppers)) {
      MaskTerm piece = rest;
      for (auto [a, other] : llvm::enumerate(lowers)) {
        if (a != i) {
          piece.push_back((low - other).add(LinearForm(a < i ? -1 : 0)));
        }
      }
      for (auto [b, other] : llvm::enumerate(uppers)) {
        if (b != j) {
          piece.push_back((other - high).add(LinearForm(b < j ? -1 : 0)));
        }
      }
      // No value in between is a sum of 0 too: one condition less to tell.
      piece.push_back((high - low).add(LinearForm(1)));
      std::optional<Polynomial> total = value.sum(*best, low, high, context);
      if (!total || !sum(std::move(piece), *total, dims)) {
        return false;
      }
    }
  }
  return true;
}

bool Summer::run(ArrayRef<unsigned> dims) {
  std::optional<std::vector<MaskTerm>> terms = set.terms();
  std::vector<MaskTerm> parts;
  if (!terms || !disjoint(std::move(*terms), parts)) {
    return false;
  }
  for (MaskTerm &part : parts) {
    SmallVector<unsigned> all(dims);
    if (!replaceQuotients(part, all)) {
      if (simplify(part)) {
        return false;
      }
      continue; // nothing is in it
    }
    if (!sum(std::move(part), Polynomial(1), std::move(all))) {
      return false;
    }
  }
  return true;
}

} // namespace

std::optional<Count> countPoints(const MaskSet &set, const MaskTerm &facts,
                                 ArrayRef<unsigned> dims,
                                 ArrayRef<int64_t> at) {
  Summer summer(set, facts);
  if (!summer.run(dims)) {
    return std::nullopt;
  }
  MaskTerm known = ofSymbols(facts, set.context);
  if (std::optional<std::vector<CountCase>> cases =
          toCases(summer.pieces, set, known)) {
    return Count{std::move(*cases), /*isComplete=*/true};
  }
  if (at.empty()) {
    return std::nullopt;
  }
  return Count{{caseAt(summer.pieces, at, set, known)}, /*isComplete=*/false};
}

std::optional<int64_t> evaluate(ArrayRef<CountCase> cases,
                                ArrayRef<int64_t> symbols) {
  for (const CountCase &part : cases) {
    if (llvm::all_of(part.when, [&](const LinearForm &form) {
          return evaluate(form, {}, symbols) >= 0;
        })) {
      return part.value.evaluate(symbols);
    }
  }
  return std::nullopt;
}

} // namespace attn
