//===- BoundTexts.cpp - the bounds of segments as one reads them ----------===//

#include "BoundTexts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace attn {

// Operands of nested minima, or maxima, as one list.
void BoundTexts::flatten(BoundStep::Kind kind, unsigned at,
                         std::vector<std::string> &parts) {
  if (steps[at].kind == kind && texts[at].empty() && uses[at] == 1) {
    flatten(kind, steps[at].a, parts);
    flatten(kind, steps[at].b, parts);
    return;
  }
  std::string text = of(at);
  if (!llvm::is_contained(parts, text)) {
    parts.push_back(std::move(text));
  }
}

std::string BoundTexts::expand(unsigned at) {
  const BoundStep &step = steps[at];
  using Kind = BoundStep::Kind;
  switch (step.kind) {
  case Kind::Lower:
    return "0";
  case Kind::Upper:
    return keys;
  case Kind::Form:
    return toText(step.form, names);
  case Kind::Min:
  case Kind::Max: {
    std::vector<std::string> parts;
    flatten(step.kind, step.a, parts);
    flatten(step.kind, step.b, parts);
    if (parts.size() == 1) {
      return parts.front();
    }
    return (step.kind == Kind::Min ? "min(" : "max(") +
           llvm::join(parts, ", ") + ")";
  }
  case Kind::IfForm:
    return "(" + toText(MaskTerm{step.form}, names) + " ? " + of(step.a) +
           " : " + of(step.b) + ")";
  case Kind::IfAtMost:
    return "(" + of(step.left) + " <= " + of(step.right) + " ? " + of(step.a) +
           " : " + of(step.b) + ")";
  }
  return "";
}

std::string BoundTexts::of(unsigned at) {
  constexpr size_t kShort = 12;
  if (texts[at].empty()) {
    texts[at] = expand(at);
    if (uses[at] > 1 && texts[at].size() > kShort) {
      std::string name = "x" + std::to_string(definitions.size() + 1);
      definitions.push_back(name + " = " + texts[at]);
      texts[at] = std::move(name);
    }
  }
  return texts[at];
}

} // namespace attn
