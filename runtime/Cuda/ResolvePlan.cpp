//===- ResolvePlan.cpp - numbers for the expressions of a plan ------------===//

#include "ResolvedPlan.h"

#include <algorithm>
#include <cstring>

using namespace attn::rt;
using namespace attn::rt::cuda;

namespace {

/// Of temporaries in the workspace, as of every allocation of the driver.
constexpr int64_t kAlignment = 256;

bool holds(int64_t a, Condition::Compare compare, int64_t b) {
  switch (compare) {
  case Condition::Compare::kEq:
    return a == b;
  case Condition::Compare::kNe:
    return a != b;
  case Condition::Compare::kLt:
    return a < b;
  case Condition::Compare::kLe:
    return a <= b;
  case Condition::Compare::kGt:
    return a > b;
  case Condition::Compare::kGe:
    return a >= b;
  }
  return false;
}

/// CUtensorMapDataType; -1 for none.
int tensorMapType(DType type) {
  switch (type) {
  case DType::kU8:
  case DType::kI8:
  case DType::kI1:
  case DType::kF8E4M3FN:
  case DType::kF8E5M2:
    return 0;
  case DType::kI16:
    return 1;
  case DType::kI32:
    return 4;
  case DType::kI64:
    return 5;
  case DType::kF16:
    return 6;
  case DType::kF32:
    return 7;
  case DType::kF64:
    return 8;
  case DType::kBF16:
    return 9;
  }
  return -1;
}

/// Evaluates; keeps the first error, after which values are 0.
class Resolver {
public:
  Resolver(const Plan &plan, const SymbolValues &symbols,
           const std::vector<Value> &arguments, const ResolveContext &context)
      : plan(plan), symbols(symbols), arguments(arguments), context(context) {}

  Result<std::unique_ptr<ResolvedPlan>> run() {
    for (const Guard &guard : plan.guards) {
      if (!test(guard.condition) && error.ok()) {
        error = Status::badInput(guard.message);
      }
    }
    for (const PlanResult &result : plan.results) {
      std::vector<int64_t> shape;
      for (const Expr &size : result.shape) {
        shape.push_back(value(size));
        if (shape.back() < 0) {
          fail("a result would have a negative size");
        }
      }
      resolved->resultShapes.push_back(std::move(shape));
    }
    for (const PlanStep &step : plan.steps) {
      bool runs = true;
      for (const Condition &condition : step.when) {
        runs = test(condition) && runs;
      }
      if (!error.ok() || !runs) {
        continue;
      }
      std::visit([&](const auto &action) { add(step, action); }, step.action);
      error = error.withContext("step '" + step.name + "'");
    }
    if (error.ok()) {
      placeTemporaries();
    }
    if (!error.ok()) {
      return error;
    }
    return std::move(resolved);
  }

private:
  void fail(const std::string &message) {
    if (error.ok()) {
      error = Status::badInput(message);
    }
  }

  int64_t value(const Expr &expr) {
    Result<int64_t> result = expr.evaluate(symbols);
    if (!result && error.ok()) {
      error = result.status();
    }
    return result ? *result : 0;
  }

  int64_t valueIn(const Expr &expr, int64_t lo, int64_t hi, const char *what) {
    int64_t result = value(expr);
    if (result < lo || result > hi) {
      fail(std::string(what) + " is " + std::to_string(result) + ", expected " +
           std::to_string(lo) + " to " + std::to_string(hi));
    }
    return result;
  }

  bool test(const Condition &condition) {
    return holds(value(condition.lhs), condition.compare, value(condition.rhs));
  }

  FixedAddress fix(const Address &address) {
    if (address.buffer.kind == BufferRef::Kind::kTemporary) {
      usedBy[address.buffer.index].push_back(resolved->steps.size());
    }
    return {address.buffer, value(address.offset)};
  }

  void add(const PlanStep &step, const KernelStep &kernel) {
    auto fixed = std::make_unique<FixedKernel>();
    bool isEmpty = false, hasCluster = false;
    LaunchAttribute cluster = {kAttributeCluster, {}, {}};
    LaunchAttribute overlaps = {kAttributeOverlaps, {}, {}};
    overlaps.value.overlaps = 1;
    constexpr int64_t kMaxGrid[3] = {INT32_MAX, 65535, 65535};
    constexpr int64_t kMaxBlock[3] = {1024, 1024, 64};
    for (int i = 0; i < 3; ++i) {
      int64_t grid = valueIn(kernel.grid[i], 0, kMaxGrid[i], "the grid");
      fixed->config.grid[i] = static_cast<unsigned>(grid);
      fixed->config.block[i] = static_cast<unsigned>(
          valueIn(kernel.block[i], 1, kMaxBlock[i], "the block"));
      int64_t blocks = valueIn(kernel.cluster[i], 1, 16, "the cluster");
      cluster.value.cluster[i] = static_cast<unsigned>(blocks);
      isEmpty |= grid == 0;
      hasCluster |= blocks != 1;
    }
    int64_t shared =
        valueIn(kernel.sharedBytes, 0, INT32_MAX, "the shared memory");
    if (!error.ok() || isEmpty) {
      return;
    }
    fixed->config.sharedBytes = static_cast<unsigned>(shared);
    fixed->config.attributes = fixed->attributes.data();
    if (hasCluster) {
      fixed->attributes[fixed->config.numAttributes++] = cluster;
    }
    if (kernel.overlaps) {
      fixed->attributes[fixed->config.numAttributes++] = overlaps;
    }
    fixed->words.assign(kernel.args.size(), 0);
    fixed->maps.resize(kernel.args.size());
    for (size_t i = 0; i < kernel.args.size(); ++i) {
      fixed->parameters.push_back(&fixed->words[i]);
      std::visit([&](const auto &arg) { addArg(*fixed, i, arg); },
                 kernel.args[i]);
    }
    if (!error.ok()) {
      return;
    }
    Result<Function> function = context.code->find(
        *context.package, kernel.module, kernel.symbol, shared);
    if (!function) {
      error = function.status();
      return;
    }
    fixed->function = *function;
    resolved->steps.push_back({&step, std::move(fixed)});
  }

  template <typename T> void put(FixedKernel &kernel, size_t index, T bits) {
    std::memcpy(&kernel.words[index], &bits, sizeof(bits));
  }

  void addArg(FixedKernel &kernel, size_t index, const PointerArg &arg) {
    kernel.pointers.emplace_back(index, fix(arg.address));
  }
  void addArg(FixedKernel &kernel, size_t index, const IntArg &arg) {
    if (arg.bits == 64) {
      put(kernel, index, value(arg.value));
    } else {
      put(kernel, index,
          static_cast<int32_t>(
              valueIn(arg.value, INT32_MIN, INT32_MAX, "an i32 argument")));
    }
  }
  void addArg(FixedKernel &kernel, size_t index, const FloatArg &arg) {
    if (arg.bits == 64) {
      put(kernel, index, arg.value);
    } else {
      put(kernel, index, static_cast<float>(arg.value));
    }
  }
  void addArg(FixedKernel &kernel, size_t index, const ScalarArg &arg) {
    const Value &scalar = arguments[static_cast<size_t>(arg.argument)];
    std::memcpy(&kernel.words[index], scalar.data,
                static_cast<size_t>(sizeOf(scalar.dtype)));
  }
  void addArg(FixedKernel &kernel, size_t index, const TensorMapArg &arg) {
    const TensorMapInfo &map = arg.map;
    FixedTensorMap fixed;
    fixed.base = fix(map.base);
    fixed.slot = index;
    fixed.dtype = tensorMapType(map.dtype);
    fixed.swizzle = map.swizzle == 128  ? 3
                    : map.swizzle == 64 ? 2
                                        : map.swizzle == 32;
    fixed.promotion = map.l2Promotion == 256   ? 3
                      : map.l2Promotion == 128 ? 2
                                               : map.l2Promotion == 64;
    fixed.fill = map.fillNaN ? 1 : 0;
    for (const Expr &size : map.dims) {
      // The hardware has no empty tensors; nothing is read of a grid of 0.
      fixed.dims.push_back(static_cast<uint64_t>(std::max<int64_t>(
          valueIn(size, 0, int64_t(1) << 32, "a size of a tensor map"), 1)));
    }
    for (const Expr &stride : map.strides) {
      fixed.strides.push_back(static_cast<uint64_t>(valueIn(
          stride, 0, (int64_t(1) << 40) - 1, "a stride of a tensor map")));
    }
    for (const Expr &size : map.box) {
      fixed.box.push_back(static_cast<unsigned>(
          valueIn(size, 1, 256, "a box size of a tensor map")));
    }
    fixed.steps.assign(fixed.dims.size(), 1);
    for (size_t d = 0; d < map.steps.size(); ++d) {
      // The driver wants the elements that a box spans.
      fixed.steps[d] = static_cast<unsigned>(map.steps[d]);
      fixed.box[d] *= fixed.steps[d];
    }
    kernel.parameters[index] = &kernel.maps[index];
    kernel.tensorMaps.push_back(std::move(fixed));
  }

  void add(const PlanStep &step, const MemsetStep &memset) {
    int64_t bytes = valueIn(memset.bytes, 0, INT64_MAX, "the number of bytes");
    FixedAddress to = fix(memset.to);
    if (bytes > 0) {
      resolved->steps.push_back({&step, FixedMemset{to, bytes, memset.value}});
    }
  }

  void add(const PlanStep &step, const CopyStep &copy) {
    int64_t bytes = valueIn(copy.bytes, 0, INT64_MAX, "the number of bytes");
    FixedAddress to = fix(copy.to), from = fix(copy.from);
    if (bytes > 0) {
      resolved->steps.push_back({&step, FixedCopy{to, from, bytes}});
    }
  }

  MatrixSizes fixMatrix(const GemmOperand &operand) {
    return {operand.dtype, value(operand.leading), value(operand.batchStride),
            operand.transposed};
  }

  void add(const PlanStep &step, const GemmStep &gemm) {
    GemmSizes sizes;
    sizes.a = fixMatrix(gemm.a);
    sizes.b = fixMatrix(gemm.b);
    sizes.d = fixMatrix(gemm.d);
    sizes.m = valueIn(gemm.m, 0, INT64_MAX, "m");
    sizes.n = valueIn(gemm.n, 0, INT64_MAX, "n");
    sizes.k = valueIn(gemm.k, 1, INT64_MAX, "k");
    sizes.batch = valueIn(gemm.batch, 0, INT32_MAX, "the batch");
    sizes.alpha = gemm.alpha;
    sizes.beta = gemm.beta;
    sizes.tf32 = gemm.tf32;
    FixedGemm fixed;
    fixed.a = fix(gemm.a.address);
    fixed.b = fix(gemm.b.address);
    fixed.d = fix(gemm.d.address);
    if (!error.ok() || sizes.m == 0 || sizes.n == 0 || sizes.batch == 0) {
      return;
    }
    Gpu::Scope scope(*context.gpu);
    if (!*context.blas) {
      Result<std::shared_ptr<CublasLt>> loaded = loadCublasLt();
      if (!loaded) {
        error = loaded.status();
        return;
      }
      *context.blas = *loaded;
    }
    Result<std::unique_ptr<Matmul>> matmul =
        Matmul::create(*context.blas, sizes);
    if (!matmul) {
      error = matmul.status();
      return;
    }
    fixed.matmul = *std::move(matmul);
    usesMatmul = true;
    resolved->steps.push_back({&step, std::move(fixed)});
  }

  /// First fit: each at the lowest offset where it meets none that lives at the
  /// same time.
  void placeTemporaries() {
    struct Placed {
      int64_t begin, end;
      size_t first, last;
    };
    std::vector<Placed> placed;
    for (size_t i = 0; i < plan.temporaries.size(); ++i) {
      int64_t bytes = valueIn(plan.temporaries[i].bytes, 0, int64_t(1) << 50,
                              "the size of a temporary");
      resolved->temporaryOffsets.push_back(0);
      auto used = usedBy.find(static_cast<int64_t>(i));
      if (used == usedBy.end() || bytes == 0) {
        continue;
      }
      Placed mine = {0, (bytes + kAlignment - 1) / kAlignment * kAlignment,
                     used->second.front(), used->second.back()};
      std::sort(
          placed.begin(), placed.end(),
          [](const Placed &a, const Placed &b) { return a.begin < b.begin; });
      for (const Placed &other : placed) {
        bool together = mine.first <= other.last && other.first <= mine.last;
        if (together && mine.begin < other.end && other.begin < mine.end) {
          mine.end += other.end - mine.begin;
          mine.begin = other.end;
        }
      }
      resolved->temporaryOffsets.back() = mine.begin;
      resolved->workspaceBytes = std::max(resolved->workspaceBytes, mine.end);
      placed.push_back(mine);
    }
    resolved->matmulOffset = resolved->workspaceBytes;
    if (usesMatmul) {
      resolved->workspaceBytes += Matmul::kWorkspaceBytes;
    }
  }

  const Plan &plan;
  const SymbolValues &symbols;
  const std::vector<Value> &arguments;
  const ResolveContext &context;
  std::unique_ptr<ResolvedPlan> resolved = std::make_unique<ResolvedPlan>();
  /// Steps that use a temporary, in order.
  std::map<int64_t, std::vector<size_t>> usedBy;
  bool usesMatmul = false;
  Status error;
};

} // namespace

Result<std::unique_ptr<ResolvedPlan>>
attn::rt::cuda::resolvePlan(const Plan &plan, const SymbolValues &symbols,
                            const std::vector<Value> &arguments,
                            const ResolveContext &context) {
  return Resolver(plan, symbols, arguments, context).run();
}
