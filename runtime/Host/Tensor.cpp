//===- Tensor.cpp - allocation and copies ---------------------------------===//

#include "attn/Runtime/Tensor.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace attn::rt;

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHugePage = int64_t(1) << 21;
/// No process has more; sanitizers abort on such a request instead of failing.
constexpr int64_t kAddressSpace = int64_t(1) << 47;

/// Never null on success, also for no bytes: distinct tensors then have
/// distinct storage, which is how results are matched with arguments.
void *allocate(int64_t bytes) {
  bool huge = bytes >= 2 * kHugePage;
  int64_t alignment = huge ? kHugePage : kAlignment;
  if (bytes > kAddressSpace) {
    return nullptr;
  }
  int64_t rounded = (bytes + alignment - 1) / alignment * alignment;
  rounded = rounded ? rounded : alignment;
  void *memory = std::aligned_alloc(static_cast<size_t>(alignment),
                                    static_cast<size_t>(rounded));
  if (memory && huge) {
    // Only a hint: a kernel without huge pages refuses it.
    (void)madvise(memory, static_cast<size_t>(rounded), MADV_HUGEPAGE);
  }
  return memory;
}

} // namespace

Result<int64_t> attn::rt::countElements(const Shape &shape) {
  int64_t product = 1;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) {
      return Status::badInput("size " + std::to_string(size) + " in shape " +
                              toString(shape) + " is negative");
    }
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, size, &product)) {
      return Status::badInput("shape " + toString(shape) + " is too large");
    }
  }
  return empty ? 0 : product;
}

Result<int64_t> attn::rt::countBytes(DType type, const Shape &shape) {
  Result<int64_t> count = countElements(shape);
  if (!count) {
    return count;
  }
  int64_t bytes;
  if (__builtin_mul_overflow(*count, sizeOf(type), &bytes)) {
    return Status::badInput("shape " + toString(shape) + " is too large");
  }
  return bytes;
}

std::string attn::rt::toString(const Shape &shape) {
  if (shape.empty()) {
    return "scalar";
  }
  std::string text;
  for (int64_t size : shape) {
    if (!text.empty()) {
      text += 'x';
    }
    text += std::to_string(size);
  }
  return text;
}

Tensor::Tensor(Tensor &&other) noexcept { *this = std::move(other); }

Tensor &Tensor::operator=(Tensor &&other) noexcept {
  if (this != &other) {
    owner = std::move(other.owner);
    first = std::exchange(other.first, nullptr);
    type = other.type;
    dims = std::move(other.dims);
    count = std::exchange(other.count, 0);
    other.dims.assign(1, 0);
  }
  return *this;
}

Result<Tensor> Tensor::create(DType type, Shape shape) {
  Result<int64_t> bytes = countBytes(type, shape);
  if (!bytes) {
    return bytes.status();
  }
  void *memory = allocate(*bytes);
  if (!memory) {
    return Status::runtime("out of memory: cannot allocate " +
                           std::to_string(*bytes) + " bytes for a tensor of " +
                           toString(shape) + " " + nameOf(type));
  }
  return adopt(type, std::move(shape), memory, memory);
}

Result<Tensor> Tensor::zeros(DType type, Shape shape) {
  Result<Tensor> tensor = create(type, std::move(shape));
  if (tensor) {
    std::memset(tensor->data(), 0, static_cast<size_t>(tensor->numBytes()));
  }
  return tensor;
}

Result<Tensor> Tensor::fromValues(DType type, Shape shape,
                                  const std::vector<double> &values) {
  Result<Tensor> tensor = create(type, std::move(shape));
  if (!tensor) {
    return tensor;
  }
  if (tensor->numElements() != static_cast<int64_t>(values.size())) {
    return Status::usage("expected " + std::to_string(tensor->numElements()) +
                         " values for shape " + toString(tensor->shape()) +
                         ", but got " + std::to_string(values.size()));
  }
  fromDoubles(type, values.data(), tensor->data(), tensor->numElements());
  return tensor;
}

Result<Tensor> Tensor::scalar(DType type, double value) {
  Result<Tensor> tensor = create(type, {});
  if (tensor) {
    tensor->set(0, value);
  }
  return tensor;
}

Result<Tensor> Tensor::scalarInt(DType type, int64_t value) {
  // Through double an i64 would lose its low bits.
  if (type != DType::kI64) {
    return scalar(type, static_cast<double>(value));
  }
  Result<Tensor> tensor = create(type, {});
  if (tensor) {
    *tensor->dataAs<int64_t>() = value;
  }
  return tensor;
}

Tensor Tensor::adopt(DType type, Shape shape, void *allocated, void *data) {
  Tensor tensor;
  tensor.owner =
      std::shared_ptr<void>(allocated, [](void *p) { std::free(p); });
  tensor.first = data;
  tensor.type = type;
  Result<int64_t> count = countElements(shape);
  tensor.count = count ? *count : 0;
  tensor.dims = std::move(shape);
  return tensor;
}

Tensor Tensor::view(const Tensor &owner, DType type, Shape shape, void *data) {
  Tensor tensor;
  tensor.owner = owner.owner;
  tensor.first = data;
  tensor.type = type;
  Result<int64_t> count = countElements(shape);
  tensor.count = count ? *count : 0;
  tensor.dims = std::move(shape);
  return tensor;
}

Tensor Tensor::share() const { return view(*this, type, dims, first); }

Result<Tensor> Tensor::clone() const {
  Result<Tensor> copy = create(type, dims);
  if (copy && count > 0) {
    std::memcpy(copy->first, first, static_cast<size_t>(numBytes()));
  }
  return copy;
}

Result<Tensor> Tensor::cast(DType to) const {
  if (to == type) {
    return clone();
  }
  Result<Tensor> copy = create(to, dims);
  if (!copy) {
    return copy;
  }
  // Every type but i64 is exact in double, so one rounding remains.
  constexpr int64_t kBlock = 4096;
  double block[kBlock];
  for (int64_t at = 0; at < count; at += kBlock) {
    int64_t n = std::min(kBlock, count - at);
    rt::toDoubles(type, static_cast<const char *>(first) + at * sizeOf(type),
                  block, n);
    fromDoubles(to, block, static_cast<char *>(copy->first) + at * sizeOf(to),
                n);
  }
  return copy;
}

std::vector<double> Tensor::toDoubles() const {
  std::vector<double> values(static_cast<size_t>(count));
  rt::toDoubles(type, first, values.data(), count);
  return values;
}
