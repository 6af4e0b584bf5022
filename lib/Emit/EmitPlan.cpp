//===- EmitPlan.cpp - the launch plan of a lowered function ---------------===//
// Index arithmetic of the host becomes expressions over sizes of arguments,
// allocations become results and temporaries, guards the conditions of steps.
//===----------------------------------------------------------------------===//

#include "attn/Emit/EmitPlan.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Emit/EmitManifest.h"

#include "PlanProduct.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using attn::rt::Expr;
using attn::rt::Result;
using attn::rt::Status;

namespace {

class PlanEmitter {
public:
  PlanEmitter(func::FuncOp function, const std::string &module,
              std::vector<PlanData> &data)
      : function(function), module(module), data(data) {}

  Result<rt::Plan> run() {
    for (BlockArgument argument : function.getArguments()) {
      addArgument(argument);
    }
    Operation *end = function.getBody().front().getTerminator();
    for (Value value : end->getOperands()) {
      rt::PlanResult result;
      Value root = rootOf(value);
      auto argument = dyn_cast<BlockArgument>(root);
      if (argument &&
          function.getArgAttr(argument.getArgNumber(), kDonatedAttr)) {
        result.argument = argument.getArgNumber();
      } else if (!argument) {
        buffers.try_emplace(root, nextResult());
      }
      plan.results.push_back(std::move(result));
    }
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (!emit(op)) {
        return Status::compile("'" + op.getName().getStringRef().str() +
                               "' has no form in a launch plan" + reason);
      }
    }
    // An argument that the caller keeps is returned as a copy.
    for (auto [number, value] : llvm::enumerate(end->getOperands())) {
      plan.results[number].shape = sizes(value);
      rt::BufferRef root = buffers[rootOf(value)];
      bool here = root.kind == rt::BufferRef::Kind::kResult &&
                  root.index == static_cast<int64_t>(number);
      if (!here && !plan.results[number].argument) {
        rt::BufferRef to = {rt::BufferRef::Kind::kResult,
                            static_cast<int64_t>(number)};
        plan.steps.push_back(
            {"copy",
             {},
             rt::CopyStep{{to, Expr(0)}, {root, Expr(0)}, bytes(value)}});
      }
    }
    return std::move(plan);
  }

private:
  func::FuncOp function;
  const std::string &module;
  std::vector<PlanData> &data;
  rt::Plan plan;
  llvm::DenseMap<Value, rt::BufferRef> buffers;
  llvm::DenseMap<Value, Expr> known;
  llvm::DenseMap<Value, SmallVector<Value>> dynamicSizes;
  llvm::DenseMap<Value, std::vector<Expr>> viewSizes;
  std::string reason; // of what has no form, where it is known
  std::vector<rt::Condition> when;

  void addArgument(BlockArgument argument) {
    int64_t number = argument.getArgNumber();
    rt::PlanSymbol symbol;
    symbol.argument = number;
    if (auto type = dyn_cast<MemRefType>(argument.getType())) {
      buffers[argument] = {rt::BufferRef::Kind::kArgument, number};
      symbol.source = rt::PlanSymbol::Source::kSize;
      for (int64_t d = 0; d < type.getRank(); ++d) {
        if (type.isDynamicDim(d)) {
          symbol.name = sizeName(number, d);
          symbol.dim = d;
          plan.symbols.push_back(symbol);
        }
      }
    } else if (argument.getType().isIndex() || argument.getType().isInteger()) {
      symbol.source = rt::PlanSymbol::Source::kScalar;
      symbol.name = "a" + std::to_string(number);
      known.try_emplace(argument, Expr::symbol(symbol.name));
      plan.symbols.push_back(symbol);
    }
  }

  static std::string sizeName(int64_t argument, int64_t dim) {
    return "a" + std::to_string(argument) + "_" + std::to_string(dim);
  }

  std::optional<Expr> expr(Value value) {
    IntegerAttr constant;
    if (matchPattern(value, m_Constant(&constant))) {
      return Expr(constant.getInt());
    }
    auto found = known.find(value);
    return found == known.end() ? std::nullopt
                                : std::optional<Expr>(found->second);
  }

  // The buffer of which `value` is all.
  static Value rootOf(Value value) {
    while (isa_and_nonnull<memref::CollapseShapeOp, memref::ExpandShapeOp,
                           memref::CastOp>(value.getDefiningOp())) {
      value = value.getDefiningOp()->getOperand(0);
    }
    return value;
  }

  // Sizes of a buffer; a caller knows that all of them have expressions.
  std::vector<Expr> sizes(Value buffer) {
    if (auto found = viewSizes.find(buffer); found != viewSizes.end()) {
      return found->second;
    }
    auto type = cast<MemRefType>(buffer.getType());
    std::vector<Expr> result;
    unsigned dynamic = 0;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      if (!type.isDynamicDim(d)) {
        result.push_back(Expr(type.getDimSize(d)));
      } else if (auto argument = dyn_cast<BlockArgument>(buffer)) {
        result.push_back(Expr::symbol(sizeName(argument.getArgNumber(), d)));
      } else {
        result.push_back(*expr(dynamicSizes[buffer][dynamic++]));
      }
    }
    return result;
  }

  rt::BufferRef nextResult() {
    return {rt::BufferRef::Kind::kResult,
            static_cast<int64_t>(plan.results.size())};
  }

  Expr bytes(Value buffer) {
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
    Expr product(llvm::divideCeil(bits, 8));
    for (const Expr &size : sizes(buffer)) {
      product = product * size;
    }
    return product;
  }

  bool emit(Operation &op) {
    if (isa<arith::ConstantOp>(op)) {
      return true;
    }
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      return allocate(alloc);
    }
    if (auto dim = dyn_cast<memref::DimOp>(op)) {
      std::optional<int64_t> index = dim.getConstantIndex();
      if (index) {
        known.try_emplace(dim.getResult(), sizes(dim.getSource())[*index]);
      }
      return index.has_value();
    }
    if (auto global = dyn_cast<memref::GetGlobalOp>(op)) {
      return constant(global);
    }
    if (isa<memref::CollapseShapeOp, memref::ExpandShapeOp, memref::CastOp>(
            op)) {
      return view(op);
    }
    if (auto copied = dyn_cast<memref::CopyOp>(op)) {
      plan.steps.push_back(
          {"copy", when,
           rt::CopyStep{{bufferOf(copied.getTarget()), Expr(0)},
                        {bufferOf(copied.getSource()), Expr(0)},
                        bytes(copied.getSource())}});
      return true;
    }
    if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
      return product(structured);
    }
    if (auto choice = dyn_cast<scf::IfOp>(op)) {
      return guard(choice);
    }
    if (auto launch = dyn_cast<gpu::LaunchFuncOp>(op)) {
      return kernel(launch);
    }
    if (auto processors = dyn_cast<warpgroup::ProcessorsOp>(op)) {
      countProcessors(processors);
      return true;
    }
    // Made where a launch uses it.
    if (isa<warpgroup::MapOp>(op)) {
      return true;
    }
    // Compared where a guard uses it.
    return isa<arith::CmpIOp>(op) || arithmetic(op);
  }

  rt::BufferRef bufferOf(Value value) { return buffers.lookup(rootOf(value)); }

  bool view(Operation &op) {
    std::vector<Expr> from = sizes(op.getOperand(0)), to;
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
      for (ArrayRef<int64_t> group : collapse.getReassociationIndices()) {
        Expr product(1);
        for (int64_t part : group) {
          product = product * from[part];
        }
        to.push_back(std::move(product));
      }
    } else if (auto expand = dyn_cast<memref::ExpandShapeOp>(op)) {
      for (OpFoldResult size : expand.getMixedOutputShape()) {
        auto value = dyn_cast<Value>(size);
        std::optional<Expr> known =
            value ? expr(value) : Expr(*getConstantIntValue(size));
        if (!known) {
          return false;
        }
        to.push_back(*known);
      }
    } else {
      to = std::move(from);
    }
    viewSizes[op.getResult(0)] = std::move(to);
    buffers[op.getResult(0)] = bufferOf(op.getOperand(0));
    return true;
  }

  bool product(linalg::LinalgOp op) {
    Result<rt::GemmStep> step = productStep(op, [&](Value value) {
      return std::pair(bufferOf(value), sizes(value));
    });
    if (!step) {
      reason = ": " + step.status().message();
      return false;
    }
    plan.steps.push_back({"product", when, *std::move(step)});
    return true;
  }

  bool arithmetic(Operation &op) {
    if (op.getNumResults() != 1) {
      return false;
    }
    SmallVector<Expr> operands;
    for (Value operand : op.getOperands()) {
      std::optional<Expr> value = expr(operand);
      if (!value) {
        return false;
      }
      operands.push_back(*value);
    }
    auto is = [&](Expr::Op kind) {
      known.try_emplace(op.getResult(0),
                        Expr::binary(kind, operands[0], operands[1]));
      return true;
    };
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
      known.try_emplace(op.getResult(0), operands[0]);
      return true;
    }
    // Sizes are not negative, so quotients of both kinds are one.
    return isa<arith::AddIOp>(op)                    ? is(Expr::Op::kAdd)
           : isa<arith::SubIOp>(op)                  ? is(Expr::Op::kSub)
           : isa<arith::MulIOp>(op)                  ? is(Expr::Op::kMul)
           : isa<arith::DivUIOp, arith::DivSIOp>(op) ? is(Expr::Op::kFloorDiv)
           : isa<arith::FloorDivSIOp>(op)            ? is(Expr::Op::kFloorDiv)
           : isa<arith::CeilDivUIOp, arith::CeilDivSIOp>(op)
               ? is(Expr::Op::kCeilDiv)
           : isa<arith::RemUIOp>(op)                 ? is(Expr::Op::kMod)
           : isa<arith::MinSIOp, arith::MinUIOp>(op) ? is(Expr::Op::kMin)
           : isa<arith::MaxSIOp, arith::MaxUIOp>(op) ? is(Expr::Op::kMax)
                                                     : false;
  }

  bool allocate(memref::AllocOp alloc) {
    for (Value size : alloc.getDynamicSizes()) {
      if (!expr(size)) {
        return false;
      }
    }
    dynamicSizes[alloc] = llvm::to_vector(alloc.getDynamicSizes());
    if (buffers.contains(alloc)) {
      return true; // a result
    }
    int64_t number = plan.temporaries.size();
    buffers[alloc] = {rt::BufferRef::Kind::kTemporary, number};
    plan.temporaries.push_back({"t" + std::to_string(number), bytes(alloc)});
    return true;
  }

  bool constant(memref::GetGlobalOp get) {
    auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
        get, get.getNameAttr());
    auto dense = dyn_cast_or_null<DenseElementsAttr>(
        global && global.getInitialValue() ? *global.getInitialValue()
                                           : Attribute());
    if (!dense) {
      return false;
    }
    int64_t width = dense.getElementType().getIntOrFloatBitWidth() / 8;
    ArrayRef<char> raw = dense.getRawData();
    std::string bytes(raw.begin(), raw.end());
    if (dense.isSplat()) {
      bytes.clear();
      for (int64_t i = 0; i < dense.getNumElements(); ++i) {
        bytes.append(raw.begin(), raw.begin() + width);
      }
    }
    buffers[get] = {rt::BufferRef::Kind::kConstant,
                    static_cast<int64_t>(plan.constants.size())};
    plan.constants.push_back({global.getSymName().str()});
    data.push_back({global.getSymName().str(), std::move(bytes)});
    return true;
  }

  bool guard(scf::IfOp choice) {
    auto compare = choice.getCondition().getDefiningOp<arith::CmpIOp>();
    if (!compare || choice.getNumResults() != 0) {
      return false;
    }
    std::optional<Expr> lhs = expr(compare.getLhs());
    std::optional<Expr> rhs = expr(compare.getRhs());
    using Compare = rt::Condition::Compare;
    using Predicate = arith::CmpIPredicate;
    std::optional<std::pair<Compare, Compare>> kinds;
    switch (compare.getPredicate()) {
    case Predicate::eq:
      kinds = {Compare::kEq, Compare::kNe};
      break;
    case Predicate::ne:
      kinds = {Compare::kNe, Compare::kEq};
      break;
    case Predicate::slt:
      kinds = {Compare::kLt, Compare::kGe};
      break;
    case Predicate::sle:
      kinds = {Compare::kLe, Compare::kGt};
      break;
    case Predicate::sgt:
      kinds = {Compare::kGt, Compare::kLe};
      break;
    case Predicate::sge:
      kinds = {Compare::kGe, Compare::kLt};
      break;
    default:
      break;
    }
    if (!lhs || !rhs || !kinds) {
      return false;
    }
    for (auto [region, kind] :
         {std::pair{&choice.getThenRegion(), kinds->first},
          std::pair{&choice.getElseRegion(), kinds->second}}) {
      if (region->empty()) {
        continue;
      }
      when.push_back({*lhs, kind, *rhs});
      for (Operation &op : region->front().without_terminator()) {
        if (!emit(op)) {
          return false;
        }
      }
      when.pop_back();
    }
    return true;
  }

  bool kernel(gpu::LaunchFuncOp launch) {
    rt::KernelStep step;
    step.module = module;
    step.symbol = launch.getKernelName().getValue().str();
    std::optional<Expr> values[] = {expr(launch.getGridSizeX()),
                                    expr(launch.getGridSizeY()),
                                    expr(launch.getGridSizeZ()),
                                    expr(launch.getBlockSizeX()),
                                    expr(launch.getBlockSizeY()),
                                    expr(launch.getBlockSizeZ()),
                                    expr(launch.getDynamicSharedMemorySize())};
    for (const std::optional<Expr> &value : values) {
      if (!value) {
        return false;
      }
    }
    step.grid = {*values[0], *values[1], *values[2]};
    step.block = {*values[3], *values[4], *values[5]};
    step.sharedBytes = *values[6];
    step.overlaps = launch->hasAttr(kOverlapsAttr);
    for (Value operand : launch.getKernelOperands()) {
      if (!argument(operand, step)) {
        return false;
      }
    }
    plan.steps.push_back({step.symbol, when, std::move(step)});
    return true;
  }

  void countProcessors(warpgroup::ProcessorsOp op) {
    constexpr char kName[] = "multiprocessors";
    known.try_emplace(op.getResult(), Expr::symbol(kName));
    for (const rt::PlanSymbol &symbol : plan.symbols) {
      if (symbol.name == kName) {
        return;
      }
    }
    rt::PlanSymbol symbol;
    symbol.name = symbol.property = kName;
    symbol.source = rt::PlanSymbol::Source::kDevice;
    plan.symbols.push_back(symbol);
  }

  std::optional<rt::TensorMapInfo> tensorMap(warpgroup::MapOp op) {
    auto found = buffers.find(op.getBuffer());
    auto type = cast<MemRefType>(op.getBuffer().getType());
    Type element = type.getElementType();
    bool narrow = isa<Float8E4M3FNType>(element);
    if (found == buffers.end() ||
        (!element.isBF16() && !element.isF16() && !narrow)) {
      return std::nullopt;
    }
    rt::TensorMapInfo map;
    map.base = {found->second, Expr(0)};
    map.dtype = narrow             ? rt::DType::kF8E4M3FN
                : element.isBF16() ? rt::DType::kBF16
                                   : rt::DType::kF16;
    map.swizzle = op.getBox()[0] * element.getIntOrFloatBitWidth() / 8;
    map.l2Promotion = 256;
    std::vector<Expr> shape = sizes(op.getBuffer());
    std::vector<Expr> strides(shape.size(),
                              Expr(narrow ? 1 : 2)); // bytes, row-major
    for (int64_t d = shape.size() - 2; d >= 0; --d) {
      strides[d] = strides[d + 1] * shape[d + 1];
    }
    for (auto [i, d] : llvm::enumerate(op.getOrder())) {
      // An empty buffer is never read, but has to be described.
      map.dims.push_back(Expr::binary(Expr::Op::kMax, shape[d], Expr(1)));
      if (i > 0) {
        map.strides.push_back(
            Expr::binary(Expr::Op::kMax, strides[d], Expr(16)));
      }
      map.box.push_back(Expr(op.getBox()[i]));
    }
    if (std::optional<ArrayRef<int64_t>> steps = op.getSteps()) {
      map.steps.assign(steps->begin(), steps->end());
    }
    return map;
  }

  // As attn-gpu-lower-kernels makes the arguments of kernels.
  bool argument(Value operand, rt::KernelStep &step) {
    if (auto op = operand.getDefiningOp<warpgroup::MapOp>()) {
      std::optional<rt::TensorMapInfo> map = tensorMap(op);
      if (map) {
        step.args.push_back(rt::TensorMapArg{*std::move(map)});
      }
      return map.has_value();
    }
    if (auto type = dyn_cast<MemRefType>(operand.getType())) {
      auto found = buffers.find(operand);
      if (found == buffers.end()) {
        return false;
      }
      step.args.push_back(rt::PointerArg{{found->second, Expr(0)}});
      std::vector<Expr> shape = sizes(operand);
      for (int64_t d = 0; d < type.getRank(); ++d) {
        if (type.isDynamicDim(d)) {
          step.args.push_back(rt::IntArg{64, shape[d]});
        }
      }
      return true;
    }
    if (std::optional<Expr> value = expr(operand)) {
      int64_t bits = operand.getType().isInteger(32) ? 32 : 64;
      step.args.push_back(rt::IntArg{bits, *value});
      return true;
    }
    if (auto scalar = dyn_cast<BlockArgument>(operand)) {
      step.args.push_back(rt::ScalarArg{scalar.getArgNumber()});
      return true;
    }
    return false;
  }
};

} // namespace

Result<rt::Plan> attn::emitPlan(func::FuncOp function,
                                const std::string &module,
                                std::vector<PlanData> &data) {
  return PlanEmitter(function, module, data).run();
}
