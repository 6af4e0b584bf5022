//===- MaskSet.cpp - a mask as a set of (q, k) pairs
//------------------------===//

#include "attn/Mask/MaskSet.h"

#include <algorithm>

namespace attn {

MaskSet MaskSet::band(int64_t left, int64_t right) {
  MaskSet set;
  set.left = left;
  set.right = right;
  return set;
}

MaskSet MaskSet::prefix(int64_t count) {
  MaskSet set;
  set.kind = Kind::Prefix;
  set.count = count;
  return set;
}

MaskSet MaskSet::all(std::vector<MaskSet> children) {
  MaskSet set;
  set.kind = Kind::And;
  set.children = std::move(children);
  return set;
}

MaskSet MaskSet::any(std::vector<MaskSet> children) {
  MaskSet set;
  set.kind = Kind::Or;
  set.children = std::move(children);
  return set;
}

bool MaskSet::contains(int64_t q, int64_t k) const {
  auto inside = [&](const MaskSet &child) { return child.contains(q, k); };
  switch (kind) {
  case Kind::Band:
    return (left < 0 || k >= q - left) && (right < 0 || k <= q + right);
  case Kind::Prefix:
    return k < count;
  case Kind::And:
    return std::all_of(children.begin(), children.end(), inside);
  case Kind::Or:
    return std::any_of(children.begin(), children.end(), inside);
  }
  return false;
}

bool MaskSet::asBand(MaskSet &result) const {
  if (kind == Kind::Band) {
    result = *this;
    return true;
  }
  if (kind == Kind::Or && children.size() == 1) {
    return children.front().asBand(result);
  }
  if (kind != Kind::And) {
    return false;
  }
  // Bands intersect to a band: the tighter bound of each side.
  auto tighter = [](int64_t a, int64_t b) {
    return a < 0 ? b : b < 0 ? a : std::min(a, b);
  };
  result = band(-1, -1);
  for (const MaskSet &child : children) {
    MaskSet part;
    if (!child.asBand(part)) {
      return false;
    }
    result.left = tighter(result.left, part.left);
    result.right = tighter(result.right, part.right);
  }
  return true;
}

KeyRanges bandRanges(const MaskSet &band) {
  KeyRanges ranges;
  if (band.left >= 0) {
    ranges.activeLo = {KeyBound::Base::FirstQuery, -band.left};
    ranges.fullLo = {KeyBound::Base::LastQuery, -band.left};
  }
  if (band.right >= 0) {
    ranges.fullHi = {KeyBound::Base::FirstQuery, band.right + 1};
    ranges.activeHi = {KeyBound::Base::LastQuery, band.right + 1};
  }
  return ranges;
}

} // namespace attn
