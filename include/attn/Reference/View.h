//===- View.h - strided views of doubles ------------------------*- C++ -*-===//

#ifndef ATTN_REFERENCE_VIEW_H
#define ATTN_REFERENCE_VIEW_H

#include <cstdint>
#include <vector>

namespace attn::ref {

/// A borrowed tensor of doubles; strides in elements, any sign or zero.
struct View {
  const double *data = nullptr;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;

  /// Row-major.
  static View contiguous(const double *data, std::vector<int64_t> shape);

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Dimensions in the order `order`: result dim n is this dim order[n].
  View permuted(const std::vector<int64_t> &order) const;
};

} // namespace attn::ref

#endif // ATTN_REFERENCE_VIEW_H
