//===- AttentionShape.cpp - the sizes of an attention op ------------------===//

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Target/CostModel.h"

using namespace mlir;

namespace attn {

AttentionShape AttentionShape::of(AttentionOp op) {
  auto dim = [](Value value, int64_t d) -> int64_t {
    int64_t size = cast<ShapedType>(value.getType()).getDimSize(d);
    return ShapedType::isDynamic(size) ? -1 : size;
  };
  AttentionShape shape;
  bool ragged = op.getLayout() == Layout::THD;
  shape.batch = ragged ? -1 : dim(op.getQ(), 0);
  shape.queryHeads = dim(op.getQ(), op.getHeadDim());
  shape.keyHeads = dim(op.getK(), op.getHeadDim());
  shape.queries = ragged ? -1 : dim(op.getQ(), op.getSeqDim());
  shape.keys = ragged ? -1 : dim(op.getK(), op.getSeqDim());
  shape.headSize = dim(op.getQ(), op.getSizeDim());
  shape.valueSize = dim(op.getV(), op.getSizeDim());
  shape.elementBits = op.getElementType().getWidth();
  shape.accumulatorBits = op.getAccumulatorType().getWidth();
  shape.masked = op.isMasked();
  return shape;
}

} // namespace attn
