//===- View.cpp - strided views of doubles --------------------------------===//

#include "attn/Reference/View.h"

#include <cstddef>
#include <utility>

using namespace attn::ref;

View View::contiguous(const double *data, std::vector<int64_t> shape) {
  View view;
  view.data = data;
  view.strides.assign(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) {
    view.strides[d - 1] = view.strides[d] * shape[d];
  }
  view.shape = std::move(shape);
  return view;
}

View View::permuted(const std::vector<int64_t> &order) const {
  View view;
  view.data = data;
  for (int64_t dim : order) {
    view.shape.push_back(shape[static_cast<size_t>(dim)]);
    view.strides.push_back(strides[static_cast<size_t>(dim)]);
  }
  return view;
}
