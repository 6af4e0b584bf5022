//===- Tensor.h - contiguous buffers with a shape ---------------*- C++ -*-===//
// A Tensor is a contiguous row-major buffer, its element type and its shape.
// The storage is reference counted so that a result which aliases an argument
// (an updated cache) costs no copy; sharing is explicit, by share().
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_TENSOR_H
#define ATTN_RUNTIME_TENSOR_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace attn::rt {

using Shape = std::vector<int64_t>;

/// Product of `shape` (1 for rank 0), or an error when a size is negative or
/// the product of the non-zero sizes does not fit in int64.
Result<int64_t> countElements(const Shape &shape);

/// Bytes of a tensor, with the same errors as countElements.
Result<int64_t> countBytes(DType type, const Shape &shape);

/// "2x3x4"; "scalar" for rank 0.
std::string toString(const Shape &shape);

class Tensor {
public:
  /// An f32 tensor of shape [0] that owns nothing.
  Tensor() = default;
  Tensor(Tensor &&other) noexcept;
  Tensor &operator=(Tensor &&other) noexcept;
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;

  /// Uninitialised elements, 64-byte aligned (2 MiB and huge pages from 4 MiB
  /// on). Errors: kBadInput for an impossible shape, kRuntime out of memory.
  static Result<Tensor> create(DType type, Shape shape);

  /// All elements 0.
  static Result<Tensor> zeros(DType type, Shape shape);

  /// From doubles in row-major order; `values` must have as many as `shape`.
  static Result<Tensor> fromValues(DType type, Shape shape,
                                   const std::vector<double> &values);

  /// A rank 0 tensor: the form of scalar arguments and results.
  static Result<Tensor> scalar(DType type, double value);
  static Result<Tensor> scalarInt(DType type, int64_t value);

  /// Takes over storage that ends with free(allocated). `data` is the first
  /// element, inside that storage.
  static Tensor adopt(DType type, Shape shape, void *allocated, void *data);

  /// A tensor over a part of the storage of `owner`, from `data` on.
  static Tensor view(const Tensor &owner, DType type, Shape shape, void *data);

  /// Another tensor over the same storage: writes through one show in the
  /// other.
  Tensor share() const;

  /// A deep copy. Errors: kRuntime out of memory.
  Result<Tensor> clone() const;

  /// A copy in another type, rounded once. Errors: kRuntime out of memory.
  Result<Tensor> cast(DType type) const;

  DType dtype() const { return type; }
  const Shape &shape() const { return dims; }
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  int64_t numElements() const { return count; }
  int64_t numBytes() const { return count * sizeOf(type); }

  void *data() { return first; }
  const void *data() const { return first; }
  template <typename T> T *dataAs() { return static_cast<T *>(first); }
  template <typename T> const T *dataAs() const {
    return static_cast<const T *>(first);
  }
  /// The pointer that the storage was allocated as (MLIR's `allocated`).
  void *storage() const { return owner.get(); }

  /// Element by its row-major index.
  double get(int64_t index) const { return loadElement(type, first, index); }
  void set(int64_t index, double value) {
    storeElement(type, first, index, value);
  }
  std::vector<double> toDoubles() const;

private:
  std::shared_ptr<void> owner;
  void *first = nullptr;
  DType type = DType::kF32;
  Shape dims = {0};
  int64_t count = 0;
};

/// Inclusive range of random integers, cut to what the element type holds.
struct IntRange {
  int64_t lo = -8;
  int64_t hi = 7;
};

/// Floats: standard normal (|x| < 5.6); integers: uniform in `range`; bools: a
/// fair coin. A pure function of (seed, stream, index, type): the same bits on
/// every platform. Use a different `stream` for each argument.
void fillRandom(Tensor &tensor, uint64_t seed, uint64_t stream,
                IntRange range = {});

} // namespace attn::rt

#endif // ATTN_RUNTIME_TENSOR_H
