//===- TilingAttention.cpp - TilingInterface of attn.attention ------------===//
// The iteration space is (batch, head, query, value size), all parallel; a tile
// is a smaller attn.attention on slices. Keys are not in it: a part of the keys
// gives (out, lse), not a part of the result, which is the business of
// attn.online_attention. A tile of the ragged layout is (head, value size): its
// tokens belong to sequences that a slice of the tokens would cut.
//
// Masks and score regions speak of absolute (b, h, position, j), so a tile of
// the queries has an explicit offset, and a tile of batches and heads adds its
// start inside of the region.
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace attn;

using Mixed = SmallVector<OpFoldResult>;

namespace {

/// Offsets or sizes along batch, head, query and value size.
struct Point {
  OpFoldResult batch, head, query, value;
};

// Ranges that the iteration space of thd does not have are whole ones.
Point toPoint(AttentionOp op, ArrayRef<OpFoldResult> loops,
              OpFoldResult query) {
  if (op.getLayout() == Layout::THD) {
    return {OpFoldResult(), loops[0], query, loops[1]};
  }
  return {loops[0], loops[1], loops[2], loops[3]};
}

/// `point` in the order of q, k, v and out.
Mixed inLayout(AttentionOp op, const Point &point) {
  switch (op.getLayout()) {
  case Layout::BHSD:
    return {point.batch, point.head, point.query, point.value};
  case Layout::BSHD:
    return {point.batch, point.query, point.head, point.value};
  case Layout::THD:
    return {point.query, point.head, point.value};
  }
  return {};
}

/// `point` in the order of lse.
Mixed inRows(AttentionOp op, const Point &point) {
  if (op.getLayout() == Layout::THD) {
    return {point.head, point.query};
  }
  return {point.batch, point.head, point.query};
}

class Tiler {
public:
  Tiler(OpBuilder &b, AttentionOp op, Point offsets, Point sizes)
      : b(b), op(op), loc(op.getLoc()), offsets(offsets), sizes(sizes) {}

  FailureOr<TilingResult> tile() {
    if (!op.hasTensorSemantics()) {
      return op.emitOpError("expected tensors to tile; run attn-wrap-memrefs "
                            "first");
    }
    bool allValues =
        isWholeDim(op.getV(), op.getKeySizeDim(), offsets.value, sizes.value);
    if (!allValues && op.getLse()) {
      // Tiles of the value size would all write the same rows of lse.
      return op.emitOpError("expected no tile of the value size with 'lse'");
    }
    if (op.getMask() && !seesWhole()) {
      return op.emitOpError("expected no tile of the batches or heads under a "
                            "mask that depends on them");
    }
    OpFoldResult keyHead, keyHeads;
    if (failed(tileHeads(keyHead, keyHeads)) || failed(tileOffset()) ||
        failed(tileCaptured(op.getCaptured(), op.getCapturedMaps(), captured,
                            capturedMaps)) ||
        failed(tileCaptured(op.getMaskCaptured(), op.getMaskMaps(),
                            maskCaptured, maskMaps))) {
      return failure();
    }
    OpFoldResult zero = b.getIndexAttr(0);
    OpFoldResult keys =
        tensor::getMixedSize(b, loc, op.getK(), op.getKeySeqDim());
    OpFoldResult size =
        tensor::getMixedSize(b, loc, op.getQ(), op.getSizeDim());
    Value q =
        slice(op.getQ(), {offsets.batch, offsets.head, offsets.query, zero},
              {sizes.batch, sizes.head, sizes.query, size});
    // Of pages each sequence may read any.
    bool paged = op.isPaged();
    OpFoldResult first = paged ? zero : offsets.batch, count = sizes.batch;
    if (paged) {
      count = tensor::getMixedSize(b, loc, op.getK(), 0);
    }
    Value k = sliceKeys(op.getK(), {first, keyHead, zero, zero},
                        {count, keyHeads, keys, size});
    Value v = sliceKeys(op.getV(), {first, keyHead, zero, offsets.value},
                        {count, keyHeads, keys, sizes.value});
    SmallVector<Value> outs{slice(op.getOut(), offsets, sizes)};
    if (op.getLse()) {
      outs.push_back(makeSlice(b, loc, op.getLse(), inRows(op, offsets),
                               inRows(op, sizes), slices));
    }
    Value lens = op.getKvLens(), sink = op.getSink();
    Value tables = op.getBlockTables();
    if (lens && offsets.batch) {
      lens = makeSlice(b, loc, lens, offsets.batch, sizes.batch, slices);
    }
    if (tables && offsets.batch) {
      tables = makeSlice(b, loc, tables, {offsets.batch, zero},
                         {sizes.batch, tensor::getMixedSize(b, loc, tables, 1)},
                         slices);
    }
    if (sink) {
      sink = makeSlice(b, loc, sink, offsets.head, sizes.head, slices);
    }
    SmallVector<Value> scales;
    for (auto [i, scale] : llvm::enumerate(op.getScales())) {
      scales.push_back(sliceScale(scale, i == 0 ? offsets.head : keyHead,
                                  i == 0 ? sizes.head : keyHeads));
    }
    auto tiled = AttentionOp::create(
        b, loc, ValueRange(outs).getTypes(), q, k, v, scales, offset, lens,
        op.getCuSeqlensQ(), op.getCuSeqlensK(), sink, tables,
        op.getMaskSymbols(), captured, maskCaptured, outs, op.getScaleAttr(),
        op.getMaskAttr(), op.getLayoutAttr(), op.getPageLayoutAttr(),
        b.getAffineMapArrayAttr(capturedMaps),
        b.getAffineMapArrayAttr(maskMaps), op.getMaskAscendingAttr(),
        op.getTf32Attr());
    tiled->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    cloneRegion(tiled, op.getScore(), tiled.getScore(), 1 + captured.size());
    cloneRegion(tiled, op.getMaskRegion(), tiled.getMaskRegion(),
                maskCaptured.size());
    return TilingResult{{tiled},
                        llvm::to_vector_of<Value>(tiled.getResults()),
                        llvm::to_vector(slices)};
  }

private:
  OpBuilder &b;
  AttentionOp op;
  Location loc;
  Point offsets, sizes;
  Value offset;
  SmallVector<Value> captured, maskCaptured;
  SmallVector<AffineMap> capturedMaps, maskMaps;
  SmallVector<Operation *> slices;

  Value slice(Value tensor, const Point &from, const Point &count) {
    return makeSlice(b, loc, tensor, inLayout(op, from), inLayout(op, count),
                     slices);
  }

  // Of a tensor, of its heads, or of its sequences and heads.
  Value sliceScale(Value scale, OpFoldResult head, OpFoldResult heads) {
    switch (cast<ShapedType>(scale.getType()).getRank()) {
    case 0:
      return scale;
    case 1:
      return makeSlice(b, loc, scale, head, heads, slices);
    default:
      return makeSlice(b, loc, scale, {offsets.batch, head},
                       {sizes.batch, heads}, slices);
    }
  }

  // The same of k and v, which may be pools of pages.
  Value sliceKeys(Value tensor, const Point &from, const Point &count) {
    if (!op.isPaged()) {
      return slice(tensor, from, count);
    }
    auto ordered = [&](const Point &point) {
      Mixed dims{point.batch, point.head, point.query, point.value};
      if (op.getKeyHeadDim() == 2) {
        std::swap(dims[1], dims[2]);
      }
      return dims;
    };
    return makeSlice(b, loc, tensor, ordered(from), ordered(count), slices);
  }

  OpFoldResult divide(OpFoldResult value, int64_t divisor) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, b.getAffineSymbolExpr(0).floorDiv(divisor), value);
  }

  // The key heads of the tile: whole groups, or a part of one.
  LogicalResult tileHeads(OpFoldResult &first, OpFoldResult &count) {
    int64_t dim = op.getHeadDim();
    if (isWholeDim(op.getQ(), dim, offsets.head, sizes.head)) {
      first = b.getIndexAttr(0);
      count = tensor::getMixedSize(b, loc, op.getK(), op.getKeyHeadDim());
      return success();
    }
    int64_t heads = cast<ShapedType>(op.getQ().getType()).getDimSize(dim);
    int64_t keyHeads =
        cast<ShapedType>(op.getK().getType()).getDimSize(op.getKeyHeadDim());
    if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyHeads) ||
        keyHeads == 0) {
      return op.emitOpError("expected static numbers of heads for a tile of "
                            "the heads");
    }
    int64_t group = heads / keyHeads;
    first = divide(offsets.head, group);
    if (isMultipleOf(offsets.head, group) && isMultipleOf(sizes.head, group)) {
      count = divide(sizes.head, group);
      return success();
    }
    std::optional<int64_t> size = getConstantIntValue(sizes.head);
    if (size && *size > 0 && group % *size == 0 &&
        isMultipleOf(offsets.head, *size)) {
      count = b.getIndexAttr(1);
      return success();
    }
    return op.emitOpError("expected a tile of the heads to be whole groups of ")
           << group << " heads that share keys, or to divide one evenly";
  }

  // Whether the mask means the same points in the tile, which counts batches
  // and heads from 0.
  bool seesWhole() {
    MaskSet set = op.getMaskAttr().getMaskSet();
    return (!set.usesDim(HeadDim) || isConstantIntValue(offsets.head, 0)) &&
           (!set.usesDim(BatchDim) || !offsets.batch ||
            isConstantIntValue(offsets.batch, 0));
  }

  // Where positions matter and the tile does not start at the first query or
  // end at the last, its default offset would be another one.
  LogicalResult tileOffset() {
    bool whole =
        isWholeDim(op.getQ(), op.getSeqDim(), offsets.query, sizes.query);
    if (op.getOffset()) {
      offset = getValueOrCreateConstantIndexOp(
          b, loc,
          whole ? OpFoldResult(op.getOffset())
                : addOffsets(b, loc, op.getOffset(), offsets.query));
      return success();
    }
    if (whole || (!op.isMasked() && op.getScore().empty())) {
      return success();
    }
    OpFoldResult keys =
        tensor::getMixedSize(b, loc, op.getK(), op.getKeySeqDim());
    if (op.getKvLens()) {
      if (!isConstantIntValue(sizes.batch, 1)) {
        return op.emitOpError("expected one batch a tile to tile the queries "
                              "with 'kv_lens' and no 'offset', since each "
                              "sequence has another offset");
      }
      Value batch = getValueOrCreateConstantIndexOp(b, loc, offsets.batch);
      Value length = tensor::ExtractOp::create(b, loc, op.getKvLens(), batch);
      keys = arith::IndexCastOp::create(b, loc, b.getIndexType(), length)
                 .getResult();
    }
    OpFoldResult queries =
        tensor::getMixedSize(b, loc, op.getQ(), op.getSeqDim());
    AffineExpr k, q, i;
    bindSymbols(b.getContext(), k, q, i);
    offset = getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, k - q + i,
                                              {keys, queries, offsets.query}));
    return success();
  }

  OpFoldResult batchStart() {
    return offsets.batch ? offsets.batch : OpFoldResult(b.getIndexAttr(0));
  }

  // The tile counts batches and heads from 0, and reads what `op` reads: by a
  // map that adds the start of the tile, or a slice that starts there.
  LogicalResult tileCaptured(ValueRange operands, ArrayAttr maps,
                             SmallVector<Value> &tiled,
                             SmallVector<AffineMap> &tiledMaps) {
    Mixed start{batchStart(), offsets.head};
    std::optional<int64_t> batch = getConstantIntValue(start[0]);
    std::optional<int64_t> head = getConstantIntValue(start[1]);
    for (auto [value, attr] : llvm::zip_equal(operands, maps)) {
      AffineMap map = cast<AffineMapAttr>(attr).getValue();
      if (batch && head) {
        AffineExpr moved[] = {b.getAffineDimExpr(0) + *batch,
                              b.getAffineDimExpr(1) + *head,
                              b.getAffineDimExpr(2), b.getAffineDimExpr(3)};
        tiled.push_back(value);
        tiledMaps.push_back(map.replaceDimsAndSymbols(moved, {}, 4, 0));
        continue;
      }
      Mixed from, count;
      for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
        FailureOr<AffineMap> shift = getShift(expr, 4, 2);
        if (failed(shift) || !isNonNegative(*shift)) {
          return op.emitOpError("expected maps of captured operands to be "
                                "increasing sums of b and h, for a tile of "
                                "batches or heads, but got ")
                 << AffineMapAttr::get(map);
        }
        from.push_back(applyShift(b, loc, *shift, start));
        AffineExpr size, first;
        bindSymbols(b.getContext(), size, first);
        count.push_back(affine::makeComposedFoldedAffineApply(
            b, loc, size - first,
            {tensor::getMixedSize(b, loc, value, dim), from.back()}));
      }
      tiled.push_back(map.getNumResults() == 0
                          ? value
                          : makeSlice(b, loc, value, from, count, slices));
      tiledMaps.push_back(map);
    }
    return success();
  }

  // Whether a step along b or h moves forward (or not at all).
  static bool isNonNegative(AffineMap shift) {
    for (unsigned d : {0u, 1u}) {
      SmallVector<int64_t> unit(2, 0);
      unit[d] = 1;
      if (shift.compose(unit).front() < 0) {
        return false;
      }
    }
    return true;
  }

  // `from`, whose arguments (b, h, i, j) start at number `first`.
  void cloneRegion(AttentionOp tiled, Region &from, Region &to,
                   unsigned first) {
    if (from.empty()) {
      return;
    }
    IRMapping mapping;
    from.cloneInto(&to, mapping);
    Block &block = to.front();
    Mixed start{batchStart(), offsets.head};
    for (unsigned d = 0; d < 2; ++d) {
      if (isConstantIntValue(start[d], 0)) {
        continue;
      }
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(tiled);
      Value base = getValueOrCreateConstantIndexOp(b, loc, start[d]);
      b.setInsertionPointToStart(&block);
      BlockArgument argument = block.getArgument(first + d);
      auto sum = arith::AddIOp::create(b, loc, argument, base);
      argument.replaceAllUsesExcept(sum, sum);
    }
  }
};

} // namespace

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(getLayout() == Layout::THD ? 2 : 4,
                                          utils::IteratorType::parallel);
}

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> ranges;
  auto add = [&](Value tensor, int64_t dim) {
    ranges.push_back({b.getIndexAttr(0),
                      tensor::getMixedSize(b, getLoc(), tensor, dim),
                      b.getIndexAttr(1)});
  };
  if (getLayout() != Layout::THD) {
    add(getQ(), getBatchDim());
  }
  add(getQ(), getHeadDim());
  if (getLayout() != Layout::THD) {
    add(getQ(), getSeqDim());
  }
  add(getV(), getSizeDim());
  return ranges;
}

static std::pair<Point, Point> toPoints(OpBuilder &b, AttentionOp op,
                                        ArrayRef<OpFoldResult> offsets,
                                        ArrayRef<OpFoldResult> sizes) {
  OpFoldResult tokens;
  if (op.getLayout() == Layout::THD) {
    tokens = tensor::getMixedSize(b, op.getLoc(), op.getQ(), op.getSeqDim());
  }
  return {toPoint(op, offsets, b.getIndexAttr(0)), toPoint(op, sizes, tokens)};
}

FailureOr<TilingResult>
AttentionOp::getTiledImplementation(OpBuilder &b,
                                    ArrayRef<OpFoldResult> offsets,
                                    ArrayRef<OpFoldResult> sizes) {
  auto [from, count] = toPoints(b, *this, offsets, sizes);
  return Tiler(b, *this, from, count).tile();
}

LogicalResult AttentionOp::getResultTilePosition(
    OpBuilder &b, unsigned resultNumber, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  auto [from, count] = toPoints(b, *this, offsets, sizes);
  bool out = resultNumber == 0;
  resultOffsets = out ? inLayout(*this, from) : inRows(*this, from);
  resultSizes = out ? inLayout(*this, count) : inRows(*this, count);
  return success();
}

FailureOr<TilingResult>
AttentionOp::generateResultTileValue(OpBuilder &b, unsigned resultNumber,
                                     ArrayRef<OpFoldResult> offsets,
                                     ArrayRef<OpFoldResult> sizes) {
  bool ragged = getLayout() == Layout::THD, out = resultNumber == 0;
  // Where each loop is in the result, in the order of the iteration space.
  SmallVector<int64_t> dims;
  if (!ragged) {
    dims.push_back(0);
  }
  dims.push_back(out ? getHeadDim() : (ragged ? 0 : 1));
  int64_t sequence = out ? getSeqDim() : (ragged ? 1 : 2);
  if (!ragged) {
    dims.push_back(sequence);
  } else if (!isWholeDim(getOuts()[resultNumber], sequence, offsets[sequence],
                         sizes[sequence])) {
    return emitOpError("expected no tile of the tokens with layout thd");
  }
  Mixed from, count;
  for (int64_t dim : dims) {
    from.push_back(offsets[dim]);
    count.push_back(sizes[dim]);
  }
  if (out) {
    from.push_back(offsets[getSizeDim()]);
    count.push_back(sizes[getSizeDim()]);
  } else {
    from.push_back(b.getIndexAttr(0));
    count.push_back(tensor::getMixedSize(b, getLoc(), getV(), getSizeDim()));
  }
  FailureOr<TilingResult> tiled = getTiledImplementation(b, from, count);
  if (failed(tiled)) {
    return failure();
  }
  return TilingResult{tiled->tiledOps,
                      {tiled->tiledValues[resultNumber]},
                      tiled->generatedSlices};
}
