//===- Mask.cpp - visible pairs as predicates -----------------------------===//

#include "attn/Reference/Mask.h"

#include <utility>

using namespace attn::ref;

namespace {

/// Rounds towards minus infinity: positions may be negative, and `/` does not.
int64_t floorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

} // namespace

MaskFn attn::ref::causal() {
  return [](const Point &p) { return p.k <= p.q; };
}

MaskFn attn::ref::window(int64_t left, int64_t right) {
  return [=](const Point &p) {
    return (left == -1 || p.q - left <= p.k) &&
           (right == -1 || p.k <= p.q + right);
  };
}

MaskFn attn::ref::prefix(int64_t n) {
  return [=](const Point &p) { return p.k < n; };
}

MaskFn attn::ref::global(int64_t n) {
  return [=](const Point &p) { return p.k < n || p.q < n; };
}

MaskFn attn::ref::chunk(int64_t c) {
  return [=](const Point &p) { return floorDiv(p.q, c) == floorDiv(p.k, c); };
}

MaskFn attn::ref::dilated(int64_t d) {
  return [=](const Point &p) { return (p.q - p.k) % d == 0; };
}

MaskFn attn::ref::both(MaskFn a, MaskFn b) {
  return [a = std::move(a), b = std::move(b)](const Point &p) {
    return a(p) && b(p);
  };
}

MaskFn attn::ref::either(MaskFn a, MaskFn b) {
  return [a = std::move(a), b = std::move(b)](const Point &p) {
    return a(p) || b(p);
  };
}

MaskFn attn::ref::negate(MaskFn a) {
  return [a = std::move(a)](const Point &p) { return !a(p); };
}
