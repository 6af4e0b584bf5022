//===- CublasLt.cpp - matrix products by cuBLASLt -------------------------===//
// The library is column-major, so the transposed product is asked for:
// d^T = b^T a^T, where a row-major matrix is its transpose already.
//===----------------------------------------------------------------------===//

#include "CublasLt.h"

#include <cstdlib>
#include <dlfcn.h>
#include <vector>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

// cublasComputeType_t.
constexpr int kCompute32F = 68, kCompute64F = 70, kCompute32FastTF32 = 77;
// cublasLtMatmulDescAttributes_t, cublasLtMatrixLayoutAttribute_t,
// cublasLtMatmulPreferenceAttributes_t.
constexpr int kTransA = 3, kTransB = 4, kBatchCount = 5, kBatchOffset = 6,
              kMaxWorkspace = 1;

/// cublasLtMatmulHeuristicResult_t.
struct Heuristic {
  uint64_t algorithm[8];
  size_t workspaceSize;
  int state;
  float waves;
  int reserved[4];
};

/// cudaDataType_t; -1 for none.
int dataType(DType type) {
  switch (type) {
  case DType::kF32:
    return 0;
  case DType::kF64:
    return 1;
  case DType::kF16:
    return 2;
  case DType::kBF16:
    return 14;
  default:
    return -1;
  }
}

} // namespace

#define ATTN_CUBLASLT_FUNCTIONS(X)                                             \
  X(create, "cublasLtCreate", (void **))                                       \
  X(destroy, "cublasLtDestroy", (void *))                                      \
  X(descCreate, "cublasLtMatmulDescCreate", (void **, int, int))               \
  X(descDestroy, "cublasLtMatmulDescDestroy", (void *))                        \
  X(descSet, "cublasLtMatmulDescSetAttribute",                                 \
    (void *, int, const void *, size_t))                                       \
  X(layoutCreate, "cublasLtMatrixLayoutCreate",                                \
    (void **, int, uint64_t, uint64_t, int64_t))                               \
  X(layoutDestroy, "cublasLtMatrixLayoutDestroy", (void *))                    \
  X(layoutSet, "cublasLtMatrixLayoutSetAttribute",                             \
    (void *, int, const void *, size_t))                                       \
  X(preferenceCreate, "cublasLtMatmulPreferenceCreate", (void **))             \
  X(preferenceDestroy, "cublasLtMatmulPreferenceDestroy", (void *))            \
  X(preferenceSet, "cublasLtMatmulPreferenceSetAttribute",                     \
    (void *, int, const void *, size_t))                                       \
  X(heuristic, "cublasLtMatmulAlgoGetHeuristic",                               \
    (void *, void *, void *, void *, void *, void *, void *, int, Heuristic *, \
     int *))                                                                   \
  X(matmul, "cublasLtMatmul",                                                  \
    (void *, void *, const void *, const void *, void *, const void *, void *, \
     const void *, const void *, void *, void *, void *, const void *, void *, \
     size_t, Stream))

class attn::rt::cuda::CublasLt {
public:
#define ATTN_CUBLASLT_MEMBER(member, symbol, signature)                        \
  int(*member) signature = nullptr;
  ATTN_CUBLASLT_FUNCTIONS(ATTN_CUBLASLT_MEMBER)
#undef ATTN_CUBLASLT_MEMBER
  void *library = nullptr;
  void *handle = nullptr;

  ~CublasLt() {
    if (handle) {
      (void)destroy(handle);
    }
    // Never unloaded: the library does not support it.
  }
};

Result<std::shared_ptr<CublasLt>> attn::rt::cuda::loadCublasLt() {
  auto blas = std::make_shared<CublasLt>();
  const char *chosen = std::getenv("ATTN_CUBLASLT");
  std::string tried;
  std::vector<const char *> names = {"libcublasLt.so.13", "libcublasLt.so.12"};
  if (chosen && *chosen) {
    names = {chosen};
  }
  for (const char *name : names) {
    if (!blas->library) {
      blas->library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      tried += (tried.empty() ? "" : ", ") + std::string(name);
    }
  }
  if (!blas->library) {
    return Status::runtime("a matrix product needs cuBLASLt (tried " + tried +
                           ")");
  }
#define ATTN_CUBLASLT_LOAD(member, symbol, signature)                          \
  blas->member =                                                               \
      reinterpret_cast<int(*) signature>(::dlsym(blas->library, symbol));      \
  if (!blas->member) {                                                         \
    return Status::runtime("cuBLASLt has no function '" symbol "'");           \
  }
  ATTN_CUBLASLT_FUNCTIONS(ATTN_CUBLASLT_LOAD)
#undef ATTN_CUBLASLT_LOAD
  if (int error = blas->create(&blas->handle)) {
    blas->handle = nullptr;
    return Status::runtime("cublasLtCreate: status " + std::to_string(error));
  }
  return blas;
}

struct Matmul::State {
  std::shared_ptr<CublasLt> blas;
  void *desc = nullptr;
  void *layouts[3] = {}; // of the transposed product: b, a, d
  void *preference = nullptr;
  Heuristic choice = {};
  bool isDouble = false;
  double alpha64 = 1, beta64 = 0;
  float alpha32 = 1, beta32 = 0;

  ~State() {
    if (preference) {
      (void)blas->preferenceDestroy(preference);
    }
    for (void *layout : layouts) {
      if (layout) {
        (void)blas->layoutDestroy(layout);
      }
    }
    if (desc) {
      (void)blas->descDestroy(desc);
    }
  }
};

Matmul::~Matmul() = default;

Result<std::unique_ptr<Matmul>>
Matmul::create(const std::shared_ptr<CublasLt> &library,
               const GemmSizes &sizes) {
  std::unique_ptr<Matmul> result(new Matmul);
  result->state = std::make_unique<State>();
  State &state = *result->state;
  state.blas = library;
  state.isDouble = sizes.a.dtype == DType::kF64;
  state.alpha64 = sizes.alpha;
  state.beta64 = sizes.beta;
  state.alpha32 = static_cast<float>(sizes.alpha);
  state.beta32 = static_cast<float>(sizes.beta);
  CublasLt &blas = *library;
  int error =
      blas.descCreate(&state.desc,
                      state.isDouble ? kCompute64F
                      : sizes.tf32   ? kCompute32FastTF32
                                     : kCompute32F,
                      dataType(state.isDouble ? DType::kF64 : DType::kF32));
  // Of the transposed product the first factor is b.
  const MatrixSizes *matrices[3] = {&sizes.b, &sizes.a, &sizes.d};
  const int64_t rows[3] = {sizes.n, sizes.k, sizes.n};
  const int64_t columns[3] = {sizes.k, sizes.m, sizes.m};
  const int transposes[2] = {kTransA, kTransB};
  for (int i = 0; i < 3 && !error; ++i) {
    bool turned = matrices[i]->transposed;
    int32_t flag = turned ? 1 : 0;
    if (i < 2) {
      error = blas.descSet(state.desc, transposes[i], &flag, sizeof(flag));
    }
    if (!error) {
      error = blas.layoutCreate(
          &state.layouts[i], dataType(matrices[i]->dtype),
          static_cast<uint64_t>(turned ? columns[i] : rows[i]),
          static_cast<uint64_t>(turned ? rows[i] : columns[i]),
          matrices[i]->leading);
    }
    auto batch = static_cast<int32_t>(sizes.batch);
    int64_t stride = matrices[i]->batchStride;
    if (!error) {
      error =
          blas.layoutSet(state.layouts[i], kBatchCount, &batch, sizeof(batch));
    }
    if (!error) {
      error = blas.layoutSet(state.layouts[i], kBatchOffset, &stride,
                             sizeof(stride));
    }
  }
  if (!error) {
    error = blas.preferenceCreate(&state.preference);
  }
  auto bytes = static_cast<uint64_t>(kWorkspaceBytes);
  if (!error) {
    error = blas.preferenceSet(state.preference, kMaxWorkspace, &bytes,
                               sizeof(bytes));
  }
  int found = 0;
  if (!error) {
    error = blas.heuristic(blas.handle, state.desc, state.layouts[0],
                           state.layouts[1], state.layouts[2], state.layouts[2],
                           state.preference, 1, &state.choice, &found);
  }
  if (error || found == 0) {
    return Status::runtime(
        "cuBLASLt has no algorithm for a product of " +
        std::to_string(sizes.m) + "x" + std::to_string(sizes.n) + "x" +
        std::to_string(sizes.k) + " " + nameOf(sizes.a.dtype) + " (status " +
        std::to_string(error) + ")");
  }
  return result;
}

Status Matmul::run(DevicePtr a, DevicePtr b, DevicePtr d, DevicePtr workspace,
                   Stream stream) const {
  const State &s = *state;
  auto pointer = [](DevicePtr at) { return reinterpret_cast<void *>(at); };
  const void *alpha =
      s.isDouble ? static_cast<const void *>(&s.alpha64) : &s.alpha32;
  const void *beta =
      s.isDouble ? static_cast<const void *>(&s.beta64) : &s.beta32;
  int error = s.blas->matmul(s.blas->handle, s.desc, alpha, pointer(b),
                             s.layouts[0], pointer(a), s.layouts[1], beta,
                             pointer(d), s.layouts[2], pointer(d), s.layouts[2],
                             s.choice.algorithm, pointer(workspace),
                             static_cast<size_t>(kWorkspaceBytes), stream);
  return error ? Status::runtime("cublasLtMatmul: status " +
                                 std::to_string(error))
               : Status::success();
}
