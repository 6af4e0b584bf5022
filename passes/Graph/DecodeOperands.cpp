//===- DecodeOperands.cpp - attention on codes as attention on elements ---===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_DECODEOPERANDSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// Elements of `codes`, which have a scale for all, for each index of
// `headDim`, or for each pair of the first index and that.
Value decode(OpBuilder &b, Location loc, Value codes, Value scale,
             unsigned headDim) {
  auto type = cast<RankedTensorType>(codes.getType());
  auto scaleRank = cast<ShapedType>(scale.getType()).getRank();
  SmallVector<AffineExpr> at = {b.getAffineDimExpr(0),
                                b.getAffineDimExpr(headDim)};
  AffineMap map = AffineMap::get(
      type.getRank(), 0, ArrayRef(at).take_back(scaleRank), b.getContext());
  Value init = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, codes), b.getF32Type());
  return KVDequantizeOp::create(
             b, loc, TypeRange{init.getType()}, codes, scale, /*zero=*/Value(),
             /*map_symbols=*/ValueRange(), init, AffineMapAttr::get(map),
             PackingAttr::get(b.getContext(), Packing::Plain))
      .getResult(0);
}

struct DecodeOperandsPass
    : public attn::impl::DecodeOperandsPassBase<DecodeOperandsPass> {

  static void decodeOperands(AttentionOp op) {
    OpBuilder b(op);
    SmallVector<Value> scales(op.getScales());
    if (scales.empty()) {
      auto type = RankedTensorType::get({}, b.getF32Type());
      Value one = arith::ConstantOp::create(b, op.getLoc(),
                                            DenseElementsAttr::get(type, 1.0f));
      scales.assign(3, one);
    }
    Value q = decode(b, op.getLoc(), op.getQ(), scales[0], op.getHeadDim());
    Value k = decode(b, op.getLoc(), op.getK(), scales[1], op.getKeyHeadDim());
    Value v = decode(b, op.getLoc(), op.getV(), scales[2], op.getKeyHeadDim());
    op.getScalesMutable().clear();
    op.getQMutable().assign(q);
    op.getKMutable().assign(k);
    op.getVMutable().assign(v);
  }

  void runOnOperation() override {
    getOperation()->walk([&](AttentionOp op) {
      if (op.hasTensorSemantics() && op.getElementType().getWidth() == 8) {
        decodeOperands(op);
      }
    });
  }
};

} // namespace
