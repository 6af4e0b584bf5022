//===- RoundTF32.cpp - operands of tf32 attention, rounded ----------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_ROUNDTF32PASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// The bits of f32 that tf32 has not.
constexpr int32_t kDropped = 13;

struct RoundTF32Pass : public attn::impl::RoundTF32PassBase<RoundTF32Pass> {
  // To nearest, ties away from 0, as cvt.rna.tf32 does. Half a place is added
  // to the magnitude; what is no number keeps its bits.
  static Value round(ImplicitLocOpBuilder &b, Value value) {
    auto bitsOf = [&](int32_t bits) -> Value {
      return arith::ConstantIntOp::create(b, bits, 32);
    };
    Value bits = arith::BitcastOp::create(b, b.getI32Type(), value);
    Value half = arith::AddIOp::create(b, bits, bitsOf(1 << (kDropped - 1)));
    Value kept = arith::AndIOp::create(b, half, bitsOf(-(1 << kDropped)));
    Value rounded = arith::BitcastOp::create(b, value.getType(), kept);
    Value isNaN =
        arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
    return arith::SelectOp::create(b, isNaN, value, rounded);
  }

  static Value rounded(ImplicitLocOpBuilder &b, Value tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    Value init = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), tensor), type.getElementType());
    init = tensor::CastOp::create(b, type, init);
    SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(type.getRank()));
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               b, TypeRange{type}, tensor, init, maps, iterators,
               [](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder body(loc, inner);
                 linalg::YieldOp::create(body, round(body, args[0]));
               })
        .getResult(0);
  }

  void runOnOperation() override {
    getOperation().walk([](AttentionOp op) {
      if (!op.getTf32() || !op.hasTensorSemantics()) {
        return;
      }
      ImplicitLocOpBuilder b(op.getLoc(), op);
      DenseMap<Value, Value> made; // of k, v may be the same
      for (OpOperand *operand :
           {&op.getQMutable(), &op.getKMutable(), &op.getVMutable()}) {
        Value &copy = made[operand->get()];
        copy = copy ? copy : rounded(b, operand->get());
        operand->set(copy);
      }
      op.setTf32(false);
    });
  }
};

} // namespace
