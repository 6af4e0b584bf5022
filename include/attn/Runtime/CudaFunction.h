//===- CudaFunction.h - a launch plan that runs -----------------*- C++ -*-===//
// Resolves a plan once per set of shapes and scalars: grids, offsets, sizes of
// temporaries and argument lists. A call with known shapes only puts addresses
// in and launches.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_CUDAFUNCTION_H
#define ATTN_RUNTIME_CUDAFUNCTION_H

#include "attn/Runtime/CudaDevice.h"
#include "attn/Runtime/Manifest.h"

#include <memory>
#include <vector>

namespace attn::rt::cuda {

/// A tensor on the device, or a scalar in host memory. Strides in elements;
/// null strides mean row-major.
struct Value {
  void *data = nullptr;
  DType dtype = DType::kF32;
  int64_t rank = 0;
  const int64_t *shape = nullptr;
  const int64_t *strides = nullptr;
};

/// One function of a package on a device. Not thread-safe: one call at a time,
/// since calls share the workspace; calls on one stream may be in flight
/// together.
class CudaFunction {
public:
  CudaFunction(CudaFunction &&) noexcept;
  ~CudaFunction();

  /// Errors: kUsage when the function has no plan; those of uploading
  /// constants.
  static Result<CudaFunction> create(GpuPtr gpu,
                                     std::shared_ptr<const Package> package,
                                     const FunctionInfo &function);

  const FunctionInfo &info() const;

  /// Shapes of the results of a call. Errors: kBadInput as for call.
  Result<std::vector<std::vector<int64_t>>>
  resultShapes(const std::vector<Value> &arguments);

  /// Starts a call on `stream`. `results` are given by the caller, contiguous;
  /// those that lie in an argument may have null data. Errors: kBadInput
  /// (dtypes, ranks, sizes, strides, guards), kRuntime with the driver's text.
  Status call(Stream stream, const std::vector<Value> &arguments,
              const std::vector<Value> &results);

  /// Bytes that the temporaries of the last call took.
  int64_t workspaceBytes() const;

private:
  struct State;
  explicit CudaFunction(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Launches captured once, replayed at the cost of one. Holds no memory: what
/// was captured must stay alive.
class CapturedGraph {
public:
  CapturedGraph(CapturedGraph &&other) noexcept
      : gpu(std::move(other.gpu)), exec(std::exchange(other.exec, nullptr)) {}
  ~CapturedGraph();

  /// Captures a call. Call once before: loading and allocating is no part of
  /// it.
  static Result<CapturedGraph> capture(GpuPtr gpu, Stream stream,
                                       CudaFunction &function,
                                       const std::vector<Value> &arguments,
                                       const std::vector<Value> &results);
  Status launch(Stream stream) const;

private:
  CapturedGraph(GpuPtr gpu, GraphExec exec) : gpu(std::move(gpu)), exec(exec) {}
  GpuPtr gpu;
  GraphExec exec;
};

} // namespace attn::rt::cuda

#endif // ATTN_RUNTIME_CUDAFUNCTION_H
