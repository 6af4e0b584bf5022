//===- CublasLt.h - matrix products by cuBLASLt -----------------*- C++ -*-===//
// Loaded when the first plan with a product is resolved, so that nothing else
// needs it.
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_CUBLASLT_H
#define ATTN_LIB_RUNTIME_CUBLASLT_H

#include "attn/Runtime/CudaDriver.h"
#include "attn/Runtime/DType.h"

#include <memory>

namespace attn::rt::cuda {

class CublasLt;

/// A stored matrix, as GemmOperand with numbers for expressions.
struct MatrixSizes {
  DType dtype = DType::kF32;
  int64_t leading = 0, batchStride = 0;
  bool transposed = false;
};

struct GemmSizes {
  MatrixSizes a, b, d;
  int64_t m = 0, n = 0, k = 0, batch = 1;
  double alpha = 1, beta = 0;
  bool tf32 = false;
};

/// A product with its algorithm chosen.
class Matmul {
public:
  static constexpr int64_t kWorkspaceBytes = int64_t(32) << 20;

  ~Matmul();
  Matmul(const Matmul &) = delete;
  Matmul &operator=(const Matmul &) = delete;

  /// The current context's. Errors: kRuntime (no library, no algorithm).
  static Result<std::unique_ptr<Matmul>>
  create(const std::shared_ptr<CublasLt> &library, const GemmSizes &sizes);

  Status run(DevicePtr a, DevicePtr b, DevicePtr d, DevicePtr workspace,
             Stream stream) const;

private:
  Matmul() = default;
  struct State;
  std::unique_ptr<State> state;
};

/// `$ATTN_CUBLASLT`, else libcublasLt.so.13 or .12; with a handle for the
/// current context. Errors: kRuntime.
Result<std::shared_ptr<CublasLt>> loadCublasLt();

} // namespace attn::rt::cuda

#endif // ATTN_LIB_RUNTIME_CUBLASLT_H
