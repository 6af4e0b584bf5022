//===- LowerRope.cpp - rotary positions on vectors ------------------------===//

#include "LowerTiles.h"
#include "RopeRows.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

// Index (batch, head, token) of a row of x or out.
static SmallVector<Value> rowIndex(RopeOp op, Value batch, Value head,
                                   Value token) {
  switch (op.getLayout()) {
  case Layout::BHSD:
    return {batch, head, token};
  case Layout::BSHD:
    return {batch, token, head};
  case Layout::THD:
    return {token, head};
  }
  return {};
}

// Rows of the tile that follows in memory, to L2: in front of a key loop they
// are next.
static void prefetchRow(LaneBuilder &lb, Value memref, ValueRange row) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<Value> at(row);
  for (int64_t d = 0; d < type.getShape().back();
       d += LaneBuilder::lineOf(memref)) {
    at.push_back(lb.index.constant(d));
    memref::PrefetchOp::create(lb.b, lb.loc, memref, at, /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
    at.pop_back();
  }
}

LogicalResult lowerRope(RopeOp op, const TargetDescription &target) {
  if (op.getRotarySize() < 0 || (!op.getCos() && !op.getFrequencies())) {
    return op.emitOpError("expected a static number of rotary elements, and "
                          "tables or frequencies (attn-tile-rope)");
  }
  OpBuilder builder(op);
  LaneBuilder lb(builder, op.getLoc(), target, op.getAccumulatorType());
  RopeForm form{op.getCos(),         op.getSin(),
                op.getFrequencies(), op.getRotarySize(),
                op.getPairs(),       op.getMagnitude().convertToDouble(),
                op.getKept()};
  RopeRows rows(lb, op, form);
  auto sizeOf = [&](int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getX(), d));
  };
  Value zero = lb.index.constant(0);
  bool ragged = op.getLayout() == Layout::THD;
  bool inKeyLoop =
      isWorkspace(op.getOut()) && op->getParentOfType<scf::ForOp>();
  Value batches = ragged ? lb.index.constant(1) : sizeOf(0);
  Value size = sizeOf(op.getSizeDim());
  lb.loop(zero, batches, 1, [&](Value batch) {
    lb.loop(zero, sizeOf(op.getSeqDim()), 1, [&](Value token) {
      Value position = token;
      if (Value positions = op.getPositions()) {
        Value loaded = memref::LoadOp::create(lb.b, lb.loc, positions,
                                              ValueRange{batch, token});
        position = arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getIndexType(),
                                              loaded);
      } else if (op.getOffset()) {
        position = lb.index.add(op.getOffset(), token);
      }
      if (inKeyLoop) {
        Value next = lb.index.add(token, sizeOf(op.getSeqDim()));
        prefetchRow(lb, op.getX(), rowIndex(op, zero, zero, next));
        prefetchRow(lb, op.getCos(), next);
        prefetchRow(lb, op.getSin(), next);
      }
      rows.moveTo(position);
      lb.loop(zero, sizeOf(op.getHeadDim()), 1, [&](Value head) {
        SmallVector<Value> at = rowIndex(op, batch, head, token);
        rows.turn(ElementRow(op.getX(), at), ElementRow(op.getOut(), at), size);
      });
    });
  });
  op.erase();
  return success();
}

} // namespace attn
