//===- FoldScale.cpp - scaled queries and keys as a scale -----------------===//
// scale * <c q, k> = (scale * c) * <q, k>, and the same for k: the product over
// a tensor disappears into the scale, which attention applies anyway.
//===----------------------------------------------------------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

#include <cmath>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_FOLDSCALEPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// The number that `value` is: a constant, or a tensor of one constant.
std::optional<double> constantOf(Value value) {
  FloatAttr number;
  if (matchPattern(value, m_Constant(&number))) {
    return number.getValueAsDouble();
  }
  DenseElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)) && elements.isSplat() &&
      isa<FloatType>(elements.getElementType())) {
    return elements.getSplatValue<APFloat>().convertToDouble();
  }
  if (auto fill = value.getDefiningOp<linalg::FillOp>()) {
    return constantOf(fill.getInputs()[0]);
  }
  return std::nullopt;
}

struct Scaled {
  Value source;
  double factor;
};

// `lhs * rhs` or `lhs / rhs` where one side is a number; `number` looks it up.
std::optional<Scaled>
matchProduct(bool divides, Value lhs, Value rhs,
             function_ref<std::optional<double>(Value)> number) {
  if (std::optional<double> c = number(rhs)) {
    return Scaled{lhs, divides ? 1.0 / *c : *c};
  }
  if (std::optional<double> c = number(lhs); c && !divides) {
    return Scaled{rhs, *c};
  }
  return std::nullopt;
}

std::optional<Scaled> matchGeneric(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity()) {
    return std::nullopt;
  }
  Block &body = *op.getBody();
  Operation *product = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::MulFOp, arith::DivFOp>(product) ||
      product->getBlock() != &body) {
    return std::nullopt;
  }
  auto operandOf = [&](Value scalar) -> OpOperand * {
    auto argument = dyn_cast<BlockArgument>(scalar);
    if (!argument || argument.getOwner() != &body) {
      return nullptr;
    }
    return &op->getOpOperand(argument.getArgNumber());
  };
  auto number = [&](Value scalar) {
    OpOperand *operand = operandOf(scalar);
    return constantOf(operand ? operand->get() : scalar);
  };
  std::optional<Scaled> found =
      matchProduct(isa<arith::DivFOp>(product), product->getOperand(0),
                   product->getOperand(1), number);
  OpOperand *source = found ? operandOf(found->source) : nullptr;
  if (!source || !op.isDpsInput(source) ||
      !op.getMatchingIndexingMap(source).isIdentity()) {
    return std::nullopt;
  }
  return Scaled{source->get(), found->factor};
}

std::optional<Scaled> matchScaled(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto generic = dyn_cast_or_null<linalg::GenericOp>(op)) {
    return matchGeneric(generic);
  }
  if (isa_and_nonnull<arith::MulFOp, arith::DivFOp>(op)) {
    return matchProduct(isa<arith::DivFOp>(op), op->getOperand(0),
                        op->getOperand(1), constantOf);
  }
  if (isa_and_nonnull<linalg::MulOp, linalg::DivOp>(op)) {
    return matchProduct(isa<linalg::DivOp>(op), op->getOperand(0),
                        op->getOperand(1), constantOf);
  }
  return std::nullopt;
}

struct FoldScalePass : public attn::impl::FoldScalePassBase<FoldScalePass> {
  void runOnOperation() override {
    getOperation().walk([&](AttentionOp op) {
      fold(op, op.getQMutable());
      fold(op, op.getKMutable());
    });
  }

private:
  void decline(AttentionOp op, StringRef why) {
    remark::missed(op.getLoc(),
                   remark::RemarkOpts::name("scale").category(getArgument()))
        << remark::reason("{0}", why);
  }

  void fold(AttentionOp op, OpOperand &operand) {
    while (std::optional<Scaled> scaled = matchScaled(operand.get())) {
      std::optional<double> scale = op.getStaticScale();
      if (!scale) {
        return decline(op, "the head size is dynamic and there is no 'scale'");
      }
      if (scaled->source.getType() != operand.get().getType()) {
        return decline(op, "the product changes the type");
      }
      double folded = *scale * scaled->factor;
      FloatType type = op.getAccumulatorType();
      if (auto given = op.getScaleAttr()) {
        type = cast<FloatType>(cast<FloatAttr>(given).getType());
      }
      auto attribute = FloatAttr::get(type, folded);
      // A factor of 0 would turn an overflow of <q, k> into NaN, and so would
      // one that the type of the scale cannot hold.
      if (!std::isfinite(attribute.getValueAsDouble()) ||
          attribute.getValueAsDouble() == 0) {
        return decline(op, "the folded scale would be 0 or not finite");
      }
      op.setScaleAttr(attribute);
      operand.set(scaled->source);
      ++numFolded;
    }
  }
};

} // namespace
