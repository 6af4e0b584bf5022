//===- QuantOps.cpp - codes of few bits and their scales ------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;

int64_t attn::getPackedSize(Packing packing, int64_t elements) {
  if (ShapedType::isDynamic(elements)) {
    return elements;
  }
  switch (packing) {
  case Packing::Plain:
    return elements;
  case Packing::Int4:
    return elements / 2;
  case Packing::Q8_0:
    return elements / 32 * 34;
  case Packing::Q4_0:
    return elements / 32 * 18;
  }
  return elements;
}

// Whether `codes` hold the elements of `elements`.
static bool holds(Value codes, Value elements, Packing packing) {
  SmallVector<int64_t> shape(shaped(elements).getShape());
  int64_t unit = packing == Packing::Plain  ? 1
                 : packing == Packing::Int4 ? 2
                                            : 32;
  if (!ShapedType::isDynamic(shape.back()) && shape.back() % unit != 0) {
    return false;
  }
  shape.back() = getPackedSize(packing, shape.back());
  Type element = shaped(codes).getElementType();
  return hasShape(codes, shape) &&
         (packing == Packing::Plain
              ? isa<Float8E4M3FNType, Float8E5M2Type>(element) ||
                    element.isInteger(8)
              : element.isInteger(8));
}

// Whether `map` sends points of `rank` dimensions to `scale` (and `zero`).
static bool mapsTo(AffineMap map, int64_t rank, size_t symbols, Value scale,
                   Value zero) {
  return map.getNumDims() == static_cast<unsigned>(rank) &&
         map.getNumSymbols() == symbols &&
         map.getNumResults() ==
             static_cast<unsigned>(shaped(scale).getRank()) &&
         (!zero || hasShape(zero, shaped(scale).getShape()));
}

//===----------------------------------------------------------------------===//
// KVDequantizeOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVDequantizeOp::getDpsInitsMutable() {
  return getOutMutable();
}

ATTN_DESTINATIONS(KVDequantizeOp)

LogicalResult KVDequantizeOp::verify() {
  if (failed(verifySemantics(*this, "kv_dequantize_c4"))) {
    return failure();
  }
  Packing packing = getPacking();
  if (!holds(getCodes(), getOut(), packing)) {
    return emitOpError("expected codes of ")
           << stringifyPacking(packing) << " for " << getOut().getType()
           << ", but got " << getCodes().getType() << " [kv_dequantize_c1]";
  }
  bool blocks = packing == Packing::Q8_0 || packing == Packing::Q4_0;
  if (blocks == static_cast<bool>(getScale()) || (blocks && getZero()) ||
      (getZero() && !shaped(getCodes()).getElementType().isInteger())) {
    return emitOpError("expected 'scale', but not with q8_0 and q4_0, and "
                       "'zero' with integers alone [kv_dequantize_c3]");
  }
  if (blocks ? static_cast<bool>(getMap()) || !getMapSymbols().empty()
             : !getMap() ||
                   !mapsTo(*getMap(), shaped(getOut()).getRank(),
                           getMapSymbols().size(), getScale(), getZero())) {
    return emitOpError("expected a map of the points of ")
           << getOut().getType()
           << " to those of 'scale', and 'zero' of its shape "
              "[kv_dequantize_c2]";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// KVQuantizeOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVQuantizeOp::getDpsInitsMutable() {
  return getOutsMutable();
}

ATTN_DESTINATIONS(KVQuantizeOp)

LogicalResult KVQuantizeOp::verify() {
  size_t count = getOuts().size();
  bool made = makesScales();
  bool fits = made ? (count == 2 || count == 3) && !getZero() : count == 1;
  if (!fits) {
    return emitOpError("expected destinations of the codes, and of the scale "
                       "and the zero where they are not given, but got ")
           << count << " [kv_quantize_c3]";
  }
  if (failed(verifySemantics(*this, "kv_quantize_c4"))) {
    return failure();
  }
  Packing packing = getPacking();
  Value codes = getCodes();
  if ((packing != Packing::Plain && packing != Packing::Int4) ||
      !holds(codes, getX(), packing)) {
    return emitOpError("expected codes of i8, f8E4M3FN, f8E5M2 or int4 for ")
           << getX().getType() << ", but got " << codes.getType()
           << " [kv_quantize_c1]";
  }
  Value scale = getScaleBuffer(), zero = getZeroBuffer();
  auto isScale = [&](Value value) {
    return !value || !made || shaped(value).getElementType().isF32();
  };
  if (!isScale(scale) || !isScale(zero) ||
      (zero && !shaped(codes).getElementType().isInteger())) {
    return emitOpError("expected scales of f32, and 'zero' with integers alone "
                       "[kv_quantize_c3]");
  }
  if (!mapsTo(getMap(), shaped(getX()).getRank(), 0, scale, zero)) {
    return emitOpError("expected a map of the points of ")
           << getX().getType()
           << " to those of 'scale', and 'zero' of its shape [kv_quantize_c2]";
  }
  return success();
}
