//===- TestKernels.cpp - functions of the launch ABI ----------------------===//
// Written by hand in the form that the compiler emits, ownership included.
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstdlib>

namespace {

template <int rank> struct MemRef {
  float *allocated;
  float *aligned;
  int64_t offset;
  int64_t sizes[rank];
  int64_t strides[rank];
};

using M1 = MemRef<1>;
using M2 = MemRef<2>;

M2 make(int64_t rows, int64_t columns) {
  auto *data = static_cast<float *>(
      std::malloc(sizeof(float) * static_cast<size_t>(rows * columns + 4)));
  return {data, data, 0, {rows, columns}, {columns, 1}};
}

float &at(const M2 &m, int64_t i, int64_t j) {
  return m.aligned[m.offset + i * m.strides[0] + j * m.strides[1]];
}

float constants[4] = {1, 2, 3, 4};

} // namespace

extern "C" {

/// result = scale * a, fresh.
void attn_call_scale(void **args) {
  M2 &a = *static_cast<M2 *>(args[0]);
  float scale = *static_cast<float *>(args[1]);
  M2 out = make(a.sizes[0], a.sizes[1]);
  for (int64_t i = 0; i < a.sizes[0]; ++i) {
    for (int64_t j = 0; j < a.sizes[1]; ++j) {
      at(out, i, j) = scale * at(a, i, j);
    }
  }
  *static_cast<M2 *>(args[2]) = out;
}

/// The transpose of a copy, as a strided view with an offset.
void attn_call_transpose(void **args) {
  M2 &a = *static_cast<M2 *>(args[0]);
  M2 out = make(a.sizes[0], a.sizes[1]);
  out.offset = 3;
  for (int64_t i = 0; i < a.sizes[0]; ++i) {
    for (int64_t j = 0; j < a.sizes[1]; ++j) {
      at(out, i, j) = at(a, i, j);
    }
  }
  *static_cast<M2 *>(args[1]) = {out.allocated,
                                 out.aligned,
                                 out.offset,
                                 {a.sizes[1], a.sizes[0]},
                                 {1, a.sizes[1]}};
}

/// Adds 1 to a in place and returns it, its row 1, and the number of rows.
void attn_call_update(void **args) {
  M2 &a = *static_cast<M2 *>(args[0]);
  for (int64_t i = 0; i < a.sizes[0]; ++i) {
    for (int64_t j = 0; j < a.sizes[1]; ++j) {
      at(a, i, j) += 1;
    }
  }
  *static_cast<M2 *>(args[1]) = a;
  *static_cast<M1 *>(args[2]) = {a.allocated,
                                 a.aligned,
                                 a.offset + a.strides[0],
                                 {a.sizes[1]},
                                 {a.strides[1]}};
  *static_cast<int64_t *>(args[3]) = a.sizes[0];
}

/// Two results in one buffer.
void attn_call_twins(void **args) {
  M2 out = make(2, 3);
  for (int64_t i = 0; i < 6; ++i) {
    out.aligned[i] = static_cast<float>(i);
  }
  *static_cast<M2 *>(args[0]) = out;
  *static_cast<M1 *>(args[1]) = {out.allocated, out.aligned, 3, {3}, {1}};
}

/// A constant of the object: `allocated` is the marker of MLIR.
void attn_call_constant(void **args) {
  *static_cast<M2 *>(args[0]) = {
      reinterpret_cast<float *>(0xdeadbeef), constants, 0, {2, 2}, {2, 1}};
}

/// Claims another shape than its manifest.
void attn_call_liar(void **args) { *static_cast<M2 *>(args[0]) = make(5, 7); }

/// Scalars of several types: i1 and bf16 in, their sum as f64 out.
void attn_call_scalars(void **args) {
  bool flag = *static_cast<bool *>(args[0]);
  uint32_t bits = uint32_t(*static_cast<uint16_t *>(args[1])) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  *static_cast<double *>(args[2]) = flag + double(value);
}

// Undefined here: comes from the OpenMP runtime, when one is loaded.
int omp_get_max_threads() __attribute__((weak));
void attn_call_threads(void **args) {
  *static_cast<int64_t *>(args[0]) =
      omp_get_max_threads ? omp_get_max_threads() : -1;
}
}
