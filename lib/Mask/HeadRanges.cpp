//===- HeadRanges.cpp - masks that differ by head -------------------------===//

#include "attn/Mask/HeadRanges.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <set>

using namespace mlir;

namespace attn {

static bool isOfHeadAlone(const LinearForm &form) {
  if (form.terms.size() != 1) {
    return false;
  }
  auto dim = dyn_cast<AffineDimExpr>(form.terms.front().first);
  return dim && dim.getPosition() == HeadDim;
}

// Heads from which on a constraint holds, or does not.
static void collectCuts(const MaskSet &set, std::set<int64_t> &cuts) {
  for (const LinearForm &form : set.constraints) {
    if (isOfHeadAlone(form)) {
      int64_t factor = form.terms.front().second;
      cuts.insert(factor > 0
                      ? llvm::divideCeilSigned(-form.constant, factor)
                      : llvm::divideFloorSigned(form.constant, -factor) + 1);
    }
  }
  for (const MaskSet &child : set.children) {
    collectCuts(child, cuts);
  }
}

static bool isAll(const MaskSet &set) {
  return set.kind == MaskSet::Kind::Set && set.constraints.empty();
}
static bool isNothing(const MaskSet &set) {
  return set.kind == MaskSet::Kind::Set &&
         llvm::any_of(set.constraints, [](const LinearForm &form) {
           return form.isConstant() && form.constant < 0;
         });
}

// The set at `head`, which stands for its range.
static MaskSet atHead(const MaskSet &set, int64_t head) {
  using Kind = MaskSet::Kind;
  MaskSet result = set;
  auto constant = [&](bool all) {
    result.kind = Kind::Set;
    result.children.clear();
    result.constraints.clear();
    if (!all) {
      result.constraints.push_back(LinearForm(-1));
    }
    return result;
  };
  if (set.kind == Kind::Set) {
    result.constraints.clear();
    int64_t dims[] = {0, head, 0, 0};
    for (const LinearForm &form : set.constraints) {
      if (!isOfHeadAlone(form)) {
        result.constraints.push_back(form);
      } else if (evaluate(form, dims, {}) < 0) {
        return constant(false);
      }
    }
    return result;
  }
  result.children.clear();
  for (const MaskSet &child : set.children) {
    MaskSet part = atHead(child, head);
    if (set.kind == Kind::Not) {
      result.children.push_back(std::move(part));
    } else if (set.kind == Kind::And ? isNothing(part) : isAll(part)) {
      return constant(set.kind == Kind::Or);
    } else if (set.kind == Kind::And ? !isAll(part) : !isNothing(part)) {
      result.children.push_back(std::move(part));
    }
  }
  if (set.kind == Kind::Not) {
    const MaskSet &part = result.children.front();
    return isAll(part) || isNothing(part) ? constant(isNothing(part)) : result;
  }
  if (result.children.empty()) {
    return constant(set.kind == Kind::And);
  }
  if (result.children.size() == 1) {
    return MaskSet(result.children.front());
  }
  return result;
}

std::vector<HeadRange> headRanges(const MaskSet &set, int64_t heads) {
  std::set<int64_t> cuts{0, heads};
  collectCuts(set, cuts);
  std::vector<HeadRange> ranges;
  for (auto it = cuts.begin(); it != cuts.end(); ++it) {
    auto next = std::next(it);
    if (*it >= 0 && *it < heads && next != cuts.end()) {
      ranges.push_back({*it, std::min(*next, heads), atHead(set, *it)});
    }
  }
  return ranges;
}

} // namespace attn
