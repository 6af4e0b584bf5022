//===- Count.cpp - how many points a mask has, as a formula ---------------===//

#include "attn/Mask/Count.h"

#include "attn/Mask/MaskFacts.h"
#include "attn/Mask/Prover.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

namespace {

constexpr int64_t kFar = MaskSet::kUnbounded;

// Those of `facts` that have no dimension in them.
MaskTerm ofSymbols(const MaskTerm &facts, MLIRContext *context) {
  MaskTerm result;
  for (const LinearForm &form : facts) {
    bool hasDim = false;
    form.expr(context).walk(
        [&](AffineExpr inner) { hasDim |= isa<AffineDimExpr>(inner); });
    if (!hasDim) {
      result.push_back(form);
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Cases
//===----------------------------------------------------------------------===//

// The conditions of the pieces, decided one after the other.
class Cases {
public:
  Cases(const MaskSet &set, const MaskTerm &facts)
      : context(set.context), numSymbols(set.numSymbols),
        prover(context, numSymbols), known(ofSymbols(facts, context)),
        mostQuestions(numSymbols <= 1 ? 600 : 150) {} // each costs more then

  /// False where there are too many cases.
  bool run(std::vector<CountCase> pieces);

  std::vector<CountCase> cases;

private:
  bool split(const std::vector<CountCase> &pieces, MaskTerm path);
  void joinRanges();
  void joinBorders();
  bool agree(const Polynomial &a, const Polynomial &b, const LinearForm &zero);
  std::optional<bool> decide(const LinearForm &form, const MaskTerm &path);

  MLIRContext *context;
  unsigned numSymbols;
  Prover prover;
  MaskTerm known; // of the symbols
  size_t mostQuestions, questions = 0;
};

// Whether `form` >= 0 where `path` holds: always, never, or it depends.
std::optional<bool> Cases::decide(const LinearForm &form,
                                  const MaskTerm &path) {
  if (form.isConstant()) {
    return form.constant >= 0;
  }
  for (const LinearForm &other : path) {
    LinearForm difference = form - other, sum = form + other;
    if (difference.isConstant() && difference.constant >= 0) {
      return true;
    }
    if (sum.isConstant() && sum.constant < 0) {
      return false;
    }
  }
  ++questions;
  MaskTerm with = path;
  with.push_back(LinearForm(-1) - form);
  if (prover.isEmpty(with)) {
    return true;
  }
  with.back() = form;
  return prover.isEmpty(with) ? std::optional<bool>(false) : std::nullopt;
}

bool Cases::split(const std::vector<CountCase> &pieces, MaskTerm path) {
  if (questions > mostQuestions) {
    return false;
  }
  std::vector<CountCase> open;
  std::optional<LinearForm> question;
  for (const CountCase &piece : pieces) {
    CountCase left{{}, piece.value};
    bool never = false;
    for (const LinearForm &form : piece.when) {
      std::optional<bool> holds = decide(form, path);
      if (!holds) {
        left.when.push_back(form);
      } else if (!*holds) {
        never = true;
        break;
      }
    }
    if (!never) {
      if (!left.when.empty() && !question) {
        question = left.when.front();
      }
      open.push_back(std::move(left));
    }
  }
  if (!question) {
    Polynomial sum;
    for (const CountCase &piece : open) {
      sum = sum + piece.value;
    }
    cases.push_back({std::move(path), std::move(sum)});
    return cases.size() <= 3 * kMostCases;
  }
  size_t first = cases.size();
  MaskTerm no = path;
  no.push_back(LinearForm(-1) - *question);
  path.push_back(*question);
  if (!split(open, std::move(path))) {
    return false;
  }
  size_t second = cases.size();
  if (!split(open, no)) {
    return false;
  }
  // Two cases of one value are one.
  if (second == first + 1 && cases.size() == first + 2 &&
      cases[first].value == cases[second].value) {
    cases.pop_back();
    no.pop_back();
    cases[first].when = std::move(no);
  }
  return true;
}

// For one symbol: cases in order of it, with what holds in both of two
// neighbours joined.
void Cases::joinRanges() {
  struct Ranged {
    int64_t low, high;
    Polynomial value;
  };
  std::vector<Ranged> ranges;
  for (const CountCase &part : cases) {
    Ranged range{-kFar, kFar, part.value};
    for (const LinearForm &form : part.when) {
      if (form.terms.size() != 1 ||
          !isa<AffineSymbolExpr>(form.terms[0].first)) {
        return;
      }
      int64_t factor = form.terms[0].second;
      if (factor > 0) {
        range.low =
            std::max(range.low, llvm::divideCeilSigned(-form.constant, factor));
      } else {
        range.high = std::min(range.high,
                              llvm::divideFloorSigned(form.constant, -factor));
      }
    }
    ranges.push_back(std::move(range));
  }
  llvm::sort(ranges,
             [](const Ranged &a, const Ranged &b) { return a.low < b.low; });
  // Whether `value` counts what is in `range` too; asked of short ones alone.
  auto fits = [&](const Polynomial &value, const Ranged &range) {
    if (value == range.value) {
      return true;
    }
    if (range.high - range.low >= 4) {
      return false;
    }
    for (int64_t n = range.low; n <= range.high; ++n) {
      if (value.evaluate({n}) != range.value.evaluate({n})) {
        return false;
      }
    }
    return true;
  };
  std::vector<Ranged> joined;
  for (Ranged &range : ranges) {
    bool touches = !joined.empty() && joined.back().high + 1 == range.low;
    if (touches && fits(joined.back().value, range)) {
      joined.back().high = range.high;
    } else if (touches && fits(range.value, joined.back())) {
      joined.back().high = range.high;
      joined.back().value = std::move(range.value);
    } else {
      joined.push_back(std::move(range));
    }
  }
  LinearForm symbol = LinearForm::of(getAffineSymbolExpr(0, context));
  cases.clear();
  for (Ranged &range : joined) {
    MaskTerm when;
    if (range.low > -kFar) {
      when.push_back(symbol - LinearForm(range.low));
    }
    if (range.high < kFar) {
      when.push_back(LinearForm(range.high) - symbol);
    }
    cases.push_back({std::move(when), std::move(range.value)});
  }
}

// Whether `a` and `b` are equal where `zero` is 0, as far as replacing a symbol
// shows.
bool Cases::agree(const Polynomial &a, const Polynomial &b,
                  const LinearForm &zero) {
  Polynomial difference = a - b;
  for (auto [term, factor] : zero.terms) {
    if (!isa<AffineSymbolExpr>(term) || std::abs(factor) != 1 ||
        difference.hasInQuotient(term)) {
      continue;
    }
    LinearForm value = LinearForm::of(term);
    value.add(zero, -factor);
    if (difference.substitute(term, value).isZero()) {
      return true;
    }
  }
  return false;
}

// A case that holds on the border of another one alone, and has its value
// there, becomes a part of it.
void Cases::joinBorders() {
  // Whether all of `term` satisfies `other`.
  auto isInside = [&](const MaskTerm &term, const MaskTerm &other) {
    return llvm::all_of(other, [&](const LinearForm &form) {
      return decide(form, term) == true;
    });
  };
  for (size_t a = 0; a < cases.size(); ++a) {
    bool joined = false;
    for (size_t b = 0; b < cases.size() && !joined; ++b) {
      for (size_t n = 0; n < cases[b].when.size() && a != b; ++n) {
        LinearForm border = cases[b].when[n] + LinearForm(1);
        if (questions > 2 * mostQuestions) {
          return;
        }
        if (!agree(cases[a].value, cases[b].value, border)) {
          continue;
        }
        MaskTerm thin = cases[b].when;
        thin[n] = border;
        thin.push_back(LinearForm() - border);
        if (isInside(cases[a].when, thin) && isInside(thin, cases[a].when)) {
          cases[b].when[n] = border;
          joined = true;
          break;
        }
      }
    }
    if (joined) {
      cases.erase(cases.begin() + a);
      a = size_t(-1); // another one may have a border on it now
    }
  }
}

bool Cases::run(std::vector<CountCase> pieces) {
  for (CountCase &piece : pieces) {
    piece.when = withoutImplied(std::move(piece.when), known, prover);
  }
  if (!split(pieces, known)) {
    return false;
  }
  if (numSymbols == 1) {
    joinRanges();
  } else {
    joinBorders();
  }
  for (CountCase &part : cases) {
    llvm::erase_if(part.when, [&](const LinearForm &form) {
      return llvm::is_contained(known, form);
    });
    part.when = withoutImplied(std::move(part.when), known, prover);
  }
  return cases.size() <= kMostCases;
}

} // namespace

// The case that holds at `symbols`.
static CountCase caseAt(ArrayRef<CountCase> pieces, ArrayRef<int64_t> symbols) {
  CountCase result;
  for (const CountCase &piece : pieces) {
    auto fails = llvm::find_if(piece.when, [&](const LinearForm &form) {
      return evaluate(form, {}, symbols) < 0;
    });
    if (fails != piece.when.end()) {
      result.when.push_back(LinearForm(-1) - *fails);
    } else {
      llvm::append_range(result.when, piece.when);
      result.value = result.value + piece.value;
    }
  }
  simplify(result.when);
  return result;
}

std::optional<Count> countPoints(const MaskSet &set, const MaskTerm &facts,
                                 ArrayRef<unsigned> dims,
                                 ArrayRef<int64_t> at) {
  Summer summer(set, facts);
  if (!summer.run(dims)) {
    return std::nullopt;
  }
  Cases cases(set, facts);
  if (cases.run(summer.pieces)) {
    return Count{std::move(cases.cases), /*isComplete=*/true};
  }
  if (at.empty()) {
    return std::nullopt;
  }
  CountCase here = caseAt(summer.pieces, at);
  Prover prover(set.context, set.numSymbols);
  here.when = withoutImplied(std::move(here.when),
                             ofSymbols(facts, set.context), prover);
  return Count{{std::move(here)}, /*isComplete=*/false};
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
