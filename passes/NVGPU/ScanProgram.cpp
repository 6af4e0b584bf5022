//===- ScanProgram.cpp - a recurrence token by token, whatever its op -----===//

#include "ScanProgram.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attn {

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

// What a sequence starts with; null where that is 0.
static Value startOf(Value state) {
  auto fill = state.getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) ? Value()
                                                                     : state;
}

static Value targetOf(Value result) {
  for (Operation *user : result.getUsers()) {
    if (auto into = dyn_cast<bufferization::MaterializeInDestinationOp>(user)) {
      return into.getDest();
    }
  }
  return Value();
}

template <typename OpTy> static void takeLimit(OpTy op, ScanProgram &program) {
  program.softplus = op.getSoftplus();
  if (auto limit = op.getDtLimit()) {
    program.limit = {(*limit)[0], (*limit)[1]};
  }
}

// The sources of `state` and of its result.
static void takeState(Value state, Value result, ScanProgram::Source at,
                      ScanProgram::Source &initial,
                      ScanProgram::Source &final) {
  initial = final = at;
  initial.tensor = startOf(state);
  final.tensor = targetOf(result);
}

static std::string match(SSDOp op, ScanProgram &program) {
  int token = op.getSeqDim(), size = op.getSizeDim();
  program.value = {op.getX(), token, size};
  program.gate = {op.getZ(), token, size};
  program.out = {op.getOut(), token, size};
  program.write = {op.getB(), token, -1, size};
  program.read = {op.getC(), token, -1, size};
  program.steps = {op.getDt(), token};
  program.rates = {op.getA()};
  program.bias = {op.getDtBias()};
  bool isMatrix = op.getD() && shaped(op.getD()).getRank() == 2;
  program.skip = {op.getD(), -1, isMatrix ? 1 : -1};
  program.exact = op.getExact();
  takeLimit(op, program);
  if (op.getState()) {
    takeState(op.getState(), op->getResult(1), {Value(), -1, 2, 3},
              program.initial, program.finalInto);
  }
  return {};
}

static std::string match(LinearAttentionOp op, ScanProgram &program) {
  if (op.getFavor()) {
    return "with 'favor'";
  }
  int token = op.getSeqDim(), size = op.getSizeDim();
  program.value = {op.getV(), token, size};
  program.out = {op.getOut(), token, size};
  program.write = {op.getK(), token, -1, size};
  program.read = {op.getQ(), token, -1, size};
  if (Value decay = op.getDecay()) {
    bool ofTokens = shaped(decay).getRank() > 1;
    program.decay = {decay, ofTokens ? token : -1, -1,
                     op.hasKeyDecay() ? size : -1};
  }
  program.beta = {op.getBeta(), token};
  program.elu1 = op.getElu1();
  program.exact = op.getExact();
  program.normalized = op.getNormalized();
  program.epsilon = op.getEpsilon().convertToDouble();
  program.scale = op.getScale() ? op.getScale()->convertToDouble() : 1;
  if (op.getState()) {
    takeState(op.getState(), op->getResult(1), {Value(), -1, 3, 2},
              program.initial, program.finalInto);
  }
  if (op.getNorm()) {
    takeState(op.getNorm(), op->getResult(2), {Value(), -1, -1, 2},
              program.initialNorm, program.finalNormInto);
  }
  return {};
}

static std::string match(SSMScanOp op, ScanProgram &program) {
  if (op.getComplex()) {
    return "of complex numbers";
  }
  int token = op.isRagged() ? 0 : 1, row = token + 1;
  program.value = {op.getU(), token, row};
  program.gate = {op.getZ(), token, row};
  program.out = {op.getOut(), token, row};
  bool fixed = shaped(op.getB()).getRank() == 2;
  ScanProgram::Source keys = {Value(), -1, 0, 1};
  if (!fixed) {
    keys = {Value(), token, -1, row + 1};
  }
  program.write = program.read = keys;
  program.write.tensor = op.getB(), program.read.tensor = op.getC();
  bool ofTokens = shaped(op.getDelta()).getRank() > 1;
  program.steps = {op.getDelta(), ofTokens ? token : -1, ofTokens ? row : 0};
  program.rates = {op.getA(), -1, 0, 1};
  program.bias = {op.getDtBias(), -1, 0};
  program.skip = {op.getSkip(), -1, 0};
  program.zoh = op.getZoh();
  program.exact = op.getExact();
  takeLimit(op, program);
  if (program.zoh && !(fixed && !ofTokens)) {
    return "with 'zoh' and parameters of tokens";
  }
  if (op.getState()) {
    takeState(op.getState(), op->getResult(1), {Value(), -1, 1, 2},
              program.initial, program.finalInto);
  }
  return {};
}

std::optional<ScanProgram> ScanProgram::match(Operation *op,
                                              std::string &reason) {
  ScanProgram program;
  program.op = op;
  auto take = [&](auto recurrence) {
    program.ids = {recurrence.getSeqIds()};
    program.ids.token = 1;
    program.bounds = {recurrence.getCuSeqlens()};
    return attn::match(recurrence, program);
  };
  reason = llvm::TypeSwitch<Operation *, std::string>(op)
               .Case<SSDOp, LinearAttentionOp, SSMScanOp>(take);
  auto sizeOf = [](const Source &source, int dim) {
    return shaped(source.tensor).getDimSize(dim);
  };
  if (reason.empty()) {
    program.rows = sizeOf(program.value, program.value.row);
    program.states = sizeOf(program.write, program.write.state);
    if (ShapedType::isDynamic(program.rows) ||
        ShapedType::isDynamic(program.states)) {
      reason = "of dynamic head sizes";
    }
  }
  for (Value operand : op->getOperands()) {
    if (shaped(operand).getElementType().isF64()) {
      reason = "in f64";
    }
  }
  return reason.empty() ? std::optional(program) : std::nullopt;
}

ScanShape ScanProgram::shape() const {
  ScanShape shape;
  shape.rows = rows;
  shape.states = states;
  bool stepsOfRows = steps && steps.row >= 0 && !hasFixedSteps();
  shape.ofRows = 1 + static_cast<bool>(gate) + stepsOfRows;
  shape.ofStates = (isFixed() ? 0 : 2) + (decay && decay.state >= 0);
  bool scalarDecay = decay && decay.token >= 0 && decay.state < 0;
  shape.scalars = (steps && steps.row < 0) + scalarDecay +
                  static_cast<bool>(beta) + static_cast<bool>(ids);
  shape.ofChannels = ofChannels();
  shape.exact = exact;
  shape.rounds =
      shaped(out.tensor).getElementType().getIntOrFloatBitWidth() < 32;
  return shape;
}

} // namespace attn
