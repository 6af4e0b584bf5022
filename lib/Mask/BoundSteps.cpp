//===- BoundSteps.cpp - the arithmetic of bounds, in any numbers ----------===//

#include "attn/Mask/BoundSteps.h"

namespace attn {

static void count(const TileSegments &segments, unsigned at,
                  std::vector<unsigned> &uses) {
  using Kind = BoundStep::Kind;
  const BoundStep &step = segments.steps[at];
  if (uses[at]++ > 0 || step.kind == Kind::Lower || step.kind == Kind::Upper ||
      step.kind == Kind::Form) {
    return;
  }
  count(segments, step.a, uses);
  count(segments, step.b, uses);
  if (step.kind == Kind::IfAtMost) {
    count(segments, step.left, uses);
    count(segments, step.right, uses);
  }
}

std::vector<unsigned> countUses(const TileSegments &segments) {
  std::vector<unsigned> uses(segments.steps.size(), 0);
  for (const TileSegment &segment : segments.segments) {
    count(segments, segment.lower, uses);
    count(segments, segment.upper, uses);
  }
  return uses;
}

} // namespace attn
