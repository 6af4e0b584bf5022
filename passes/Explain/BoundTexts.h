//===- BoundTexts.h - the bounds of segments as one reads them ------------===//

#ifndef ATTN_PASSES_EXPLAIN_BOUNDTEXTS_H
#define ATTN_PASSES_EXPLAIN_BOUNDTEXTS_H

#include "attn/Mask/BoundSteps.h"
#include "attn/Mask/MaskText.h"

namespace attn {

/// The steps of segments as expressions; long ones that are used twice get a
/// name.
class BoundTexts {
public:
  BoundTexts(const TileSegments &segments, const MaskNames &names,
             std::string keys)
      : steps(segments.steps), names(names), keys(std::move(keys)),
        uses(countUses(segments)), texts(steps.size()) {}

  std::string of(unsigned at);
  std::vector<std::string> definitions;

private:
  std::string expand(unsigned at);
  void flatten(BoundStep::Kind kind, unsigned at,
               std::vector<std::string> &parts);

  llvm::ArrayRef<BoundStep> steps;
  const MaskNames &names;
  std::string keys;
  std::vector<unsigned> uses;
  std::vector<std::string> texts;
};

} // namespace attn

#endif // ATTN_PASSES_EXPLAIN_BOUNDTEXTS_H
