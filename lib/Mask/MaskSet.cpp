//===- MaskSet.cpp - a mask as a set of (q, k) pairs ----------------------===//

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

// The tighter of two bounds; -1 is none.
static int64_t tighter(int64_t a, int64_t b) {
  return a < 0 ? b : b < 0 ? a : std::min(a, b);
}

// Distributes `And` over `Or`; empty for a set that takes too many terms.
static bool distribute(const MaskSet &set, std::vector<MaskTerm> &terms) {
  constexpr size_t kMostTerms = 4;
  switch (set.kind) {
  case MaskSet::Kind::Band:
    terms = {MaskTerm{set.left, set.right, -1}};
    return true;
  case MaskSet::Kind::Prefix:
    terms = {MaskTerm{-1, -1, set.count}};
    return true;
  case MaskSet::Kind::Or:
    terms.clear();
    for (const MaskSet &child : set.children) {
      std::vector<MaskTerm> more;
      if (!distribute(child, more)) {
        return false;
      }
      terms.insert(terms.end(), more.begin(), more.end());
    }
    return terms.size() <= kMostTerms;
  case MaskSet::Kind::And:
    terms = {MaskTerm{}};
    for (const MaskSet &child : set.children) {
      std::vector<MaskTerm> more, product;
      if (!distribute(child, more)) {
        return false;
      }
      for (const MaskTerm &a : terms) {
        for (const MaskTerm &b : more) {
          product.push_back({tighter(a.left, b.left), tighter(a.right, b.right),
                             tighter(a.count, b.count)});
        }
      }
      if (product.size() > kMostTerms) {
        return false;
      }
      terms = product;
    }
    return true;
  }
  return false;
}

std::vector<MaskTerm> MaskSet::terms() const {
  std::vector<MaskTerm> result;
  if (!distribute(*this, result)) {
    return {};
  }
  // No bound on the left comes first, then the longest reach to the left.
  auto reach = [](const MaskTerm &term) {
    return term.left < 0 ? INT64_MAX : term.left;
  };
  std::stable_sort(result.begin(), result.end(),
                   [&](const MaskTerm &a, const MaskTerm &b) {
                     return reach(a) > reach(b);
                   });
  return result;
}

using Base = KeyBound::Base;

KeyBound MaskTerm::activeLo() const {
  return left < 0 ? KeyBound() : KeyBound{Base::FirstQuery, -left};
}
KeyBound MaskTerm::fullLo() const {
  return left < 0 ? KeyBound() : KeyBound{Base::LastQuery, -left};
}
KeyBound MaskTerm::fullHi() const {
  return right < 0 ? KeyBound() : KeyBound{Base::FirstQuery, right + 1};
}
KeyBound MaskTerm::activeHi() const {
  return right < 0 ? KeyBound() : KeyBound{Base::LastQuery, right + 1};
}

} // namespace attn
