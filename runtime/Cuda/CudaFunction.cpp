//===- CudaFunction.cpp - a launch plan that runs -------------------------===//

#include "attn/Runtime/CudaFunction.h"
#include "ResolvedPlan.h"
#include "attn/Runtime/Launch.h"

#include <algorithm>
#include <cstring>
#include <set>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

/// Kernels load 16 bytes at a time.
constexpr DevicePtr kPointerAlignment = 16;
/// Sets of shapes that are kept; a serving process meets ever new ones.
constexpr size_t kMaxResolved = 256;

std::string describe(size_t index, const ValueInfo &info) {
  std::string text = "argument " + std::to_string(index);
  return info.name.empty() ? text : text + " ('" + info.name + "')";
}

int64_t integerOf(const Value &scalar) {
  // Exact below 2^53; wider ones are read as they are.
  if (scalar.dtype == DType::kI64) {
    int64_t value;
    std::memcpy(&value, scalar.data, sizeof(value));
    return value;
  }
  return static_cast<int64_t>(loadElement(scalar.dtype, scalar.data, 0));
}

DevicePtr addressOf(const Value &value) {
  return reinterpret_cast<DevicePtr>(value.data);
}

} // namespace

struct CudaFunction::State {
  using Key = std::vector<int64_t>;

  GpuPtr gpu;
  std::shared_ptr<const Package> package;
  const FunctionInfo *function = nullptr;
  std::unique_ptr<CodeCache> code;
  std::shared_ptr<CublasLt> blas;
  std::vector<Memory> constants;
  /// Whether an argument may have strides of its own, by dimension.
  std::vector<std::vector<bool>> strided;
  std::map<Key, std::unique_ptr<ResolvedPlan>> resolved;
  ResolvedPlan *last = nullptr;
  Key lastKey, key;
  Memory workspace;
  Buffers buffers;

  Status makeKey(const std::vector<Value> &arguments);
  Status checkShapes(const std::vector<Value> &arguments) const;
  Result<SymbolValues> bind(const std::vector<Value> &arguments) const;
  Result<ResolvedPlan *> resolve(const std::vector<Value> &arguments);
};

/// What a resolution depends on. Also checks what does not follow from it.
Status CudaFunction::State::makeKey(const std::vector<Value> &arguments) {
  if (arguments.size() != function->arguments.size()) {
    return Status::badInput("function '" + function->name + "': expected " +
                            std::to_string(function->arguments.size()) +
                            " arguments, but got " +
                            std::to_string(arguments.size()));
  }
  key.clear();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ValueInfo &info = function->arguments[i];
    const Value &value = arguments[i];
    if (value.dtype != info.dtype) {
      return Status::badInput(describe(i, info) + ": expected dtype " +
                              nameOf(info.dtype) + ", but got " +
                              nameOf(value.dtype));
    }
    if (value.rank != static_cast<int64_t>(info.shape.size())) {
      return Status::badInput(describe(i, info) + ": expected rank " +
                              std::to_string(info.shape.size()) + ", but got " +
                              std::to_string(value.rank));
    }
    if (info.kind == ValueKind::kScalar) {
      if (!value.data) {
        return Status::badInput(describe(i, info) + ": no value given");
      }
      int64_t bits = 0;
      std::memcpy(&bits, value.data, static_cast<size_t>(sizeOf(info.dtype)));
      key.push_back(bits);
      continue;
    }
    if (addressOf(value) % kPointerAlignment != 0) {
      return Status::badInput(describe(i, info) +
                              ": expected an address that is a multiple of " +
                              std::to_string(kPointerAlignment));
    }
    int64_t stride = 1;
    size_t start = key.size();
    key.resize(start + 2 * static_cast<size_t>(value.rank));
    bool isEmpty = false;
    for (int64_t d = value.rank; d-- > 0;) {
      int64_t size = value.shape[d];
      int64_t given = value.strides && size != 1 ? value.strides[d] : stride;
      key[start + 2 * d] = size;
      key[start + 2 * d + 1] = given;
      if (given != stride && !isEmpty && !strided[i][d]) {
        return Status::badInput(describe(i, info) + ": expected stride " +
                                std::to_string(stride) + " of dimension " +
                                std::to_string(d) + ", but got " +
                                std::to_string(given));
      }
      isEmpty |= size == 0;
      stride *= std::max<int64_t>(size, 1);
    }
    if (!value.data && !isEmpty) {
      return Status::badInput(describe(i, info) + ": no data");
    }
  }
  return Status::success();
}

/// Static sizes and equal names, as for calls on the CPU.
Status
CudaFunction::State::checkShapes(const std::vector<Value> &arguments) const {
  std::vector<Tensor> tensors;
  for (const Value &value : arguments) {
    Shape shape(value.shape, value.shape + value.rank);
    Result<int64_t> count = countElements(shape);
    if (!count) {
      return count.status();
    }
    tensors.push_back(Tensor::adopt(value.dtype, shape, nullptr, nullptr));
  }
  Arguments pointers;
  for (Tensor &tensor : tensors) {
    pointers.push_back(&tensor);
  }
  return checkArguments(*function, pointers);
}

Result<SymbolValues>
CudaFunction::State::bind(const std::vector<Value> &arguments) const {
  SymbolValues values;
  const DeviceInfo &info = gpu->info();
  for (const PlanSymbol &symbol : function->plan->symbols) {
    auto argument = static_cast<size_t>(symbol.argument);
    int64_t value = 0;
    switch (symbol.source) {
    case PlanSymbol::Source::kSize:
      value = arguments[argument].shape[symbol.dim];
      break;
    case PlanSymbol::Source::kStride: {
      // From the key: strides that were not given are filled in there.
      size_t at = 0;
      for (size_t i = 0; i < argument; ++i) {
        at += function->arguments[i].kind == ValueKind::kScalar
                  ? 1
                  : 2 * function->arguments[i].shape.size();
      }
      value = key[at + 2 * static_cast<size_t>(symbol.dim) + 1];
      break;
    }
    case PlanSymbol::Source::kScalar:
      value = integerOf(arguments[argument]);
      break;
    case PlanSymbol::Source::kDevice:
      value = symbol.property == "multiprocessors" ? info.multiprocessors
              : symbol.property == "shared_bytes"  ? info.sharedBytes
              : symbol.property == "l2_bytes"      ? info.l2Bytes
                                                   : info.capability;
      break;
    case PlanSymbol::Source::kExpr: {
      Result<int64_t> result = symbol.expr.evaluate(values);
      if (!result) {
        return result.status();
      }
      value = *result;
      break;
    }
    }
    values[symbol.name] = value;
  }
  return values;
}

Result<ResolvedPlan *>
CudaFunction::State::resolve(const std::vector<Value> &arguments) {
  Status status = makeKey(arguments);
  if (!status.ok()) {
    return status;
  }
  if (last && key == lastKey) {
    return last;
  }
  auto found = resolved.find(key);
  if (found == resolved.end()) {
    status = checkShapes(arguments);
    if (!status.ok()) {
      return status;
    }
    Result<SymbolValues> symbols = bind(arguments);
    if (!symbols) {
      return symbols.status();
    }
    Result<std::unique_ptr<ResolvedPlan>> plan =
        resolvePlan(*function->plan, *symbols, arguments,
                    {gpu, package.get(), code.get(), &blas});
    if (!plan) {
      return plan.status().withContext("function '" + function->name + "'");
    }
    if (resolved.size() >= kMaxResolved) {
      last = nullptr;
      resolved.clear();
    }
    found = resolved.emplace(key, *std::move(plan)).first;
  }
  last = found->second.get();
  lastKey = key;
  return last;
}

CudaFunction::CudaFunction(std::unique_ptr<State> state)
    : state(std::move(state)) {}
CudaFunction::CudaFunction(CudaFunction &&) noexcept = default;
CudaFunction::~CudaFunction() = default;

const FunctionInfo &CudaFunction::info() const { return *state->function; }
int64_t CudaFunction::workspaceBytes() const { return state->workspace.size(); }

Result<CudaFunction>
CudaFunction::create(GpuPtr gpu, std::shared_ptr<const Package> package,
                     const FunctionInfo &function) {
  if (!function.plan) {
    return Status::usage("function '" + function.name +
                         "' is not one of a GPU");
  }
  auto state = std::make_unique<State>();
  state->gpu = gpu;
  state->function = &function;
  state->code = std::make_unique<CodeCache>(gpu);
  for (const ValueInfo &argument : function.arguments) {
    state->strided.emplace_back(argument.shape.size(), false);
  }
  for (const PlanSymbol &symbol : function.plan->symbols) {
    if (symbol.source == PlanSymbol::Source::kStride) {
      state->strided[symbol.argument][symbol.dim] = true;
    }
  }
  if (!function.plan->constants.empty()) {
    Result<StreamOwner> stream = StreamOwner::create(gpu);
    if (!stream) {
      return stream.status();
    }
    for (const Constant &constant : function.plan->constants) {
      const auto &objects = package->manifest.objects;
      auto object = std::find_if(
          objects.begin(), objects.end(),
          [&](const ObjectInfo &info) { return info.name == constant.object; });
      if (object == objects.end()) {
        return Status::badInput("the package has no data '" + constant.object +
                                "'");
      }
      const std::string &bytes = package->objects[object - objects.begin()];
      Result<Memory> memory =
          Memory::device(gpu, static_cast<int64_t>(bytes.size()));
      if (!memory) {
        return memory.status();
      }
      Gpu::Scope scope(*gpu);
      Status status = gpu->check(
          gpu->driver().memcpyHtoDAsync(memory->address(), bytes.data(),
                                        bytes.size(), stream->get()),
          "upload of '" + constant.object + "'");
      state->constants.push_back(*std::move(memory));
      if (status.ok()) {
        status = stream->synchronize();
      }
      if (!status.ok()) {
        return status;
      }
    }
  }
  state->package = std::move(package);
  return CudaFunction(std::move(state));
}

Result<std::vector<std::vector<int64_t>>>
CudaFunction::resultShapes(const std::vector<Value> &arguments) {
  Result<ResolvedPlan *> plan = state->resolve(arguments);
  if (!plan) {
    return plan.status();
  }
  return (*plan)->resultShapes;
}

Status CudaFunction::call(Stream stream, const std::vector<Value> &arguments,
                          const std::vector<Value> &results) {
  Result<ResolvedPlan *> resolved = state->resolve(arguments);
  if (!resolved) {
    return resolved.status();
  }
  ResolvedPlan &plan = **resolved;
  const FunctionInfo &function = *state->function;
  if (results.size() != function.results.size()) {
    return Status::badInput("function '" + function.name + "': expected " +
                            std::to_string(function.results.size()) +
                            " results, but got " +
                            std::to_string(results.size()));
  }
  if (plan.workspaceBytes > state->workspace.size()) {
    Result<Memory> grown = Memory::device(state->gpu, plan.workspaceBytes);
    if (!grown) {
      return grown.status().withContext("function '" + function.name +
                                        "': workspace");
    }
    state->workspace = *std::move(grown);
  }

  using Kind = BufferRef::Kind;
  auto buffersOf = [&](Kind kind) -> std::vector<DevicePtr> & {
    auto &list = state->buffers[static_cast<size_t>(kind)];
    list.clear();
    return list;
  };
  std::vector<DevicePtr> &given = buffersOf(Kind::kArgument);
  for (const Value &value : arguments) {
    given.push_back(addressOf(value));
  }
  std::vector<DevicePtr> &made = buffersOf(Kind::kResult);
  for (size_t i = 0; i < results.size(); ++i) {
    const PlanResult &info = function.plan->results[i];
    const std::vector<int64_t> &shape = plan.resultShapes[i];
    const Value &value = results[i];
    if (info.argument) {
      made.push_back(given[static_cast<size_t>(*info.argument)]);
      continue;
    }
    std::string who = "result " + std::to_string(i);
    if (value.dtype != function.results[i].dtype) {
      return Status::badInput(who + ": expected dtype " +
                              nameOf(function.results[i].dtype) + ", but got " +
                              nameOf(value.dtype));
    }
    if (value.rank != static_cast<int64_t>(shape.size()) ||
        !std::equal(shape.begin(), shape.end(), value.shape)) {
      return Status::badInput(
          who + ": expected shape " + toString(shape) + ", but got " +
          toString(Shape(value.shape, value.shape + value.rank)));
    }
    int64_t stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      if (value.strides && shape[d] > 1 && value.strides[d] != stride) {
        return Status::badInput(who + ": expected a contiguous tensor");
      }
      stride *= std::max<int64_t>(shape[d], 1);
    }
    if (addressOf(value) % kPointerAlignment != 0) {
      return Status::badInput(who +
                              ": expected an address that is a multiple of " +
                              std::to_string(kPointerAlignment));
    }
    bool isEmpty = std::count(shape.begin(), shape.end(), 0) > 0;
    if (!value.data && !isEmpty) {
      return Status::badInput(who + ": no data");
    }
    made.push_back(addressOf(value));
  }
  std::vector<DevicePtr> &temporaries = buffersOf(Kind::kTemporary);
  for (int64_t offset : plan.temporaryOffsets) {
    temporaries.push_back(state->workspace.address() +
                          static_cast<DevicePtr>(offset));
  }
  std::vector<DevicePtr> &constants = buffersOf(Kind::kConstant);
  for (const Memory &memory : state->constants) {
    constants.push_back(memory.address());
  }
  Status status = runPlan(plan, *state->gpu, state->buffers,
                          state->workspace.address(), stream);
  return status.withContext("function '" + function.name + "'");
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

CapturedGraph::~CapturedGraph() {
  if (exec) {
    Gpu::Scope scope(*gpu);
    (void)gpu->driver().graphExecDestroy(exec);
  }
}

Result<CapturedGraph>
CapturedGraph::capture(GpuPtr gpu, Stream stream, CudaFunction &function,
                       const std::vector<Value> &arguments,
                       const std::vector<Value> &results) {
  constexpr int kRelaxed = 2;
  Gpu::Scope scope(*gpu);
  const Driver &driver = gpu->driver();
  Status status = gpu->check(driver.streamBeginCapture(stream, kRelaxed),
                             "cuStreamBeginCapture");
  if (!status.ok()) {
    return status;
  }
  Status called = function.call(stream, arguments, results);
  Graph graph = nullptr;
  // Capture ends in any case, or the stream would be lost.
  status =
      gpu->check(driver.streamEndCapture(stream, &graph), "cuStreamEndCapture");
  if (!called.ok()) {
    status = called;
  }
  GraphExec exec = nullptr;
  if (status.ok()) {
    status = gpu->check(driver.graphInstantiate(&exec, graph, 0),
                        "cuGraphInstantiate");
  }
  if (graph) {
    (void)driver.graphDestroy(graph);
  }
  if (!status.ok()) {
    return status;
  }
  return CapturedGraph(std::move(gpu), exec);
}

Status CapturedGraph::launch(Stream stream) const {
  Gpu::Scope scope(*gpu);
  return gpu->check(gpu->driver().graphLaunch(exec, stream), "cuGraphLaunch");
}
