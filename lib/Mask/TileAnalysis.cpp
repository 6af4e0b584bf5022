//===- TileAnalysis.cpp - what the rows of a tile can see -----------------===//

#include "attn/Mask/TileAnalysis.h"

#include "attn/Mask/BoundSteps.h"
#include "attn/Mask/Prover.h"
#include "llvm/ADT/STLExtras.h"

#include <memory>

using namespace mlir;

namespace attn {

namespace {

/// max(lowers) <= k < min(uppers) where all guards are 0 or more; where some
/// are not, `otherwise`, which lies inside of the bounds, or nothing.
struct Range {
  MaskTerm lowers, uppers, guards;
  std::shared_ptr<const Range> otherwise;
};

using Kind = BoundStep::Kind;

class Analyzer {
public:
  Analyzer(const MaskSet &set, TileWalk walk, bool oneHead)
      : set(set), context(set.context), prover(context, set.numSymbols),
        inside(walk == TileWalk::Keys ? QueryDim : KeyDim),
        along(walk == TileWalk::Keys ? KeyDim : QueryDim), oneHead(oneHead) {
    lower = step({Kind::Lower});
    upper = step({Kind::Upper});
  }

  TileSegments segments();
  TileSegments hull();

private:
  LinearForm dim(unsigned position) {
    return LinearForm::of(getAffineDimExpr(position, context));
  }
  std::vector<Range> ranges(bool negated);
  bool rangeOf(MaskTerm term, Range &range);
  void joinGuarded(std::vector<Range> &ranges);
  /// `variable` is some value in [from, to].
  MaskTerm without(const MaskTerm &term, unsigned variable, unsigned from,
                   unsigned to) {
    return eliminate(term, variable, {dim(from)}, {dim(to)}, context,
                     result.exact);
  }

  unsigned step(BoundStep next);
  unsigned form(const LinearForm &form) { return step({Kind::Form, form}); }
  unsigned min(unsigned a, unsigned b);
  unsigned max(unsigned a, unsigned b);

  /// A range as steps. `range` is null where it depends on the tile which range
  /// it is; `tail` is one without end, which the start was clamped to.
  struct Ends {
    unsigned lower, upper;
    const Range *range;
    const Range *tail;
  };
  std::vector<Ends> sorted(const std::vector<Range> &ranges);
  void takeInOrder(std::vector<const Range *> &open, std::vector<Ends> &order);
  bool reaches(const Range &range, const Ends &gap);
  Ends ends(const Range &range);
  bool startsBefore(const Range &a, const Range &b);
  bool endsWithin(const Range &inner, const Range &outer);
  bool isBelow(const MaskTerm &uppers, const MaskTerm &lowers);
  bool covers(const Range &outer, const Range &inner);

  const MaskSet &set;
  MLIRContext *context;
  Prover prover;
  unsigned inside, along;
  bool oneHead;
  TileSegments result;
  unsigned lower, upper;
};

//===----------------------------------------------------------------------===//
// Ranges of terms
//===----------------------------------------------------------------------===//

// False where nothing is in the term.
bool Analyzer::rangeOf(MaskTerm term, Range &range) {
  if (oneHead) {
    SmallVector<AffineExpr> dims;
    for (unsigned d = 0; d < 4; ++d) {
      dims.push_back(
          getAffineDimExpr(d == HeadDim ? FirstHeadDim : d, context));
    }
    for (LinearForm &form : term) {
      form = form.substitute(dims, context);
    }
  }
  term = without(term, inside, FromDim, ToDim);
  if (!oneHead && llvm::any_of(term, [](const LinearForm &form) {
        return form.uses(HeadDim);
      })) {
    term = without(term, HeadDim, FirstHeadDim, LastHeadDim);
  }
  if (!simplify(term)) {
    return false;
  }
  for (LinearForm &form : term) {
    if (prover.isNonNegative(form)) {
      continue;
    }
    std::optional<VariableBound> bound =
        solveFor(form, along, context, result.exact);
    if (!bound) {
      if (!form.isConstant()) {
        range.guards.push_back(std::move(form));
      } else if (form.constant < 0) {
        return false;
      }
    } else if (bound->isLower) {
      range.lowers.push_back(std::move(bound->value));
    } else {
      range.uppers.push_back(bound->value.add(LinearForm(1)));
    }
  }
  // Of bounds that are always the looser ones nothing need be computed.
  auto drop = [&](MaskTerm &bounds, bool isLower) {
    for (size_t i = 0; i < bounds.size(); ++i) {
      for (size_t j = 0; j < bounds.size(); ++j) {
        if (i != j && (isLower ? prover.isAtMost(bounds[i], bounds[j])
                               : prover.isAtMost(bounds[j], bounds[i]))) {
          bounds.erase(bounds.begin() + i--);
          break;
        }
      }
    }
  };
  drop(range.lowers, /*isLower=*/true);
  drop(range.uppers, /*isLower=*/false);
  return true;
}

std::vector<Range> Analyzer::ranges(bool negated) {
  std::optional<std::vector<MaskTerm>> terms = set.terms(negated);
  if (!terms) {
    result.exact = false;
    return {Range()};
  }
  std::vector<Range> ranges;
  for (const MaskTerm &term : *terms) {
    Range range;
    if (rangeOf(term, range)) {
      ranges.push_back(std::move(range));
    }
  }
  joinGuarded(ranges);
  return ranges;
}

// A range that is there on a condition (what a tile with global queries sees)
// takes in the ones that lie inside of it: one range, by the condition.
void Analyzer::joinGuarded(std::vector<Range> &ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    for (size_t j = 0; j < ranges.size(); ++j) {
      const Range &outer = ranges[i], &inner = ranges[j];
      if (i == j || outer.guards.empty() || outer.otherwise ||
          inner.otherwise || !startsBefore(outer, inner) ||
          !endsWithin(inner, outer)) {
        continue;
      }
      ranges[i].otherwise = std::make_shared<const Range>(inner);
      ranges.erase(ranges.begin() + j);
      i = -1; // from the start, as places have changed
      break;
    }
  }
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

unsigned Analyzer::step(BoundStep next) {
  for (auto [i, old] : llvm::enumerate(result.steps)) {
    if (old.kind == next.kind && old.a == next.a && old.b == next.b &&
        old.left == next.left && old.right == next.right &&
        old.form.constant == next.form.constant &&
        old.form.terms == next.form.terms) {
      return i;
    }
  }
  result.steps.push_back(std::move(next));
  return result.steps.size() - 1;
}

unsigned Analyzer::min(unsigned a, unsigned b) {
  return a == b ? a : step({Kind::Min, {}, a, b});
}

// `a` is the start of a range: nothing below `lower`.
unsigned Analyzer::max(unsigned a, unsigned b) {
  return a == b || b == lower ? a : step({Kind::Max, {}, a, b});
}

Analyzer::Ends Analyzer::ends(const Range &range) {
  unsigned from = lower, to = upper;
  for (const LinearForm &bound : range.lowers) {
    from = step({Kind::Max, {}, from, form(bound)});
  }
  for (const LinearForm &bound : range.uppers) {
    to = step({Kind::Min, {}, to, form(bound)});
  }
  if (!range.guards.empty()) {
    Ends other = {from, lower, nullptr, nullptr};
    if (range.otherwise) {
      other = ends(*range.otherwise);
    }
    for (const LinearForm &guard : range.guards) {
      to = step({Kind::IfForm, guard, to, other.upper});
      if (from != other.lower) {
        from = step({Kind::IfForm, guard, from, other.lower});
      }
    }
  }
  return {from, to, &range, nullptr};
}

// Whether two ranges are never there together, by their guards.
static bool exclude(const Range &left, const Range &right) {
  return !left.otherwise && !right.otherwise &&
         llvm::any_of(left.guards, [&](const LinearForm &a) {
           return llvm::any_of(right.guards, [&](const LinearForm &b) {
             LinearForm sum = a + b;
             return sum.isConstant() && sum.constant < 0;
           });
         });
}

// max(a.lowers) <= max(b.lowers), for all tiles.
bool Analyzer::startsBefore(const Range &a, const Range &b) {
  return llvm::all_of(a.lowers,
                      [&](const LinearForm &low) {
                        return llvm::any_of(
                            b.lowers, [&](const LinearForm &other) {
                              return prover.isAtMost(low, other);
                            });
                      }) &&
         (!a.otherwise || startsBefore(*a.otherwise, b));
}

// min(inner.uppers) <= min(outer.uppers), for all tiles.
bool Analyzer::endsWithin(const Range &inner, const Range &outer) {
  return llvm::all_of(outer.uppers, [&](const LinearForm &high) {
    return llvm::any_of(inner.uppers, [&](const LinearForm &other) {
      return prover.isAtMost(other, high);
    });
  });
}

// min(uppers) <= max(lowers), for all tiles.
bool Analyzer::isBelow(const MaskTerm &uppers, const MaskTerm &lowers) {
  return llvm::any_of(uppers, [&](const LinearForm &high) {
    return llvm::any_of(lowers, [&](const LinearForm &low) {
      return prover.isAtMost(high, low);
    });
  });
}

bool Analyzer::covers(const Range &outer, const Range &inner) {
  return outer.guards.empty() && endsWithin(inner, outer);
}

// Moves those that provably start before all others that are open to `order`.
void Analyzer::takeInOrder(std::vector<const Range *> &open,
                           std::vector<Ends> &order) {
  while (!open.empty()) {
    auto it = llvm::find_if(open, [&](const Range *range) {
      return llvm::all_of(open, [&](const Range *other) {
        return range == other || startsBefore(*range, *other);
      });
    });
    if (it == open.end()) {
      return;
    }
    order.push_back(ends(**it));
    open.erase(it);
  }
}

// gap.lower <= min(range.uppers), for all tiles.
bool Analyzer::reaches(const Range &range, const Ends &gap) {
  auto allBelow = [&](const Range *from, const LinearForm &high) {
    bool below = from != nullptr;
    for (; from && below; from = from->otherwise.get()) {
      below = llvm::all_of(from->lowers, [&](const LinearForm &low) {
        return prover.isAtMost(low, high);
      });
    }
    return below;
  };
  return range.guards.empty() &&
         llvm::all_of(range.uppers, [&](const LinearForm &high) {
           return allBelow(gap.range, high) || allBelow(gap.tail, high);
         });
}

// In the order of their starts. A range without end comes last: others may
// start where it does, since what they gain is in it. Where the order of the
// rest depends on the tile, ranges trade places at run time.
std::vector<Analyzer::Ends> Analyzer::sorted(const std::vector<Range> &ranges) {
  std::vector<const Range *> open, tails;
  for (const Range &range : ranges) {
    open.push_back(&range);
  }
  std::vector<Ends> order;
  takeInOrder(open, order);
  if (open.empty()) {
    return order;
  }
  size_t ordered = order.size();
  for (const Range *range : open) {
    if (range->uppers.empty() && range->guards.empty()) {
      tails.push_back(range);
    }
  }
  llvm::erase_if(open, [&](const Range *range) {
    return llvm::is_contained(tails, range);
  });
  takeInOrder(open, order);
  std::vector<Ends> rest;
  for (const Range *range : open) {
    rest.push_back(ends(*range));
    rest.back().range = nullptr;
  }
  for (size_t i = 0; i < rest.size(); ++i) {
    for (size_t j = i + 1; j < rest.size(); ++j) {
      Ends a = rest[i], b = rest[j];
      auto choose = [&](unsigned then, unsigned otherwise) {
        return step({Kind::IfAtMost, {}, then, otherwise, a.lower, b.lower});
      };
      rest[i].lower = choose(a.lower, b.lower);
      rest[i].upper = choose(a.upper, b.upper);
      rest[j].lower = choose(b.lower, a.lower);
      rest[j].upper = choose(b.upper, a.upper);
    }
  }
  order.insert(order.end(), rest.begin(), rest.end());
  if (tails.empty()) {
    return order;
  }
  Ends last = ends(*tails.front());
  for (const Range *tail : ArrayRef(tails).drop_front()) {
    last.lower = step({Kind::Min, {}, last.lower, ends(*tail).lower});
    last.range = nullptr;
  }
  for (Ends &other : MutableArrayRef(order).drop_front(ordered)) {
    other.lower = step({Kind::Min, {}, other.lower, last.lower});
    other.tail = last.range;
  }
  order.push_back(last);
  return order;
}

//===----------------------------------------------------------------------===//
// Segments
//===----------------------------------------------------------------------===//

TileSegments Analyzer::segments() {
  std::vector<Range> seen = ranges(/*negated=*/false);
  std::vector<Range> hidden = ranges(/*negated=*/true);
  std::vector<Ends> active = sorted(seen), bad = sorted(hidden);
  auto add = [&](bool full, unsigned from, unsigned to) {
    if (from != to) {
      result.segments.push_back({full, from, to});
    }
  };
  unsigned done = lower;
  const Range *previous = nullptr;
  for (const Ends &run : active) {
    unsigned from = max(run.lower, done);
    unsigned to = run.upper == upper && from == lower
                      ? upper
                      : step({Kind::Max, {}, run.upper, from});
    unsigned at = from;
    // Ranges that the walk has come to the end of, or behind.
    std::vector<const Range *> before;
    if (previous) {
      before.push_back(previous);
    }
    bool open = true; // whether full keys may remain behind the last bad range
    for (const Ends &gap : bad) {
      bool known = gap.range && run.range;
      // Behind the run, or in front of it: nothing of it is in the run.
      if (known && (isBelow(run.range->uppers, gap.range->lowers) ||
                    isBelow(gap.range->uppers, run.range->lowers) ||
                    exclude(*run.range, *gap.range))) {
        continue;
      }
      bool noKeyBetween = (known && startsBefore(*gap.range, *run.range)) ||
                          llvm::any_of(before, [&](const Range *other) {
                            return reaches(*other, gap);
                          });
      if (!noKeyBetween) {
        unsigned end = min(max(gap.lower, at), to);
        add(/*full=*/true, at, end);
        at = end;
      }
      unsigned end = known && covers(*gap.range, *run.range)
                         ? to
                         : step({Kind::Max, {}, min(gap.upper, to), at});
      add(/*full=*/false, at, end);
      at = end;
      if (end == to) {
        open = false;
        break;
      }
      if (gap.range) {
        before.push_back(gap.range);
      }
    }
    if (open) {
      add(/*full=*/true, at, to);
    }
    done = to;
    previous = run.range;
  }
  return std::move(result);
}

TileSegments Analyzer::hull() {
  std::vector<Range> seen = ranges(/*negated=*/false);
  unsigned from = upper, to = lower;
  for (auto [i, range] : llvm::enumerate(seen)) {
    Ends next = ends(range);
    from = i == 0 ? next.lower : step({Kind::Min, {}, from, next.lower});
    to = i == 0 ? next.upper : step({Kind::Max, {}, to, next.upper});
  }
  result.segments.push_back({false, from, to});
  return std::move(result);
}

} // namespace

TileSegments analyzeTile(const MaskSet &set, TileWalk walk, bool oneHead) {
  return Analyzer(set, walk, oneHead).segments();
}

TileSegments analyzeHull(const MaskSet &set, TileWalk walk, bool oneHead) {
  return Analyzer(set, walk, oneHead).hull();
}

std::vector<TileRange> evaluate(const TileSegments &segments,
                                const TileAt &tile) {
  int64_t dims[NumMaskDims] = {};
  dims[BatchDim] = tile.batch;
  dims[FromDim] = tile.from;
  dims[ToDim] = tile.to;
  dims[FirstHeadDim] = tile.firstHead;
  dims[LastHeadDim] = tile.lastHead;
  struct Integers {
    const TileAt &tile;
    ArrayRef<int64_t> dims;

    int64_t lower() { return tile.lower; }
    int64_t upper() { return tile.upper; }
    int64_t form(const LinearForm &form) {
      return evaluate(form, dims, tile.symbols);
    }
    int64_t min(int64_t a, int64_t b) { return std::min(a, b); }
    int64_t max(int64_t a, int64_t b) { return std::max(a, b); }
    int64_t ifForm(const LinearForm &test, int64_t a, int64_t b) {
      return form(test) >= 0 ? a : b;
    }
    int64_t ifAtMost(int64_t x, int64_t y, int64_t a, int64_t b) {
      return x <= y ? a : b;
    }
  };
  std::vector<int64_t> values =
      computeSteps<int64_t>(segments, Integers{tile, dims});
  std::vector<TileRange> ranges;
  for (const TileSegment &segment : segments.segments) {
    int64_t from = values[segment.lower], to = values[segment.upper];
    if (from >= to) {
      continue;
    }
    if (!ranges.empty() && ranges.back().full == segment.full &&
        ranges.back().upper == from) {
      ranges.back().upper = to;
    } else {
      ranges.push_back({segment.full, from, to});
    }
  }
  return ranges;
}

} // namespace attn
