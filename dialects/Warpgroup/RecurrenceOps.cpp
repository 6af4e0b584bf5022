//===- RecurrenceOps.cpp - verifiers of ops for states in fragments -------===//

#include "attn/Dialect/Warpgroup/WarpgroupOps.h"

using namespace mlir;

namespace attn::warpgroup {

// Rings that come in by argument are not known.
static bool hasWriters(Value ring) {
  auto made = ring.getDefiningOp<RingOp>();
  return !made || made.getWriters();
}

LogicalResult ReserveOp::verify() {
  if (!hasWriters(getRing())) {
    return emitOpError("expected a ring with 'writers' [reserve_c1]");
  }
  return success();
}

LogicalResult PublishOp::verify() {
  if (!hasWriters(getRing())) {
    return emitOpError("expected a ring with 'writers' [publish_c1]");
  }
  return success();
}

LogicalResult VectorOp::verify() {
  RingType ring = getRing().getType();
  auto columns = dyn_cast<ColumnsType>(getResult().getType());
  int64_t size = columns ? columns.getShape()[0] : kRows;
  if (!ring.getElement().isF32() || ring.getShape()[2] != size) {
    return emitOpError("expected vectors of ")
           << size << " f32, but got a ring of " << ring << " [vector_c1]";
  }
  return success();
}

LogicalResult FetchOp::verify() {
  TileType tile = getTile().getType();
  OperandType operand = getResult().getType();
  if (tile.getShape()[1] != kRows || tile.getShape()[2] != 64 ||
      operand.getShape()[1] != 64 || tile.getPanelBytes() != kPanelBytes ||
      tile.getElement() != operand.getElement()) {
    return emitOpError("expected 64 x 64 elements of one type, but got ")
           << tile << " and " << operand << " [fetch_c1]";
  }
  return success();
}

LogicalResult ScaleOp::verify() {
  if (getOperand().getType().getShape()[1] !=
      getFactors().getType().getShape()[0]) {
    return emitOpError("expected a factor for each column [scale_c1]");
  }
  return success();
}

LogicalResult WriteOp::verify() {
  RingType ring = getRing().getType();
  auto operand = dyn_cast<OperandType>(getFragment().getType());
  int64_t columns =
      operand ? operand.getShape()[1]
              : cast<FragmentType>(getFragment().getType()).getShape()[1];
  if (columns != 64 || ring.getShape()[1] != kRows ||
      ring.getElement().isF32() || ring.getPanelBytes() != kPanelBytes ||
      (operand && operand.getElement() != ring.getElement())) {
    return emitOpError("expected a fragment of 64 columns and a ring of 64 "
                       "rows, but got ")
           << getFragment().getType() << " and " << ring << " [write_c1]";
  }
  return success();
}

LogicalResult TransposeOp::verify() {
  RingType from = getFrom().getType(), to = getTo().getType();
  bool fits = to.getShape()[1] <= from.getShape()[2] &&
              to.getShape()[2] >= from.getShape()[1];
  for (RingType ring : {from, to}) {
    fits = fits && ring.getElement().getIntOrFloatBitWidth() == 8 &&
           ring.getPanelBytes() == kPanelBytes &&
           ring.getShape()[1] % 32 == 0 && ring.getShape()[2] % 32 == 0;
  }
  if (!fits) {
    return emitOpError("expected tiles of 8 bits and of multiples of 32 rows "
                       "and columns, one the transpose of the other, but got ")
           << from << " and " << to << " [transpose_c1]";
  }
  return success();
}

} // namespace attn::warpgroup
