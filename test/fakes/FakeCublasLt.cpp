//===- FakeCublasLt.cpp - products of matrices without a GPU --------------===//
// Stands for libcublasLt over FakeCuda, whose device memory is host memory:
// computes in double what is asked for, one element at a time. Of types it
// knows f32, f64 and bf16.
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstring>

namespace {

constexpr int kTransA = 3, kTransB = 4;
constexpr int kBatchCount = 5, kBatchOffset = 6;
constexpr int kF32 = 0, kF64 = 1, kBF16 = 14;
constexpr int kInvalidValue = 7, kNotSupported = 15;

struct Desc {
  int scaleType = 0;
  int32_t transposed[2] = {};
};
struct Layout {
  int type = 0;
  uint64_t rows = 0, columns = 0;
  int64_t leading = 0, batchOffset = 0;
  int32_t batches = 1;

  int64_t at(int64_t batch, int64_t row, int64_t column) const {
    return batch * batchOffset + column * leading + row;
  }
  double get(const void *data, int64_t i) const {
    if (type == kF64) {
      return static_cast<const double *>(data)[i];
    }
    if (type == kF32) {
      return static_cast<const float *>(data)[i];
    }
    uint32_t bits = uint32_t(static_cast<const uint16_t *>(data)[i]) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  void put(void *data, int64_t i, double x) const {
    if (type == kF64) {
      static_cast<double *>(data)[i] = x;
      return;
    }
    auto value = static_cast<float>(x);
    if (type == kF32) {
      static_cast<float *>(data)[i] = value;
      return;
    }
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    bits += 0x7fff + ((bits >> 16) & 1);
    static_cast<uint16_t *>(data)[i] = static_cast<uint16_t>(bits >> 16);
  }
};
struct Heuristic {
  uint64_t algorithm[8];
  size_t workspaceSize;
  int state;
  float waves;
  int reserved[4];
};

int live = 0;

template <typename T> int make(void **out, const T &value) {
  *out = new T(value);
  ++live;
  return 0;
}
template <typename T> int drop(void *object) {
  delete static_cast<T *>(object);
  --live;
  return 0;
}

} // namespace

extern "C" {

int fakeCublasLtLive() { return live; }

int cublasLtCreate(void **handle) { return make(handle, 0); }
int cublasLtDestroy(void *handle) { return drop<int>(handle); }
int cublasLtMatmulDescCreate(void **desc, int, int scaleType) {
  return make(desc, Desc{scaleType, {}});
}
int cublasLtMatmulDescDestroy(void *desc) { return drop<Desc>(desc); }
int cublasLtMatmulDescSetAttribute(void *desc, int what, const void *value,
                                   size_t size) {
  if (size != sizeof(int32_t) || (what != kTransA && what != kTransB)) {
    return kInvalidValue;
  }
  std::memcpy(&static_cast<Desc *>(desc)->transposed[what == kTransB], value,
              size);
  return 0;
}
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows,
                               uint64_t columns, int64_t leading) {
  if (type != kF32 && type != kF64 && type != kBF16) {
    return kNotSupported;
  }
  if (leading < static_cast<int64_t>(rows)) {
    return kInvalidValue;
  }
  Layout made;
  made.type = type;
  made.rows = rows;
  made.columns = columns;
  made.leading = leading;
  return make(layout, made);
}
int cublasLtMatrixLayoutDestroy(void *layout) { return drop<Layout>(layout); }
int cublasLtMatrixLayoutSetAttribute(void *layout, int what, const void *value,
                                     size_t size) {
  auto *made = static_cast<Layout *>(layout);
  if (what == kBatchCount && size == sizeof(int32_t)) {
    std::memcpy(&made->batches, value, size);
    return 0;
  }
  if (what == kBatchOffset && size == sizeof(int64_t)) {
    std::memcpy(&made->batchOffset, value, size);
    return 0;
  }
  return kInvalidValue;
}
int cublasLtMatmulPreferenceCreate(void **preference) {
  return make(preference, 0);
}
int cublasLtMatmulPreferenceDestroy(void *preference) {
  return drop<int>(preference);
}
int cublasLtMatmulPreferenceSetAttribute(void *, int, const void *, size_t) {
  return 0;
}
int cublasLtMatmulAlgoGetHeuristic(void *, void *, void *, void *, void *,
                                   void *, void *, int, Heuristic *result,
                                   int *found) {
  *result = Heuristic();
  *found = 1;
  return 0;
}
int cublasLtMatmul(void *, void *descOf, const void *alphaOf, const void *a,
                   void *layoutA, const void *b, void *layoutB,
                   const void *betaOf, const void *c, void *layoutC, void *d,
                   void *, const void *, void *, size_t, void *) {
  const auto &desc = *static_cast<Desc *>(descOf);
  const auto &la = *static_cast<Layout *>(layoutA);
  const auto &lb = *static_cast<Layout *>(layoutB);
  const auto &ld = *static_cast<Layout *>(layoutC);
  auto scalar = [&](const void *value) {
    return desc.scaleType == kF64 ? *static_cast<const double *>(value)
                                  : *static_cast<const float *>(value);
  };
  double alpha = scalar(alphaOf), beta = scalar(betaOf);
  bool ta = desc.transposed[0] != 0, tb = desc.transposed[1] != 0;
  auto m = static_cast<int64_t>(ta ? la.columns : la.rows);
  auto k = static_cast<int64_t>(ta ? la.rows : la.columns);
  auto n = static_cast<int64_t>(tb ? lb.rows : lb.columns);
  if (static_cast<int64_t>(ld.rows) != m ||
      static_cast<int64_t>(ld.columns) != n ||
      static_cast<int64_t>(tb ? lb.columns : lb.rows) != k) {
    return kInvalidValue;
  }
  for (int64_t batch = 0; batch < ld.batches; ++batch) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = 0; i < m; ++i) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l) {
          sum += la.get(a, ta ? la.at(batch, l, i) : la.at(batch, i, l)) *
                 lb.get(b, tb ? lb.at(batch, j, l) : lb.at(batch, l, j));
        }
        int64_t place = ld.at(batch, i, j);
        double old = beta != 0 ? beta * ld.get(c, place) : 0;
        ld.put(d, place, alpha * sum + old);
      }
    }
  }
  return 0;
}

} // extern "C"
