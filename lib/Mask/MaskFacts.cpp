//===- MaskFacts.cpp - what can be proved of masks ------------------------===//

#include "attn/Mask/MaskFacts.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attn {

// Whether no term has a point where `facts` hold.
static bool areEmpty(std::optional<std::vector<MaskTerm>> terms,
                     const MaskSet &set, const MaskTerm &facts) {
  if (!terms) {
    return false;
  }
  Prover prover(set.context, set.numSymbols);
  return llvm::all_of(*terms, [&](MaskTerm &term) {
    term.insert(term.end(), facts.begin(), facts.end());
    return !simplify(term) || prover.isEmpty(term);
  });
}

bool isSubset(const MaskSet &inner, const MaskSet &outer,
              const MaskTerm &facts) {
  MaskSet rest;
  rest.kind = MaskSet::Kind::And;
  rest.context = inner.context;
  rest.numSymbols = inner.numSymbols;
  rest.children = {inner, MaskSet::complement(outer)};
  return hidesEverything(rest, facts);
}

bool hidesNothing(const MaskSet &set, const MaskTerm &facts) {
  return areEmpty(set.terms(/*negated=*/true), set, facts);
}

bool hidesEverything(const MaskSet &set, const MaskTerm &facts) {
  return areEmpty(set.terms(), set, facts);
}

// Whether each query sees the key of its own position.
static bool seesItself(const MaskSet &set, const MaskTerm &rows,
                       const MaskTerm &facts) {
  MLIRContext *context = set.context;
  std::optional<std::vector<MaskTerm>> hidden = set.terms(/*negated=*/true);
  if (!hidden) {
    return false;
  }
  SmallVector<AffineExpr> dims;
  for (unsigned d = 0; d < NumMaskDims; ++d) {
    dims.push_back(getAffineDimExpr(d == KeyDim ? QueryDim : d, context));
  }
  // That key is one, and not hidden.
  for (const LinearForm &form : facts) {
    hidden->push_back({LinearForm(-1) - form});
  }
  for (MaskTerm &term : *hidden) {
    for (LinearForm &form : term) {
      form = form.substitute(dims, context);
    }
  }
  return areEmpty(std::move(hidden), set, rows);
}

std::optional<std::vector<MaskTerm>> hiddenRows(const MaskSet &set,
                                                const MaskTerm &facts) {
  std::optional<std::vector<MaskTerm>> terms = set.terms();
  if (!terms) {
    return std::nullopt;
  }
  MLIRContext *context = set.context;
  Prover prover(context, set.numSymbols);
  bool exact = true;
  MaskTerm all = eliminate(facts, KeyDim, {}, {}, context, exact);
  if (exact && seesItself(set, all, facts)) {
    return std::vector<MaskTerm>();
  }
  std::vector<MaskTerm> hidden = {all}; // rows that no term so far shows a key
  constexpr size_t kMost = 64;
  for (MaskTerm term : *terms) {
    term.insert(term.end(), facts.begin(), facts.end());
    if (!simplify(term)) {
      continue;
    }
    MaskTerm sees = eliminate(term, KeyDim, {}, {}, context, exact);
    std::vector<MaskTerm> next;
    for (const MaskTerm &rows : hidden) {
      for (const LinearForm &form : sees) {
        MaskTerm piece = rows;
        piece.push_back(LinearForm(-1) - form);
        if (simplify(piece) && !prover.isEmpty(piece)) {
          next.push_back(std::move(piece));
        }
      }
      if (next.size() > kMost) {
        return std::nullopt;
      }
    }
    hidden = std::move(next);
  }
  std::vector<MaskTerm> conditions;
  for (const MaskTerm &rows : hidden) {
    MaskTerm condition = rows;
    for (unsigned dim : {QueryDim, HeadDim, BatchDim}) {
      condition = eliminate(condition, dim, {}, {}, context, exact);
    }
    if (simplify(condition) && !prover.isEmpty(condition)) {
      conditions.push_back(std::move(condition));
    }
  }
  return exact ? std::optional(conditions) : std::nullopt;
}

MaskTerm withoutImplied(MaskTerm term, const MaskTerm &facts, Prover &prover) {
  for (size_t i = 0; i < term.size();) {
    MaskTerm others = facts;
    for (auto [j, form] : llvm::enumerate(term)) {
      others.push_back(j == i ? LinearForm(-1) - form : form);
    }
    if (prover.isEmpty(others)) {
      term.erase(term.begin() + i);
    } else {
      ++i;
    }
  }
  return term;
}

} // namespace attn
