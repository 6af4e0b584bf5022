//===- Plan.cpp - whether the references of a plan lead somewhere ---------===//

#include "attn/Runtime/Plan.h"

#include <algorithm>
#include <set>

using namespace attn::rt;

namespace {

constexpr const char *kProperties[] = {"multiprocessors", "shared_bytes",
                                       "l2_bytes", "capability"};
constexpr size_t kMaxTensorMapRank = 5;
constexpr int64_t kMaxTensorMapStep = 8;

/// Walks a plan; keeps the first problem.
class Checker {
public:
  Checker(const Plan &plan, const std::vector<PlanArgument> &arguments)
      : plan(plan), arguments(arguments) {}

  std::string run() {
    for (const PlanSymbol &symbol : plan.symbols) {
      check(symbol);
    }
    for (const Guard &guard : plan.guards) {
      check(guard.condition, "a guard");
    }
    for (const Temporary &temporary : plan.temporaries) {
      check(temporary.bytes, "temporary '" + temporary.name + "'");
    }
    for (const PlanResult &result : plan.results) {
      for (const Expr &size : result.shape) {
        check(size, "the shape of a result");
      }
      if (result.argument && !isTensor(*result.argument)) {
        fail("a result lies in argument " + std::to_string(*result.argument) +
             ", which is no tensor");
      } else if (result.argument && !arguments[*result.argument].donated) {
        fail("a result lies in argument " + std::to_string(*result.argument) +
             ", which is not donated");
      }
    }
    for (const PlanStep &step : plan.steps) {
      where = "step '" + step.name + "'";
      for (const Condition &condition : step.when) {
        check(condition, where);
      }
      std::visit([&](const auto &action) { check(action); }, step.action);
    }
    return wrong;
  }

private:
  void fail(const std::string &message) {
    if (wrong.empty()) {
      wrong = message;
    }
  }

  bool isArgument(int64_t index) const {
    return index >= 0 && index < static_cast<int64_t>(arguments.size());
  }
  bool isTensor(int64_t index) const {
    return isArgument(index) && arguments[index].isTensor;
  }

  void check(const PlanSymbol &symbol) {
    using Source = PlanSymbol::Source;
    std::string who = "symbol '" + symbol.name + "'";
    switch (symbol.source) {
    case Source::kSize:
    case Source::kStride:
      if (!isTensor(symbol.argument) || symbol.dim < 0 ||
          symbol.dim >= arguments[symbol.argument].rank) {
        fail(who + ": argument " + std::to_string(symbol.argument) +
             " has no dimension " + std::to_string(symbol.dim));
      }
      break;
    case Source::kScalar:
      if (!isArgument(symbol.argument) || isTensor(symbol.argument) ||
          isFloat(arguments[symbol.argument].dtype)) {
        fail(who + ": argument " + std::to_string(symbol.argument) +
             " is no integer scalar");
      }
      break;
    case Source::kDevice:
      if (std::find(std::begin(kProperties), std::end(kProperties),
                    symbol.property) == std::end(kProperties)) {
        fail(who + ": unknown property '" + symbol.property + "'");
      }
      break;
    case Source::kExpr:
      check(symbol.expr, who);
      break;
    }
    Result<Expr> again = Expr::parse(symbol.name);
    if (!again || *again != Expr::symbol(symbol.name)) {
      fail(who + ": not a name");
    }
    if (!names.insert(symbol.name).second) {
      fail(who + ": defined twice");
    }
  }

  void check(const Expr &expr, const std::string &who) {
    for (const std::string &name : expr.symbols()) {
      if (!names.count(name)) {
        fail(who + ": '" + name + "' is not defined");
      }
    }
  }

  void check(const Condition &condition, const std::string &who) {
    check(condition.lhs, who);
    check(condition.rhs, who);
  }

  void check(const Address &address) {
    using Kind = BufferRef::Kind;
    int64_t index = address.buffer.index;
    bool ok = false;
    const char *kind = "";
    switch (address.buffer.kind) {
    case Kind::kArgument:
      kind = "argument";
      ok = isTensor(index);
      break;
    case Kind::kResult:
      kind = "result";
      ok = index >= 0 && index < static_cast<int64_t>(plan.results.size());
      break;
    case Kind::kTemporary:
      kind = "temporary";
      ok = index >= 0 && index < static_cast<int64_t>(plan.temporaries.size());
      break;
    case Kind::kConstant:
      kind = "constant";
      ok = index >= 0 && index < static_cast<int64_t>(plan.constants.size());
      break;
    }
    if (!ok) {
      fail(where + ": there is no buffer " + kind + ":" +
           std::to_string(index));
    }
    check(address.offset, where);
  }

  void check(const PointerArg &arg) { check(arg.address); }
  void check(const IntArg &arg) { check(arg.value, where); }
  void check(const FloatArg &) {}
  void check(const ScalarArg &arg) {
    if (!isArgument(arg.argument) || isTensor(arg.argument)) {
      fail(where + ": argument " + std::to_string(arg.argument) +
           " is no scalar");
    }
  }
  void check(const TensorMapArg &arg) {
    const TensorMapInfo &map = arg.map;
    check(map.base);
    size_t rank = map.dims.size();
    if (rank < 1 || rank > kMaxTensorMapRank || map.box.size() != rank ||
        map.strides.size() != rank - 1) {
      fail(where + ": a tensor map needs 1 to 5 dims, as many box sizes, and "
                   "strides of all but the first");
    }
    auto oneOf = [](int64_t value, std::initializer_list<int64_t> allowed) {
      return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
    };
    if (!oneOf(map.swizzle, {0, 32, 64, 128}) ||
        !oneOf(map.l2Promotion, {0, 64, 128, 256})) {
      fail(where + ": a tensor map has an unknown swizzle or promotion");
    }
    bool fits = map.steps.empty() || map.steps.size() == rank;
    for (int64_t step : map.steps) {
      fits = fits && step >= 1 && step <= kMaxTensorMapStep;
    }
    if (!fits) {
      fail(where + ": a tensor map has steps of 1 to 8, as many as dims");
    }
    for (const auto *exprs : {&map.dims, &map.strides, &map.box}) {
      for (const Expr &expr : *exprs) {
        check(expr, where);
      }
    }
  }

  void check(const KernelStep &kernel) {
    for (const auto *triple : {&kernel.grid, &kernel.block, &kernel.cluster}) {
      for (const Expr &expr : *triple) {
        check(expr, where);
      }
    }
    check(kernel.sharedBytes, where);
    if (kernel.symbol.empty() ||
        kernel.symbol.find('\0') != std::string::npos) {
      fail(where + ": a kernel needs a symbol");
    }
    for (const KernelArg &arg : kernel.args) {
      std::visit([&](const auto &value) { check(value); }, arg);
    }
  }
  void check(const MemsetStep &step) {
    check(step.to);
    check(step.bytes, where);
  }
  void check(const CopyStep &step) {
    check(step.to);
    check(step.from);
    check(step.bytes, where);
  }
  void check(const GemmStep &step) {
    for (const GemmOperand *operand : {&step.a, &step.b, &step.d}) {
      check(operand->address);
      check(operand->leading, where);
      check(operand->batchStride, where);
    }
    if (step.d.transposed) {
      fail(where + ": the result of a product may not be transposed");
    }
    if (step.a.dtype != step.b.dtype || !isFloat(step.a.dtype) ||
        !isFloat(step.d.dtype)) {
      fail(where + ": factors of a product need one float type");
    }
    for (const Expr *expr : {&step.m, &step.n, &step.k, &step.batch}) {
      check(*expr, where);
    }
  }

  const Plan &plan;
  const std::vector<PlanArgument> &arguments;
  std::set<std::string> names;
  std::string where, wrong;
};

} // namespace

std::string attn::rt::checkPlan(const Plan &plan,
                                const std::vector<PlanArgument> &arguments) {
  return Checker(plan, arguments).run();
}
