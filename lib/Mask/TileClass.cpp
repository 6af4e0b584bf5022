//===- TileClass.cpp - what is known of one tile --------------------------===//

#include "attn/Mask/TileClass.h"

#include "attn/Mask/Prover.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

namespace {

struct Interval {
  int64_t low, high;
};

class Classifier {
public:
  Classifier(const MaskSet &set, const TileBox &box) : set(set), box(box) {
    dims[BatchDim] = {box.batch, box.batch};
    dims[HeadDim] = {box.firstHead, box.lastHead};
    dims[QueryDim] = {box.firstQuery, box.lastQuery};
    dims[KeyDim] = {box.firstKey, box.lastKey};
  }

  TileClass run();

private:
  Interval valuesOf(AffineExpr expr);
  Interval valuesOf(const LinearForm &form);
  std::optional<bool> decide(const MaskSet &set);
  bool sample(bool visible);
  bool isEmpty(bool negated);

  const MaskSet &set;
  const TileBox &box;
  Interval dims[4];
};

Interval Classifier::valuesOf(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return dims[dim.getPosition()];
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    int64_t value = box.symbols[symbol.getPosition()];
    return {value, value};
  }
  auto quotient = cast<AffineBinaryOpExpr>(expr);
  int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
  Interval inner = valuesOf(LinearForm::of(quotient.getLHS()));
  return {llvm::divideFloorSigned(inner.low, by),
          llvm::divideFloorSigned(inner.high, by)};
}

Interval Classifier::valuesOf(const LinearForm &form) {
  Interval sum{form.constant, form.constant};
  for (auto [term, factor] : form.terms) {
    Interval values = valuesOf(term);
    sum.low += factor * (factor > 0 ? values.low : values.high);
    sum.high += factor * (factor > 0 ? values.high : values.low);
  }
  return sum;
}

// Whether all or none of the tile is in `part`.
std::optional<bool> Classifier::decide(const MaskSet &part) {
  if (part.kind == MaskSet::Kind::Not) {
    std::optional<bool> inner = decide(part.children.front());
    return inner ? std::optional<bool>(!*inner) : std::nullopt;
  }
  bool isOr = part.kind == MaskSet::Kind::Or;
  bool known = true;
  auto join = [&](std::optional<bool> next) {
    known &= next.has_value();
    return next == isOr; // decides the whole
  };
  for (const LinearForm &form : part.constraints) {
    Interval values = valuesOf(form);
    if (join(values.low >= 0   ? std::optional<bool>(true)
             : values.high < 0 ? std::optional<bool>(false)
                               : std::nullopt)) {
      return isOr;
    }
  }
  for (const MaskSet &child : part.children) {
    if (join(decide(child))) {
      return isOr;
    }
  }
  return known ? std::optional<bool>(!isOr) : std::nullopt;
}

// Whether a corner or the middle of the tile is (in)visible.
bool Classifier::sample(bool visible) {
  int64_t heads[] = {box.firstHead, box.lastHead};
  int64_t queries[] = {box.firstQuery, box.lastQuery,
                       (box.firstQuery + box.lastQuery) / 2};
  int64_t keys[] = {box.firstKey, box.lastKey,
                    (box.firstKey + box.lastKey) / 2};
  for (int64_t h : heads) {
    for (int64_t q : queries) {
      for (int64_t k : keys) {
        if (set.contains({box.batch, h, q, k, box.symbols}) == visible) {
          return true;
        }
      }
    }
  }
  return false;
}

// Whether no point of the tile is in the set, or outside of it.
bool Classifier::isEmpty(bool negated) {
  MLIRContext *context = set.context;
  std::optional<std::vector<MaskTerm>> terms = set.terms(negated);
  if (!terms) {
    // Too many terms for the solver: every point is asked.
    for (int64_t h = box.firstHead; h <= box.lastHead; ++h) {
      for (int64_t q = box.firstQuery; q <= box.lastQuery; ++q) {
        for (int64_t k = box.firstKey; k <= box.lastKey; ++k) {
          if (set.contains({box.batch, h, q, k, box.symbols}) != negated) {
            return false;
          }
        }
      }
    }
    return true;
  }
  MaskTerm tile;
  for (unsigned d = 0; d < 4; ++d) {
    LinearForm dim = LinearForm::of(getAffineDimExpr(d, context));
    tile.push_back(dim - LinearForm(dims[d].low));
    tile.push_back(LinearForm(dims[d].high) - dim);
  }
  for (unsigned s = 0; s < set.numSymbols; ++s) {
    LinearForm symbol = LinearForm::of(getAffineSymbolExpr(s, context));
    tile.push_back(symbol - LinearForm(box.symbols[s]));
    tile.push_back(LinearForm(box.symbols[s]) - symbol);
  }
  Prover prover(context, set.numSymbols);
  for (MaskTerm &term : *terms) {
    term.insert(term.end(), tile.begin(), tile.end());
    if (!prover.isEmpty(term)) {
      return false;
    }
  }
  return true;
}

TileClass Classifier::run() {
  if (std::optional<bool> all = decide(set)) {
    return *all ? TileClass::Full : TileClass::Empty;
  }
  if (!sample(/*visible=*/true) && isEmpty(/*negated=*/false)) {
    return TileClass::Empty;
  }
  if (!sample(/*visible=*/false) && isEmpty(/*negated=*/true)) {
    return TileClass::Full;
  }
  return TileClass::Partial;
}

} // namespace

TileClass classifyTile(const MaskSet &set, const TileBox &box) {
  return Classifier(set, box).run();
}

} // namespace attn
