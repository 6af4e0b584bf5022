//===- CountCases.cpp - sums under conditions, as cases -------------------===//

#include "CountCases.h"

#include "attn/Mask/MaskFacts.h"
#include "attn/Mask/Prover.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

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

namespace {

constexpr int64_t kFar = MaskSet::kUnbounded;

// The conditions of the pieces, decided one after the other.
class Cases {
public:
  Cases(const MaskSet &set, const MaskTerm &known)
      : context(set.context), numSymbols(set.numSymbols),
        prover(context, numSymbols), known(known),
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

// `form` >= 0 as bounds of the only symbol; false where it is none.
static bool bound(const LinearForm &form, int64_t &low, int64_t &high) {
  if (form.terms.size() != 1) {
    return false;
  }
  auto [term, factor] = form.terms[0];
  int64_t least = -kFar, most = kFar; // of the term
  if (factor > 0) {
    least = llvm::divideCeilSigned(-form.constant, factor);
  } else {
    most = llvm::divideFloorSigned(form.constant, -factor);
  }
  // floor((s + a) / c) >= t is s + a >= c t, and <= t is s + a < c (t + 1).
  if (auto quotient = dyn_cast<AffineBinaryOpExpr>(term)) {
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    LinearForm above = LinearForm::of(quotient.getLHS());
    if (above.terms.size() != 1 || above.terms[0].second != 1 ||
        !isa<AffineSymbolExpr>(above.terms[0].first)) {
      return false;
    }
    least = least == -kFar ? least : least * by - above.constant;
    most = most == kFar ? most : most * by + by - 1 - above.constant;
  }
  low = std::max(low, least);
  high = std::min(high, most);
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
      if (!bound(form, range.low, range.high)) {
        return;
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

std::optional<std::vector<CountCase>> toCases(std::vector<CountCase> pieces,
                                              const MaskSet &set,
                                              const MaskTerm &known) {
  Cases cases(set, known);
  if (!cases.run(std::move(pieces))) {
    return std::nullopt;
  }
  return std::move(cases.cases);
}

CountCase caseAt(ArrayRef<CountCase> pieces, ArrayRef<int64_t> symbols,
                 const MaskSet &set, const MaskTerm &known) {
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
  Prover prover(set.context, set.numSymbols);
  result.when = withoutImplied(std::move(result.when), known, prover);
  return result;
}

} // namespace attn
