//===- ResolvedPlan.h - a plan with numbers for expressions -----*- C++ -*-===//
// What is left to do at a call is to put addresses in.
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_RESOLVEDPLAN_H
#define ATTN_LIB_RUNTIME_RESOLVEDPLAN_H

#include "CublasLt.h"
#include "attn/Runtime/CudaFunction.h"

#include <array>
#include <memory>
#include <variant>
#include <vector>

namespace attn::rt::cuda {

/// Addresses of a call by kind and index.
using Buffers = std::array<std::vector<DevicePtr>, 4>;

struct FixedAddress {
  BufferRef buffer;
  int64_t offset = 0;

  DevicePtr in(const Buffers &buffers) const {
    return buffers[static_cast<size_t>(buffer.kind)]
                  [static_cast<size_t>(buffer.index)] +
           static_cast<DevicePtr>(offset);
  }
};

struct FixedTensorMap {
  FixedAddress base;
  size_t slot = 0; ///< in FixedKernel::maps
  int dtype = 0, swizzle = 0, promotion = 0, fill = 0;
  std::vector<uint64_t> dims, strides;
  std::vector<unsigned> box, steps;
  DevicePtr encoded = 0; ///< the address in the descriptor; 0: none yet
};

/// Not movable once `parameters` point into it.
struct FixedKernel {
  Function function = nullptr;
  LaunchConfig config = {};
  std::array<LaunchAttribute, 2> attributes = {}; ///< those that it has first
  std::vector<uint64_t> words; ///< of all arguments but tensor maps
  std::vector<TensorMap> maps;
  std::vector<void *> parameters;
  std::vector<std::pair<size_t, FixedAddress>> pointers; ///< by word
  std::vector<FixedTensorMap> tensorMaps;
};

struct FixedMemset {
  FixedAddress to;
  int64_t bytes = 0;
  uint8_t value = 0;
};

struct FixedCopy {
  FixedAddress to, from;
  int64_t bytes = 0;
};

struct FixedGemm {
  FixedAddress a, b, d;
  std::unique_ptr<Matmul> matmul;
};

struct FixedStep {
  const PlanStep *step = nullptr;
  std::variant<std::unique_ptr<FixedKernel>, FixedMemset, FixedCopy, FixedGemm>
      action;
};

struct ResolvedPlan {
  std::vector<std::vector<int64_t>> resultShapes;
  std::vector<int64_t> temporaryOffsets;
  int64_t workspaceBytes = 0;
  int64_t matmulOffset = 0; ///< of the library's own workspace
  std::vector<FixedStep> steps;
};

/// What resolving needs besides the numbers.
struct ResolveContext {
  GpuPtr gpu;
  const Package *package = nullptr;
  CodeCache *code = nullptr;
  std::shared_ptr<CublasLt> *blas = nullptr; ///< loaded when needed
};

/// Errors: kBadInput (a guard, sizes that overflow or do not fit the device),
/// and those of loading code.
Result<std::unique_ptr<ResolvedPlan>>
resolvePlan(const Plan &plan, const SymbolValues &symbols,
            const std::vector<Value> &arguments, const ResolveContext &context);

/// Starts all steps. Errors: kRuntime, naming the step.
Status runPlan(ResolvedPlan &plan, const Gpu &gpu, const Buffers &buffers,
               DevicePtr workspace, Stream stream);

} // namespace attn::rt::cuda

#endif // ATTN_LIB_RUNTIME_RESOLVEDPLAN_H
