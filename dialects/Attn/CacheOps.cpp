//===- CacheOps.cpp - writing and reading a paged cache -------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// KVAppendOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVAppendOp::getDpsInitsMutable() {
  // The two pools are operands of their own that follow each other.
  unsigned first = getKPagesMutable().getOperandNumber();
  return MutableOperandRange(getOperation(), first, 2);
}

ATTN_DESTINATIONS(KVAppendOp)

FloatType KVAppendOp::getAccumulatorType() {
  return shaped(getK()).getElementType().isF64()
             ? FloatType(Float64Type::get(getContext()))
             : FloatType(Float32Type::get(getContext()));
}

int64_t KVAppendOp::getRotarySize() {
  if (std::optional<int64_t> rotary = getRotary()) {
    return *rotary;
  }
  int64_t size = shaped(getK()).getDimSize(2);
  return ShapedType::isDynamic(size) ? -1 : size;
}

LogicalResult KVAppendOp::verify() {
  if (failed(verifySemantics(*this, "kv_append_c5"))) {
    return failure();
  }
  ShapedType k = shaped(getK()), v = shaped(getV());
  if (k.getRank() != 3 || !hasShape(getV(), {k.getDimSize(0), k.getDimSize(1),
                                             ShapedType::kDynamic})) {
    return emitOpError(
               "expected 'k' and 'v' of tokens x heads x size, but got ")
           << k << " and " << v << " [kv_append_c1]";
  }
  auto isPool = [&](Value pool, int64_t pages, int64_t slots, int64_t size) {
    SmallVector<int64_t> shape{pages, k.getDimSize(1), slots, size};
    if (getPageLayout() == PageLayout::NHD) {
      std::swap(shape[1], shape[2]);
    }
    return hasShape(pool, shape);
  };
  ShapedType kPool = shaped(getKPages());
  if (kPool.getRank() != 4 ||
      !isPool(getKPages(), kPool.getDimSize(0), kPool.getDimSize(getSlotDim()),
              k.getDimSize(2)) ||
      !isPool(getVPages(), kPool.getDimSize(0), kPool.getDimSize(getSlotDim()),
              v.getDimSize(2))) {
    return emitOpError("expected pages that hold the heads of 'k' and 'v', but "
                       "got ")
           << kPool << " and " << getVPages().getType() << " [kv_append_c2]";
  }
  auto holdsAs = [](ShapedType from, ShapedType to) {
    return from.getElementType() == to.getElementType() ||
           (isa<FloatType>(from.getElementType()) &&
            isa<FloatType>(to.getElementType()) &&
            from.getElementTypeBitWidth() > 8 &&
            to.getElementTypeBitWidth() > 8);
  };
  if (!holdsAs(k, kPool) || !holdsAs(v, shaped(getVPages())) ||
      (getPositions() && k.getElementTypeBitWidth() == 8)) {
    return emitOpError("expected codes for a cache of codes "
                       "(attn.kv_quantize), which are not turned, but got ")
           << k << " and " << kPool << " [kv_append_c6]";
  }
  if (!hasShape(getSlots(), {k.getDimSize(0)})) {
    return emitOpError("expected a slot for each token, but got ")
           << getSlots().getType() << " [kv_append_c3]";
  }
  int64_t rotary = getRotarySize(), size = k.getDimSize(2);
  bool isEven = rotary < 0 || (rotary >= 2 && rotary % 2 == 0 &&
                               (ShapedType::isDynamic(size) || rotary <= size));
  int64_t half = rotary < 0 ? ShapedType::kDynamic : rotary / 2;
  bool fits = true;
  if (!getPositions()) {
    fits = !getCos() && !getFrequencies();
  } else if (getCos()) {
    fits = !getFrequencies() &&
           hasShape(getCos(), {ShapedType::kDynamic, half}) &&
           hasShape(getSin(), {ShapedType::kDynamic, half});
  } else {
    fits = getFrequencies() &&
           hasShape(getFrequencies(), {getKept() ? 2 : 1, half}) &&
           shaped(getFrequencies()).getElementType().isF64();
  }
  if (getPositions() &&
      !(isEven && hasShape(getPositions(), {1, k.getDimSize(0)}))) {
    fits = false;
  }
  if (!fits) {
    return emitOpError("expected 'rope' with a position for each token, and "
                       "'tables' or 'frequencies' of R / 2 elements a row "
                       "[kv_append_c4]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// KVGatherOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVGatherOp::getDpsInitsMutable() { return getOutMutable(); }

ATTN_DESTINATIONS(KVGatherOp)

LogicalResult KVGatherOp::verify() {
  if (failed(verifySemantics(*this, "kv_gather_c3"))) {
    return failure();
  }
  ShapedType pages = shaped(getPages()), out = shaped(getOut());
  bool ranks =
      pages.getRank() == 4 && out.getRank() == 4 && getLayout() != Layout::THD;
  if (!ranks ||
      !compatible(pages.getDimSize(getHeadDim()),
                  out.getDimSize(getOutHeadDim())) ||
      !compatible(pages.getDimSize(3), out.getDimSize(3)) ||
      pages.getElementType() != out.getElementType()) {
    return emitOpError("expected 'pages' and 'out' of rank 4 with equal heads, "
                       "head sizes and element types, in layout bhsd or bshd, "
                       "but got ")
           << pages << " and " << out << " [kv_gather_c1]";
  }
  int64_t sequences = out.getDimSize(0);
  if (!hasShape(getBlockTables(), {sequences, ShapedType::kDynamic}) ||
      !hasShape(getKvLens(), {sequences})) {
    return emitOpError(
        "expected a row of 'pages' and an entry of 'kv_lens' for "
        "each sequence [kv_gather_c2]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// PageTablesOp
//===----------------------------------------------------------------------===//

LogicalResult PageTablesOp::verify() {
  int64_t starts = shaped(getStarts()).getDimSize(0);
  ShapedType tables = shaped(getResult());
  if (!ShapedType::isDynamic(starts) &&
      !compatible(tables.getDimSize(0), starts - 1)) {
    return emitOpError("expected a row for each of ")
           << starts - 1 << " sequences, but got " << tables
           << " [page_tables_c1]";
  }
  if (getColumns() && !tables.isDynamicDim(1)) {
    return emitOpError("expected 'columns' for a dynamic number of them, but "
                       "got ")
           << tables << " [page_tables_c2]";
  }
  return success();
}
