//===- Mask.h - visible pairs as predicates ---------------------*- C++ -*-===//
// The sugar of the attn dialect as functions of a point (b, h, q, k).
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_MASK_H
#define ATTN_REFERENCE_MASK_H

#include <cstdint>
#include <functional>

namespace attn::ref {

/// A query-key pair. `q` is the absolute position i + offset of the query, `k`
/// the index (and absolute position) of the key, `i` the row in its sequence.
struct Point {
  int64_t b, h, q, k, i;
};

/// True where key k is visible to query q. Empty means everything is.
using MaskFn = std::function<bool(const Point &)>;

MaskFn causal();                            ///< k <= q
MaskFn window(int64_t left, int64_t right); ///< q-l <= k <= q+r, -1 unbounded
MaskFn prefix(int64_t n);                   ///< k < n
MaskFn global(int64_t n);                   ///< k < n or q < n
MaskFn chunk(int64_t c);                    ///< floor(q/c) == floor(k/c), c > 0
MaskFn dilated(int64_t d);                  ///< (q - k) mod d == 0, d > 0
MaskFn both(MaskFn a, MaskFn b);
MaskFn either(MaskFn a, MaskFn b);
MaskFn negate(MaskFn a);

} // namespace attn::ref

#endif // ATTN_REFERENCE_MASK_H
