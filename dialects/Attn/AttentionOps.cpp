//===- AttentionOps.cpp - attention at the graph level --------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

#include <cmath>

using namespace mlir;
using namespace attn;

static Type accumulatorType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

MutableOperandRange AttentionOp::getDpsInitsMutable() {
  return getOutsMutable();
}

ATTN_DESTINATIONS(AttentionOp)

void AttentionOp::getSuccessorRegions(
    RegionBranchPoint point, SmallVectorImpl<RegionSuccessor> &regions) {
  getPairRegions(getOperation(), point, regions);
}

FloatType AttentionOp::getElementType() {
  return cast<FloatType>(shaped(getQ()).getElementType());
}

FloatType AttentionOp::getAccumulatorType() {
  return cast<FloatType>(accumulatorType(getElementType()));
}

std::optional<double> AttentionOp::getStaticScale() {
  if (auto scale = getScaleAttr()) {
    return cast<FloatAttr>(scale).getValueAsDouble();
  }
  int64_t size = shaped(getQ()).getDimSize(getSizeDim());
  if (ShapedType::isDynamic(size)) {
    return std::nullopt;
  }
  return size ? 1.0 / std::sqrt(static_cast<double>(size)) : 1.0;
}

int64_t AttentionOp::getSeqDim() {
  switch (getLayout()) {
  case Layout::BHSD:
    return 2;
  case Layout::BSHD:
    return 1;
  case Layout::THD:
    return 0;
  }
  return 0;
}

int64_t AttentionOp::getKeyHeadDim() {
  return !isPaged() ? getHeadDim() : getPageLayout() == PageLayout::HND ? 1 : 2;
}

int64_t AttentionOp::getKeySeqDim() {
  return isPaged() ? 3 - getKeyHeadDim() : getSeqDim();
}

// One row of the tables and one length a sequence.
LogicalResult AttentionOp::verifyPages() {
  int64_t sequences = shaped(getQ()).getDimSize(0);
  if (getLayout() == Layout::THD) {
    int64_t starts = shaped(getCuSeqlensQ()).getDimSize(0);
    sequences = ShapedType::isDynamic(starts) ? starts : starts - 1;
  }
  if (!isPaged() || !getKvLens() || getCuSeqlensK() ||
      !hasShape(getKvLens(), {sequences}) ||
      !hasShape(getBlockTables(), {sequences, ShapedType::kDynamic})) {
    return emitOpError("expected 'pages' with a row and an entry of 'kv_lens' "
                       "for each sequence, and with layout thd 'cu_seqlens' of "
                       "q alone [attention_c19]");
  }
  return success();
}

LogicalResult AttentionOp::verifyScales() {
  if (getScales().empty()) {
    return success();
  }
  bool fits = getScales().size() == 3 && getElementType().getWidth() == 8;
  Value operands[] = {getQ(), getK(), getV()};
  for (unsigned i = 0; fits && i < 3; ++i) {
    Value scale = getScales()[i], operand = operands[i];
    int64_t rank = shaped(scale).getRank();
    int64_t headDim = i == 0 ? getHeadDim() : getKeyHeadDim();
    int64_t heads = shaped(operand).getDimSize(headDim);
    int64_t sequences = shaped(operand).getDimSize(0);
    fits = rank == 0 || (rank == 1 && hasShape(scale, {heads})) ||
           (rank == 2 && getLayout() != Layout::THD && !isPaged() &&
            hasShape(scale, {sequences, heads}));
  }
  if (!fits) {
    return emitOpError("expected 'scales' of q, k and v of f8E4M3FN, each for "
                       "the tensor, its heads, or its sequences and heads "
                       "[attention_c20]");
  }
  return success();
}

LogicalResult AttentionOp::verify() {
  auto self = cast<DestinationStyleOpInterface>(getOperation());
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected one or two destinations, 'out' and 'lse', but "
                       "got ")
           << getOuts().size() << " [attention_c4]";
  }
  if (failed(verifySemantics(self, "attention_c10"))) {
    return failure();
  }
  bool ragged = getLayout() == Layout::THD;
  int64_t rank = ragged ? 3 : 4;
  for (Value pool : {getK(), getV()}) {
    if (isPaged() && shaped(pool).getRank() != 4) {
      return emitOpError("expected pools of pages of rank 4, but got ")
             << pool.getType() << " [attention_c19]";
    }
  }
  for (auto [value, name] : {std::pair<Value, StringRef>(getQ(), "q"),
                             {getK(), "k"},
                             {getV(), "v"},
                             {getOut(), "out"}}) {
    bool pool = isPaged() && (value == getK() || value == getV());
    if (!pool && shaped(value).getRank() != rank) {
      return emitOpError("expected '")
             << name << "' to have rank " << rank << ", but got "
             << shaped(value).getRank() << " [attention_c6]";
    }
  }
  if (ragged != static_cast<bool>(getCuSeqlensQ())) {
    return emitOpError("expected 'cu_seqlens' with layout thd, and with no "
                       "other [attention_c6]");
  }
  if (isPaged() || (ragged && !getCuSeqlensK())) {
    if (failed(verifyPages())) {
      return failure();
    }
  } else if (ragged && !compatible(shaped(getCuSeqlensQ()).getDimSize(0),
                                   shaped(getCuSeqlensK()).getDimSize(0))) {
    return emitOpError("expected 'cu_seqlens' of q and k to have equal "
                       "lengths, but got ")
           << shaped(getCuSeqlensQ()).getDimSize(0) << " and "
           << shaped(getCuSeqlensK()).getDimSize(0) << " [attention_c6]";
  }

  int64_t head = getHeadDim(), seq = getSeqDim(), size = getSizeDim();
  auto dim = [](Value value, int64_t d) { return shaped(value).getDimSize(d); };
  int64_t keySize = getKeySizeDim();
  if (!compatible(dim(getQ(), size), dim(getK(), keySize))) {
    return emitOpError(
               "expected 'q' and 'k' to have the same head size, but got ")
           << dim(getQ(), size) << " and " << dim(getK(), keySize)
           << " [attention_c1]";
  }
  for (int64_t d : {getKeyBatchDim(), getKeyHeadDim(), getKeySeqDim()}) {
    if (d >= 0 && !compatible(dim(getK(), d), dim(getV(), d))) {
      return emitOpError("expected 'k' and 'v' to have equal batch, heads and "
                         "length, but dimension ")
             << d << " is " << dim(getK(), d) << " and " << dim(getV(), d)
             << " [attention_c2]";
    }
  }
  int64_t hq = dim(getQ(), head), hkv = dim(getK(), getKeyHeadDim());
  if (!ShapedType::isDynamic(hq) && !ShapedType::isDynamic(hkv) &&
      (hkv == 0 ? hq != 0 : hq % hkv != 0)) {
    return emitOpError("expected the heads of 'q' to be a multiple of those of "
                       "'k', but got ")
           << hq << " and " << hkv << " [attention_c3]";
  }
  if (!ragged && !isPaged() && !compatible(dim(getQ(), 0), dim(getK(), 0))) {
    return emitOpError("expected 'q' and 'k' to have the same batch size, but "
                       "got ")
           << dim(getQ(), 0) << " and " << dim(getK(), 0) << " [attention_c14]";
  }
  for (int64_t d = 0; d < rank; ++d) {
    int64_t want = d == size ? dim(getV(), keySize) : dim(getQ(), d);
    if (!compatible(dim(getOut(), d), want)) {
      return emitOpError("expected dimension ")
             << d << " of 'out' to be " << want << ", but got "
             << dim(getOut(), d) << " [attention_c4]";
    }
  }
  FloatType accumulator = getAccumulatorType();
  if (Value lse = getLse()) {
    SmallVector<int64_t> rows;
    if (!ragged) {
      rows.push_back(dim(getQ(), 0));
    }
    rows.append({dim(getQ(), head), dim(getQ(), seq)});
    ShapedType type = shaped(lse);
    if (type.getRank() != static_cast<int64_t>(rows.size()) ||
        !llvm::all_of(llvm::zip(type.getShape(), rows), [](auto pair) {
          return compatible(std::get<0>(pair), std::get<1>(pair));
        })) {
      return emitOpError("expected 'lse' to have the shape of the rows of 'q', "
                         "heads before positions, but got ")
             << type << " [attention_c5]";
    }
  }
  if (getKvLens()) {
    if (ragged ? !isPaged()
               : !compatible(dim(getKvLens(), 0), dim(getQ(), 0))) {
      return emitOpError("expected 'kv_lens' to have one entry a sequence, and "
                         "not with layout thd [attention_c7]");
    }
  }
  if (getSink() && !compatible(dim(getSink(), 0), hq)) {
    return emitOpError("expected 'sink' to have ")
           << hq << " entries, one a query head, but got " << dim(getSink(), 0)
           << " [attention_c8]";
  }
  Type element = getElementType();
  if (shaped(getK()).getElementType() != element ||
      shaped(getV()).getElementType() != element) {
    return emitOpError("expected 'q', 'k' and 'v' to have one element type, "
                       "but got ")
           << element << ", " << shaped(getK()).getElementType() << " and "
           << shaped(getV()).getElementType() << " [attention_c11]";
  }
  if (failed(verifyScales())) {
    return failure();
  }
  if (getTf32() && !element.isF32()) {
    return emitOpError("expected operands of f32 with 'tf32', but got ")
           << element << " [attention_c21]";
  }
  for (auto [value, name] :
       {std::pair<Value, StringRef>(getLse(), "lse"), {getSink(), "sink"}}) {
    if (value && shaped(value).getElementType() != accumulator) {
      return emitOpError("expected '")
             << name << "' to have element type " << accumulator << ", but got "
             << shaped(value).getElementType() << " [attention_c11]";
    }
  }
  if (failed(verifyMaskSymbols(getOperation(), getMaskAttr(), getMaskSymbols(),
                               "attention_c18"))) {
    return failure();
  }
  if (failed(verifyScore(getOperation(), getScore(), getCaptured(),
                         getCapturedMaps(), accumulator,
                         {"attention_c9", "attention_c12", "attention_c13"}))) {
    return failure();
  }
  return verifyMaskRegion(getOperation(), getMaskRegion(), getMaskCaptured(),
                          getMaskMaps(), getMaskAscending(),
                          {"attention_c15", "attention_c16", "attention_c17"});
}

//===----------------------------------------------------------------------===//
// BlockSummaryOp
//===----------------------------------------------------------------------===//

LogicalResult
BlockSummaryOp::reifyResultShapes(OpBuilder &builder,
                                  ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, getLoc(), getX());
  AffineExpr size = getAffineDimExpr(0, getContext());
  sizes[getDim()] = affine::makeComposedFoldedAffineApply(
      builder, getLoc(), size.ceilDiv(getBlock()), {sizes[getDim()]});
  sizes.push_back(builder.getIndexAttr(2));
  shapes.push_back(std::move(sizes));
  return success();
}

LogicalResult BlockSummaryOp::verify() {
  auto type = cast<ShapedType>(getX().getType());
  auto result = cast<ShapedType>(getResult().getType());
  auto dim = static_cast<int64_t>(getDim());
  auto block = static_cast<int64_t>(getBlock());
  if (dim < 0 || dim >= type.getRank()) {
    return emitOpError("expected a dimension of ")
           << type << ", but got " << dim << " [block_summary_c1]";
  }
  if (block <= 0) {
    return emitOpError("expected a block of 1 or more, but got ")
           << block << " [block_summary_c2]";
  }
  SmallVector<int64_t> shape(type.getShape());
  if (!ShapedType::isDynamic(shape[dim])) {
    shape[dim] = llvm::divideCeil(shape[dim], block);
  }
  shape.push_back(2);
  bool fits = result.getRank() == static_cast<int64_t>(shape.size()) &&
              result.getElementType() == type.getElementType();
  for (size_t d = 0; fits && d < shape.size(); ++d) {
    fits = compatible(shape[d], result.getDimSize(d));
  }
  if (!fits) {
    return emitOpError("expected a result of ")
           << RankedTensorType::get(shape, type.getElementType())
           << ", but got " << result << " [block_summary_c3]";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// MergeStatesOp
//===----------------------------------------------------------------------===//

MutableOperandRange MergeStatesOp::getDpsInitsMutable() {
  return getOutsMutable();
}

ATTN_DESTINATIONS(MergeStatesOp)

LogicalResult MergeStatesOp::verify() {
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected one or two destinations, 'out' and 'lse', but "
                       "got ")
           << getOuts().size() << " [merge_states_c2]";
  }
  if (failed(verifySemantics(*this, "merge_states_c4"))) {
    return failure();
  }
  auto same = [](ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto p) {
             return compatible(std::get<0>(p), std::get<1>(p));
           });
  };
  ArrayRef<int64_t> parts = shaped(getParts()).getShape();
  ArrayRef<int64_t> out = shaped(getOut()).getShape();
  if (parts.size() < 2 ||
      !same(shaped(getPartLse()).getShape(), parts.drop_back())) {
    return emitOpError("expected 'part_lse' to have the shape of 'parts' "
                       "without its last dimension [merge_states_c1]");
  }
  if (!same(out, parts.drop_front())) {
    return emitOpError("expected 'out' to have the shape of 'parts' without "
                       "its first dimension [merge_states_c2]");
  }
  if (getLse() && !same(shaped(getLse()).getShape(), out.drop_back())) {
    return emitOpError("expected 'lse' to have the shape of 'out' without its "
                       "last dimension [merge_states_c3]");
  }
  if (static_cast<bool>(getSink()) != static_cast<bool>(getHead())) {
    return emitOpError("expected 'sink' and 'head' together [merge_states_c5]");
  }
  return success();
}
