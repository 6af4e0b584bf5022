//===- GpuExecute.h - call a function of a GPU from the host --------------===//
// No LLVM in here.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TOOLS_ATTN_RUN_GPUEXECUTE_H
#define ATTN_TOOLS_ATTN_RUN_GPUEXECUTE_H

#include "attn/Runtime/CudaFunction.h"
#include "attn/Runtime/Launch.h"

#include <memory>
#include <vector>

namespace attn::run {

/// Host tensors on the device, and room for the results, which starts as NaN.
class GpuCall {
public:
  /// `package`, `function` and the tensors must outlive the call.
  /// Errors: those of the driver, and kBadInput for the arguments.
  static rt::Result<std::unique_ptr<GpuCall>>
  create(const rt::cuda::GpuPtr &gpu,
         const std::shared_ptr<const rt::Package> &package,
         const rt::FunctionInfo &function, const rt::Arguments &arguments);

  /// Starts the call.
  rt::Status start();
  rt::Status wait() const { return stream.synchronize(); }

  /// The results; what the function wrote into donated arguments goes back to
  /// the host tensors. Waits for the call.
  rt::Result<std::vector<rt::Tensor>> takeResults();

  struct Times {
    double median = 0, min = 0; ///< of the device, seconds
    double host = 0;            ///< of starting a call, median
    double graph = 0;           ///< of replaying it as a graph, median
    int calls = 0;
  };
  /// Times `calls` calls, each with cold caches: these are flushed, and calls
  /// take turns with copies of the inputs.
  rt::Result<Times> bench(int calls);

private:
  GpuCall(rt::cuda::GpuPtr gpu, rt::cuda::CudaFunction function,
          rt::cuda::StreamOwner stream)
      : gpu(std::move(gpu)), function(std::move(function)),
        stream(std::move(stream)) {}
  rt::Status upload(const rt::Arguments &from);
  rt::Status makeResults();
  /// The arguments, those that are only read as copies.
  struct Inputs {
    std::vector<rt::cuda::Memory> memory;
    std::vector<rt::cuda::Value> arguments;
  };
  rt::Result<std::vector<Inputs>> copyInputs();
  rt::Status download(rt::Tensor &to, rt::cuda::DevicePtr from);

  rt::cuda::GpuPtr gpu;
  rt::cuda::CudaFunction function;
  rt::cuda::StreamOwner stream;
  rt::Arguments hosts;
  std::vector<std::vector<int64_t>> shapes; ///< of arguments, then results
  std::vector<rt::cuda::Memory> memory;     ///< of both; empty for scalars
  std::vector<rt::cuda::Value> arguments, results;
};

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_GPUEXECUTE_H
