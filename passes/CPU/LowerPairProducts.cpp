//===- LowerPairProducts.cpp - products that heads share ------------------===//

#include "LowerTiles.h"
#include "PairTiles.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

LogicalResult lowerPairProducts(PairProductsOp op,
                                const TargetDescription &target) {
  OpBuilder builder(op);
  auto out = cast<MemRefType>(op.getOut().getType());
  LaneBuilder lb(builder, op.getLoc(), target, recurrenceType(op));
  if (out.getElementType() != lb.type || !isUnitStride(op.getOut(), 1)) {
    return op.emitOpError("expected products of the type of the arithmetic, "
                          "side by side");
  }
  int64_t keys = cast<MemRefType>(op.getQ().getType()).getDimSize(1);
  int64_t tokens = out.getDimSize(0);
  int64_t keyVectors = (keys + lb.lanes - 1) / lb.lanes;
  int64_t rows = (tokens + lb.lanes - 1) / lb.lanes * lb.lanes;
  Value count =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getQ(), 0));
  // Row by row, as the processor foresees it.
  Value q = copiedRows(lb, op, op.getQ(), count, tokens);
  Value k = copiedRows(lb, op, op.getK(), count, tokens);
  Value keysT = scratch(lb, op, {keyVectors * lb.lanes, rows});
  transposeRows(lb, k, count, keys, keysT);
  eachPairTile(
      lb, count, tokens,
      [&](int64_t number, int64_t vectors, Value row, int64_t first) {
        return pairSums(lb, q, keysT, keys, number, vectors, row, first);
      },
      [&](Value x, Value t, int64_t n) {
        storeRowVector(lb, x, op.getOut(), {t}, n, tokens);
      });
  op.erase();
  return success();
}

} // namespace attn
