//===- MaskFindings.cpp - what one should know of a mask ------------------===//

#include "MaskFindings.h"

#include "attn/Mask/MaskFacts.h"

using namespace mlir;

namespace attn {

MaskNames namesOf(const MaskProblem &problem) {
  MaskNames names{{"b", "h", "q", "k", "q0", "q1", "h", "h1"}, {}};
  for (const MaskUnknown &unknown : problem.unknowns) {
    names.symbols.push_back(unknown.name);
  }
  return names;
}

static std::string textOf(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

// Parts of `set` that add nothing.
static void findRedundant(Attribute attribute, const MaskSet &set,
                          const MaskProblem &problem,
                          std::vector<std::string> &found) {
  ArrayRef<Attribute> parts;
  bool isAnd = false;
  if (auto all = dyn_cast<AndAttr>(attribute)) {
    parts = all.getMasks();
    isAnd = true;
  } else if (auto any = dyn_cast<OrAttr>(attribute)) {
    parts = any.getMasks();
  } else if (auto complement = dyn_cast<NotAttr>(attribute)) {
    findRedundant(complement.getMask(), set.children.front(), problem, found);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const MaskSet &inner = set.children[i];
    findRedundant(parts[i], inner, problem, found);
    for (size_t j = i + 1; j < parts.size(); ++j) {
      const MaskSet &other = set.children[j];
      bool isInside = isSubset(inner, other, problem.facts);
      bool contains = isSubset(other, inner, problem.facts);
      if (isInside && contains) {
        found.push_back(textOf(parts[i]) + " and " + textOf(parts[j]) +
                        " show the same pairs");
      } else if (isInside || contains) {
        size_t small = isInside ? i : j, large = isInside ? j : i;
        found.push_back(textOf(parts[small]) + " is inside of " +
                        textOf(parts[large]) + ", so that " +
                        textOf(parts[isAnd ? large : small]) + " adds nothing");
      }
    }
  }
}

std::vector<std::string> findInMask(AttentionOp op,
                                    const MaskProblem &problem) {
  std::vector<std::string> found;
  MaskAttrInterface mask = op.getMaskAttr();
  if (mask && hidesNothing(problem.set, problem.facts)) {
    return {"the mask hides nothing: every query sees every key"};
  }
  if (hidesEverything(problem.set, problem.facts)) {
    return {"the mask hides everything: no query sees a key"};
  }
  MaskNames names = namesOf(problem);
  std::optional<std::vector<MaskTerm>> rows =
      hiddenRows(problem.set, problem.facts);
  if (rows && !rows->empty()) {
    MaskTerm ofSizes; // nothing new where only this holds
    for (const LinearForm &form : problem.facts) {
      if (!form.uses(BatchDim) && !form.uses(HeadDim) && !form.uses(QueryDim) &&
          !form.uses(KeyDim)) {
        ofSizes.push_back(form);
      }
    }
    Prover prover(problem.set.context, problem.numSymbols());
    bool always = false;
    std::vector<std::string> when;
    for (MaskTerm &condition : *rows) {
      std::string text =
          toText(withoutImplied(std::move(condition), ofSizes, prover), names);
      always |= text.empty();
      if (!llvm::is_contained(when, text)) {
        when.push_back(std::move(text));
      }
    }
    std::string text =
        always ? "a query sees no key, whatever the sizes"
               : "a query sees no key where " + llvm::join(when, ", or where ");
    found.push_back(text + "; its result is 0, its lse -inf");
  }
  if (mask) {
    findRedundant(mask, problem.set, problem, found);
  }
  return found;
}

} // namespace attn
