//===- RunPlan.cpp - start the steps of a plan ----------------------------===//

#include "ResolvedPlan.h"

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

class Runner {
public:
  Runner(const ResolvedPlan &plan, const Gpu &gpu, const Buffers &buffers,
         DevicePtr workspace, Stream stream)
      : plan(plan), gpu(gpu), driver(gpu.driver()), buffers(buffers),
        workspace(workspace), stream(stream) {}

  Status operator()(const std::unique_ptr<FixedKernel> &kernel) const {
    for (const auto &[word, address] : kernel->pointers) {
      kernel->words[word] = address.in(buffers);
    }
    for (FixedTensorMap &map : kernel->tensorMaps) {
      Status status = encode(map, kernel->maps[map.slot]);
      if (!status.ok()) {
        return status;
      }
    }
    kernel->config.stream = stream;
    return gpu.check(driver.launchKernelEx(&kernel->config, kernel->function,
                                           kernel->parameters.data(), nullptr),
                     "launch");
  }

  Status operator()(const FixedMemset &memset) const {
    return gpu.check(driver.memsetD8Async(memset.to.in(buffers), memset.value,
                                          static_cast<size_t>(memset.bytes),
                                          stream),
                     "memset");
  }

  Status operator()(const FixedCopy &copy) const {
    return gpu.check(
        driver.memcpyDtoDAsync(copy.to.in(buffers), copy.from.in(buffers),
                               static_cast<size_t>(copy.bytes), stream),
        "copy");
  }

  Status operator()(const FixedGemm &gemm) const {
    return gemm.matmul->run(
        gemm.a.in(buffers), gemm.b.in(buffers), gemm.d.in(buffers),
        workspace + static_cast<DevicePtr>(plan.matmulOffset), stream);
  }

private:
  Status encode(FixedTensorMap &map, TensorMap &encoded) const {
    DevicePtr base = map.base.in(buffers);
    if (base == map.encoded && base) {
      return Status::success();
    }
    int error = driver.tensorMapEncodeTiled(
        &encoded, map.dtype, static_cast<unsigned>(map.dims.size()),
        reinterpret_cast<void *>(base), map.dims.data(), map.strides.data(),
        map.box.data(), map.steps.data(), /*interleave=*/0, map.swizzle,
        map.promotion, map.fill);
    map.encoded = error ? 0 : base;
    return gpu.check(error, "cuTensorMapEncodeTiled");
  }

  const ResolvedPlan &plan;
  const Gpu &gpu;
  const Driver &driver;
  const Buffers &buffers;
  DevicePtr workspace;
  Stream stream;
};

} // namespace

Status attn::rt::cuda::runPlan(ResolvedPlan &plan, const Gpu &gpu,
                               const Buffers &buffers, DevicePtr workspace,
                               Stream stream) {
  Gpu::Scope scope(gpu);
  Runner runner(plan, gpu, buffers, workspace, stream);
  for (const FixedStep &step : plan.steps) {
    Status status = std::visit(runner, step.action);
    if (!status.ok()) {
      return status.withContext("step '" + step.step->name + "'");
    }
  }
  return Status::success();
}
