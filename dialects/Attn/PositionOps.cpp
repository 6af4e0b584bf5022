//===- PositionOps.cpp - rotary and sinusoidal positions, slopes ----------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// RopeOp
//===----------------------------------------------------------------------===//

MutableOperandRange RopeOp::getDpsInitsMutable() { return getOutMutable(); }

ATTN_DESTINATIONS(RopeOp)

FloatType RopeOp::getAccumulatorType() {
  Type element = shaped(getX()).getElementType();
  return element.isF64() ? Float64Type::get(getContext())
                         : FloatType(Float32Type::get(getContext()));
}

int64_t RopeOp::getSeqDim() {
  return getLayout() == Layout::BHSD ? 2 : getLayout() == Layout::BSHD ? 1 : 0;
}
int64_t RopeOp::getHeadDim() { return getLayout() == Layout::BSHD ? 2 : 1; }

int64_t RopeOp::getRotarySize() {
  if (std::optional<int64_t> rotary = getRotary()) {
    return *rotary;
  }
  int64_t size = shaped(getX()).getDimSize(getSizeDim());
  return ShapedType::isDynamic(size) ? -1 : size;
}

ref::RopeScaling RopeOp::getRopeScaling() {
  RopeScalingInterface scaling = getScalingAttr();
  return scaling ? scaling.getRopeScaling() : ref::RopeScaling();
}

LogicalResult RopeOp::verify() {
  if (failed(verifySemantics(*this, "rope_c8"))) {
    return failure();
  }
  bool ragged = getLayout() == Layout::THD;
  int64_t rank = ragged ? 3 : 4;
  if (shaped(getX()).getRank() != rank ||
      !hasShape(getOut(), shaped(getX()).getShape())) {
    return emitOpError("expected 'x' and 'out' to have one shape of rank ")
           << rank << ", but got " << getX().getType() << " and "
           << getOut().getType() << " [rope_c1]";
  }
  int64_t rotary = getRotarySize();
  int64_t size = shaped(getX()).getDimSize(getSizeDim());
  if (rotary < 0) {
    rotary = ShapedType::kDynamic;
  } else if (rotary < 2 || rotary % 2 != 0 ||
             (!ShapedType::isDynamic(size) && rotary > size)) {
    return emitOpError("expected an even number of rotary elements from 2 to ")
           << "the head size, but got " << rotary << " [rope_c2]";
  }
  int64_t half = ShapedType::isDynamic(rotary) ? rotary : rotary / 2;

  int64_t tokens = shaped(getX()).getDimSize(getSeqDim());
  int64_t batches = ragged ? 1 : shaped(getX()).getDimSize(0);
  if ((getPositions() &&
       (getOffset() || !hasShape(getPositions(), {batches, tokens}))) ||
      (ragged && !getPositions())) {
    return emitOpError("expected 'positions' of one entry a token, with layout "
                       "thd, and not beside 'offset' [rope_c3]");
  }
  auto isTable = [&](Value table) {
    return hasShape(table, {ShapedType::kDynamic, half});
  };
  if (getCos() && (!isTable(getCos()) || !isTable(getSin()) ||
                   getScalingAttr() || getFrequencies())) {
    return emitOpError("expected 'tables' of a row of R / 2 elements for each "
                       "position, without scaling or frequencies [rope_c4]");
  }
  ref::RopeScaling scaling = getRopeScaling();
  if (scaling.needsLength() != static_cast<bool>(getLength())) {
    return emitOpError("expected 'length' with a scaling that depends on it, "
                       "and with no other [rope_c5]");
  }
  using Kind = ref::RopeScaling::Kind;
  bool ntk = scaling.kind == Kind::kNtk || scaling.kind == Kind::kDynamicNtk;
  auto factors = static_cast<int64_t>(scaling.shortFactors.size());
  if ((ntk && rotary == 2) ||
      (scaling.kind == Kind::kLongRope && !compatible(factors, half))) {
    return emitOpError("expected a scaling that fits ")
           << rotary << " rotary elements, but got " << getScalingAttr()
           << " [rope_c6]";
  }
  bool given = static_cast<bool>(getFrequencies());
  bool fits =
      !given ||
      (hasShape(getFrequencies(), {getKept() ? 2 : 1, half}) &&
       shaped(getFrequencies()).getElementType().isF64() && !getScalingAttr());
  if (!fits ||
      (!given && (getKept() || getMagnitude().convertToDouble() != 1))) {
    return emitOpError(
        "expected 'frequencies' of f64, 1 x R / 2 or with 'kept' "
        "2 x R / 2, without scaling; 'magnitude' and 'kept' with "
        "them alone [rope_c7]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Slopes and tables
//===----------------------------------------------------------------------===//

LogicalResult AlibiSlopesOp::verify() {
  auto type = cast<RankedTensorType>(getSlopes().getType());
  if (type.getRank() != 1 || type.isDynamicDim(0)) {
    return emitOpError("expected one slope for each of a static number of "
                       "heads, but got ")
           << type << " [alibi_slopes_c1]";
  }
  return success();
}

MutableOperandRange SinusoidalOp::getDpsInitsMutable() {
  return getTableMutable();
}

LogicalResult SinusoidalOp::verify() {
  auto type = cast<RankedTensorType>(getTable().getType());
  if (type.getRank() != 2 || type.isDynamicDim(1) ||
      type.getDimSize(1) % 2 != 0 || getResult().getType() != type) {
    return emitOpError("expected a table of rank 2 with a static even size of "
                       "rows, but got ")
           << type << " [sinusoidal_c1]";
  }
  return success();
}
