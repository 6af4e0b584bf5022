//===- RecurrenceProgram.cpp - a recurrence of a kernel, whatever its op --===//

#include "RecurrenceProgram.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace attn {

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

// The state that a sequence starts with; null where that is 0.
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

static std::string matchSSD(SSDOp op, RecurrenceProgram &program) {
  if (op.getCuSeqlens()) {
    return "with sequences inside of a batch";
  }
  program.ids = op.getSeqIds();
  if (op.getExact()) {
    return "with 'exact'";
  }
  program.read = op.getC();
  program.write = op.getB();
  program.value = op.getX();
  program.gate = op.getZ();
  program.decay = RecurrenceProgram::Decay::kToken;
  program.steps = op.getDt();
  program.rates = op.getA();
  program.bias = op.getDtBias();
  program.skip = op.getD();
  program.weighs = true;
  program.softplus = op.getSoftplus();
  if (auto limit = op.getDtLimit()) {
    program.limit = {(*limit)[0], (*limit)[1]};
  }
  return {};
}

static std::string matchLinear(LinearAttentionOp op,
                               RecurrenceProgram &program) {
  if (op.getCuSeqlens()) {
    return "with sequences inside of a batch";
  }
  program.ids = op.getSeqIds();
  if (op.getExact()) {
    return "with 'exact'";
  }
  if (op.getNormalized()) {
    return "normalized";
  }
  if (op.getElu1() || op.getFavor()) {
    return "with features";
  }
  program.beta = op.getBeta();
  program.read = op.getQ();
  program.write = op.getK();
  program.value = op.getV();
  program.stateReversed = true;
  program.scale = op.getScale() ? op.getScale()->convertToDouble() : 1;
  if (Value decay = op.getDecay()) {
    bool constant = shaped(decay).getRank() == 1;
    program.decay = constant           ? RecurrenceProgram::Decay::kHead
                    : op.hasKeyDecay() ? RecurrenceProgram::Decay::kKey
                                       : RecurrenceProgram::Decay::kToken;
    if (op.hasKeyDecay() && (program.ids || program.beta)) {
      return "with decays of keys and ids, or the delta rule";
    }
    (constant ? program.rates : program.steps) = decay;
  } else if (program.ids) {
    program.decay = RecurrenceProgram::Decay::kHead; // of nothing
  }
  return {};
}

std::optional<RecurrenceProgram> RecurrenceProgram::match(Operation *op,
                                                          std::string &reason) {
  RecurrenceProgram program;
  program.op = op;
  auto outs = cast<DestinationStyleOpInterface>(op).getDpsInits();
  program.out = outs[0];
  program.hasState = outs.size() > 1;
  Layout layout;
  if (auto ssd = dyn_cast<SSDOp>(op)) {
    reason = matchSSD(ssd, program);
    layout = ssd.getLayout();
  } else {
    auto linear = cast<LinearAttentionOp>(op);
    reason = matchLinear(linear, program);
    layout = linear.getLayout();
  }
  if (!reason.empty()) {
    return std::nullopt;
  }
  program.tokenDim = layout == Layout::BHSD ? 2 : 1;
  program.headDim = layout == Layout::BHSD ? 1 : 2;
  program.element = dyn_cast<FloatType>(shaped(program.value).getElementType());
  for (Value value : {program.read, program.write, program.gate, program.out}) {
    if (value && shaped(value).getElementType() != program.element) {
      reason = "of several element types";
      return std::nullopt;
    }
  }
  // The range of f16 is too small for what decays within a chunk.
  if (!program.element.isBF16()) {
    reason = "of elements that are not bf16";
    return std::nullopt;
  }
  program.heads = shaped(program.value).getDimSize(program.headDim);
  program.valueSize = shaped(program.value).getDimSize(kSizeDim);
  program.stateSize = shaped(program.read).getDimSize(kSizeDim);
  if (ShapedType::isDynamic(program.valueSize) ||
      ShapedType::isDynamic(program.stateSize)) {
    reason = "of dynamic head sizes";
    return std::nullopt;
  }
  if (program.hasState) {
    program.initial = startOf(outs[1]);
    program.finalInto = targetOf(op->getResult(1));
  }
  return program;
}

RecurrenceShape RecurrenceProgram::shape() const {
  RecurrenceShape shape;
  shape.heads = heads;
  shape.valueSize = valueSize;
  shape.stateSize = stateSize;
  shape.keyDecays = decay == Decay::kKey;
  shape.delta = static_cast<bool>(beta);
  shape.decays = shape.delta || (decay != Decay::kNone && !shape.keyDecays);
  shape.gated = static_cast<bool>(gate);
  return shape;
}

} // namespace attn
