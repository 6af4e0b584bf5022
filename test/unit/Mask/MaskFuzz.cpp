//===- MaskFuzz.cpp - random masks ----------------------------------------===//

#include "MaskFuzz.h"

using namespace attn;
using namespace mlir;

static int64_t floorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && a < 0);
}

static std::string call(const char *name, int64_t a) {
  return std::string(name) + "<" + std::to_string(a) + ">";
}

// A set of one or two constraints, over heads and a symbol too.
FuzzMask MaskGenerator::points(bool heads) {
  struct Constraint {
    int64_t q, k, h, s, c, by;
  };
  std::vector<Constraint> constraints;
  SmallVector<AffineExpr> exprs;
  AffineExpr h = getAffineDimExpr(1, context), q = getAffineDimExpr(2, context),
             k = getAffineDimExpr(3, context),
             s = getAffineSymbolExpr(0, context);
  std::string text = "set<";
  for (int64_t n = 1 + below(2); n > 0; --n) {
    Constraint c{below(5) - 2, below(5) - 2,   heads ? below(7) - 3 : 0,
                 below(3) - 1, below(30) - 12, 1 + below(4)};
    constraints.push_back(c);
    exprs.push_back((q * c.q + h * c.h + s * c.s + c.c).floorDiv(c.by) +
                    k * c.k);
    for (int64_t value : {c.q, c.k, c.h, c.s, c.c, c.by}) {
      text += std::to_string(value) + " ";
    }
  }
  return {MaskSet::points(AffineMap::get(4, 1, exprs, context)),
          [constraints](const MaskPoint &p) {
            for (const Constraint &c : constraints) {
              int64_t above = c.q * p.q + c.h * p.h + c.s * p.symbols[0] + c.c;
              if (floorDiv(above, c.by) + c.k * p.k < 0) {
                return false;
              }
            }
            return true;
          },
          text + ">"};
}

FuzzMask MaskGenerator::leaf(bool heads) {
  switch (below(heads ? 9 : 8)) {
  case 0:
  case 1: {
    int64_t l = below(12) - 1, r = below(6) - 1;
    return {MaskSet::band(context, l, r),
            [=](const MaskPoint &p) {
              return (l < 0 || p.q - l <= p.k) && (r < 0 || p.k <= p.q + r);
            },
            call("left", l) + call("right", r)};
  }
  case 2:
    return {MaskSet::band(context, -1, 0),
            [](const MaskPoint &p) { return p.k <= p.q; }, "causal"};
  case 3: {
    int64_t n = below(20);
    return {MaskSet::prefix(context, n),
            [=](const MaskPoint &p) { return p.k < n; }, call("prefix", n)};
  }
  case 4: {
    int64_t n = below(10);
    return {MaskSet::global(context, n),
            [=](const MaskPoint &p) { return p.k < n || p.q < n; },
            call("global", n)};
  }
  case 5: {
    int64_t c = 1 + below(9);
    return {MaskSet::chunk(context, c),
            [=](const MaskPoint &p) {
              return floorDiv(p.q, c) == floorDiv(p.k, c);
            },
            call("chunk", c)};
  }
  case 6: {
    int64_t d = 1 + below(4);
    return {MaskSet::dilated(context, d),
            [=](const MaskPoint &p) { return (p.q - p.k) % d == 0; },
            call("dilated", d)};
  }
  default:
    return points(heads);
  }
}

FuzzMask MaskGenerator::tree(int depth, bool heads) {
  int64_t kind = depth == 0 ? 0 : below(6);
  if (kind < 2) {
    return leaf(heads);
  }
  if (kind == 2) {
    FuzzMask inner = tree(depth - 1, heads);
    return {MaskSet::complement(inner.set),
            [f = inner.contains](const MaskPoint &p) { return !f(p); },
            "not " + inner.text};
  }
  bool isAnd = kind == 3;
  std::vector<FuzzMask> parts;
  std::vector<MaskSet> sets;
  std::string text;
  for (int64_t n = 2 + below(2); n > 0; --n) {
    parts.push_back(tree(depth - 1, heads));
    sets.push_back(parts.back().set);
    text += (text.empty() ? "(" : isAnd ? " and " : " or ") + parts.back().text;
  }
  auto contains = [parts, isAnd](const MaskPoint &point) {
    MaskPoint p = point;
    for (const FuzzMask &part : parts) {
      if (part.contains(p) != isAnd) {
        return !isAnd;
      }
      p.symbols = p.symbols.drop_front(part.set.numSymbols);
    }
    return isAnd;
  };
  return {isAnd ? MaskSet::all(sets) : MaskSet::any(sets), contains,
          text + ")"};
}
