//===- SimplifyMask.cpp - masks without what adds nothing -----------------===//
// Of the masks of an `and` those go that hide nothing which the others do not
// hide, of an `or` those that show nothing which the others do not show; `not`
// of `not` is nothing, lists of lists are one list, and a mask that shows every
// pair of the operands goes. Proofs are by integer points, with what is known
// of positions and sizes.
//===----------------------------------------------------------------------===//

#include "SimplifyMask.h"

#include "attn/Dialect/Attn/MaskProblem.h"
#include "attn/Mask/MaskFacts.h"

using namespace mlir;

namespace attn {

namespace {

/// A mask, with the values of its symbols, and its set in the unknowns of the
/// problem.
struct Mask {
  Attribute attribute;
  SmallVector<Value> symbols;
  MaskSet set;
};

class Simplifier {
public:
  Simplifier(AttentionOp op, const MaskProblem &problem)
      : problem(problem), context(op.getContext()) {}

  Mask build(Attribute attribute, ValueRange symbols, const MaskSet &set);
  bool changed = false;

private:
  Mask list(bool isAnd, ArrayRef<Attribute> masks, ValueRange symbols,
            const MaskSet &set);
  const MaskProblem &problem;
  MLIRContext *context;
};

Mask Simplifier::build(Attribute attribute, ValueRange symbols,
                       const MaskSet &set) {
  if (auto any = dyn_cast<OrAttr>(attribute)) {
    return list(/*isAnd=*/false, any.getMasks(), symbols, set);
  }
  if (auto all = dyn_cast<AndAttr>(attribute)) {
    return list(/*isAnd=*/true, all.getMasks(), symbols, set);
  }
  if (auto complement = dyn_cast<NotAttr>(attribute)) {
    Mask inner = build(complement.getMask(), symbols, set.children.front());
    if (auto twice = dyn_cast<NotAttr>(inner.attribute)) {
      changed = true;
      return {twice.getMask(), inner.symbols, inner.set.children.front()};
    }
    return {NotAttr::get(context, inner.attribute), inner.symbols,
            MaskSet::complement(inner.set)};
  }
  return {attribute, llvm::to_vector(symbols), set};
}

Mask Simplifier::list(bool isAnd, ArrayRef<Attribute> masks, ValueRange symbols,
                      const MaskSet &set) {
  std::vector<Mask> parts;
  for (auto [attribute, child] : llvm::zip_equal(masks, set.children)) {
    unsigned count = cast<MaskAttrInterface>(attribute).getMaskSet().numSymbols;
    Mask part = build(attribute, symbols.take_front(count), child);
    symbols = symbols.drop_front(count);
    ArrayRef<Attribute> inner;
    if (auto nested = dyn_cast<AndAttr>(part.attribute); nested && isAnd) {
      inner = nested.getMasks();
    } else if (auto nested = dyn_cast<OrAttr>(part.attribute);
               nested && !isAnd) {
      inner = nested.getMasks();
    }
    if (inner.empty()) {
      parts.push_back(std::move(part));
      continue;
    }
    changed = true;
    ValueRange rest(part.symbols);
    for (auto [attribute, child] : llvm::zip_equal(inner, part.set.children)) {
      unsigned count =
          cast<MaskAttrInterface>(attribute).getMaskSet().numSymbols;
      parts.push_back(
          {attribute, llvm::to_vector(rest.take_front(count)), child});
      rest = rest.drop_front(count);
    }
  }
  // Whether `part` adds nothing beside `other`.
  auto isRedundant = [&](const Mask &part, const Mask &other) {
    return isAnd ? isSubset(other.set, part.set, problem.facts)
                 : isSubset(part.set, other.set, problem.facts);
  };
  // From the end on, so that of equal ones the first stays.
  for (size_t i = parts.size(); i-- > 0 && parts.size() > 1;) {
    bool alone = isAnd ? hidesNothing(parts[i].set, problem.facts)
                       : hidesEverything(parts[i].set, problem.facts);
    bool redundant = alone;
    for (size_t j = 0; j < parts.size() && !redundant; ++j) {
      redundant = i != j && isRedundant(parts[i], parts[j]);
    }
    if (redundant) {
      parts.erase(parts.begin() + i);
      changed = true;
    }
  }
  if (parts.size() == 1) {
    changed = true;
    return std::move(parts.front());
  }
  Mask result;
  SmallVector<Attribute> attributes;
  result.set.kind = isAnd ? MaskSet::Kind::And : MaskSet::Kind::Or;
  result.set.context = context;
  result.set.numSymbols = problem.numSymbols();
  for (Mask &part : parts) {
    attributes.push_back(part.attribute);
    result.symbols.append(part.symbols);
    result.set.children.push_back(std::move(part.set));
  }
  result.attribute = isAnd ? Attribute(AndAttr::get(context, attributes))
                           : OrAttr::get(context, attributes);
  return result;
}

struct SimplifyMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getMaskAttr()) {
      return rewriter.notifyMatchFailure(op, "no mask attribute");
    }
    MaskProblem problem = MaskProblem::of(op);
    if (hidesNothing(problem.set, problem.facts)) {
      rewriter.modifyOpInPlace(op, [&] {
        op.removeMaskAttr();
        op.getMaskSymbolsMutable().clear();
      });
      return success();
    }
    Simplifier simplifier(op, problem);
    Mask mask =
        simplifier.build(op.getMaskAttr(), op.getMaskSymbols(), problem.set);
    if (!simplifier.changed) {
      return rewriter.notifyMatchFailure(op, "each part of the mask counts");
    }
    rewriter.modifyOpInPlace(op, [&] {
      op.setMaskAttr(cast<MaskAttrInterface>(mask.attribute));
      op.getMaskSymbolsMutable().assign(mask.symbols);
    });
    return success();
  }
};

} // namespace

void populateSimplifyMaskPatterns(RewritePatternSet &patterns) {
  patterns.add<SimplifyMask>(patterns.getContext());
}

} // namespace attn
