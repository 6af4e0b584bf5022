//===- BoundSteps.h - the arithmetic of bounds, in any numbers ------------===//
// The steps of segments are computed in 64-bit integers by the analysis itself,
// and in SSA values by the passes. Both walk them here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_MASK_BOUNDSTEPS_H
#define ATTN_MASK_BOUNDSTEPS_H

#include "attn/Mask/TileAnalysis.h"

namespace attn {

/// For each step, how many segments and needed steps use it: 0 where nothing
/// does.
std::vector<unsigned> countUses(const TileSegments &segments);

/// The value of each step that something uses; others are left as `ValueT()`.
/// `arithmetic` has the functions lower(), upper(), form(f), min(a, b),
/// max(a, b), ifForm(f, a, b): `a` where f >= 0, else `b`, and ifAtMost(x, y,
/// a, b): `a` where x <= y, else `b`.
template <typename ValueT, typename ArithmeticT>
std::vector<ValueT> computeSteps(const TileSegments &segments,
                                 ArithmeticT &&arithmetic) {
  using Kind = BoundStep::Kind;
  std::vector<unsigned> uses = countUses(segments);
  std::vector<ValueT> values(segments.steps.size());
  for (size_t at = 0; at < values.size(); ++at) {
    if (uses[at] == 0) {
      continue;
    }
    const BoundStep &step = segments.steps[at];
    switch (step.kind) {
    case Kind::Lower:
      values[at] = arithmetic.lower();
      break;
    case Kind::Upper:
      values[at] = arithmetic.upper();
      break;
    case Kind::Form:
      values[at] = arithmetic.form(step.form);
      break;
    case Kind::Min:
      values[at] = arithmetic.min(values[step.a], values[step.b]);
      break;
    case Kind::Max:
      values[at] = arithmetic.max(values[step.a], values[step.b]);
      break;
    case Kind::IfForm:
      values[at] = arithmetic.ifForm(step.form, values[step.a], values[step.b]);
      break;
    case Kind::IfAtMost:
      values[at] = arithmetic.ifAtMost(values[step.left], values[step.right],
                                       values[step.a], values[step.b]);
      break;
    }
  }
  return values;
}

} // namespace attn

#endif // ATTN_MASK_BOUNDSTEPS_H
