//===- TilingOnlineAttention.cpp - tiling of attn.online_attention --------===//
// The iteration space is that of the indexing maps. Rows are parallel. Keys are
// a reduction: a loop over them carries the state, or, split into parts, each
// part has a state of its own and the states are merged by
//
//   max' = max_s max[s],  sum' = sum_s e^(max[s] - max') * sum[s]
//
// and the same for acc. The contraction stands inside of the softmax, and each
// tile of the value size would rescale the one max and sum once more, so
// neither can be tiled.
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <limits>

using namespace mlir;
using namespace attn;

using Mixed = SmallVector<OpFoldResult>;

namespace {
enum Operand { Q, K, V, Acc, Max, Sum };
} // namespace

static Value operandOf(OnlineAttentionOp op, unsigned operand) {
  Value values[] = {op.getQ(),   op.getK(),   op.getV(),
                    op.getAcc(), op.getMax(), op.getSum()};
  return values[operand];
}

static Mixed pick(AffineMap map, ArrayRef<OpFoldResult> loops) {
  Mixed picked;
  for (AffineExpr expr : map.getResults()) {
    picked.push_back(loops[cast<AffineDimExpr>(expr).getPosition()]);
  }
  return picked;
}

/// An operand that has dimension `loop`, and which of its own it is.
static std::pair<Value, int64_t> sourceOf(OnlineAttentionOp op, unsigned loop) {
  for (unsigned n = Q; n <= Sum; ++n) {
    auto position =
        op.getMap(n).getResultPosition(getAffineDimExpr(loop, op.getContext()));
    if (position) {
      return {operandOf(op, n), *position};
    }
  }
  return {Value(), -1};
}

SmallVector<utils::IteratorType> OnlineAttentionOp::getLoopIteratorTypes() {
  SmallVector<utils::IteratorType> types(getMap(Q).getNumDims(),
                                         utils::IteratorType::parallel);
  Dims dims = getDims();
  types[dims.keys[0]] = utils::IteratorType::reduction;
  types[dims.contraction[0]] = utils::IteratorType::reduction;
  return types;
}

SmallVector<Range> OnlineAttentionOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> ranges;
  for (unsigned d = 0; d < getMap(Q).getNumDims(); ++d) {
    auto [value, dim] = sourceOf(*this, d);
    ranges.push_back({b.getIndexAttr(0),
                      tensor::getMixedSize(b, getLoc(), value, dim),
                      b.getIndexAttr(1)});
  }
  return ranges;
}

/// The op on the tile at `offsets`; `state` is that of the tile.
static FailureOr<TilingResult> tileWithState(OpBuilder &b, OnlineAttentionOp op,
                                             ValueRange state,
                                             ArrayRef<OpFoldResult> offsets,
                                             ArrayRef<OpFoldResult> sizes,
                                             SmallVector<Operation *> slices) {
  Location loc = op.getLoc();
  OnlineAttentionOp::Dims dims = op.getDims();
  for (unsigned loop : {dims.contraction[0], dims.value[0]}) {
    auto [value, dim] = sourceOf(op, loop);
    if (!isWholeDim(value, dim, offsets[loop], sizes[loop])) {
      return op.emitOpError("expected a tile of rows and keys only, but "
                            "iterator ")
             << loop << " is the "
             << (loop == dims.value[0] ? "value size, which max and sum lack"
                                       : "contraction inside of the softmax");
    }
  }
  // The first row of the tile has another head and query.
  OpFoldResult position[] = {op.getHead(), op.getQuery()};
  Mixed rows;
  for (unsigned row : dims.rows) {
    rows.push_back(offsets[row]);
  }
  bool moves = llvm::any_of(
      rows, [](OpFoldResult row) { return !isConstantIntValue(row, 0); });
  if (moves) {
    for (auto [n, expr] : llvm::enumerate(op.getRowMap().getResults())) {
      FailureOr<AffineMap> shift = getShift(expr, rows.size(), rows.size());
      if (succeeded(shift)) {
        position[n] =
            addOffsets(b, loc, position[n], applyShift(b, loc, *shift, rows));
      } else if (op.isMasked() || !op.getScore().empty()) {
        return op.emitOpError("expected 'row_map' to be linear for a tile of "
                              "the rows under a mask or score, but got ")
               << op.getRowMapAttr();
      }
    }
  }
  OpFoldResult key = addOffsets(b, loc, op.getKey(), offsets[dims.keys[0]]);
  auto asValue = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  };
  SmallVector<Value> operands;
  for (unsigned n : {Q, K, V}) {
    AffineMap map = op.getMap(n);
    operands.push_back(makeSlice(b, loc, operandOf(op, n), pick(map, offsets),
                                 pick(map, sizes), slices));
  }
  operands.append({op.getBatch(), asValue(position[0]), asValue(position[1]),
                   asValue(key)});
  if (op.getFactor()) {
    operands.push_back(op.getFactor());
  }
  llvm::append_range(operands, op.getMaskSymbols());
  llvm::append_range(operands, op.getCaptured());
  llvm::append_range(operands, op.getMaskCaptured());
  llvm::append_range(operands, state);
  Operation *tiled = b.clone(*op.getOperation());
  tiled->setOperands(operands);
  for (auto [result, value] : llvm::zip_equal(tiled->getResults(), state)) {
    result.setType(value.getType());
  }
  return TilingResult{{tiled},
                      llvm::to_vector_of<Value>(tiled->getResults()),
                      std::move(slices)};
}

FailureOr<TilingResult>
OnlineAttentionOp::getTiledImplementation(OpBuilder &b,
                                          ArrayRef<OpFoldResult> offsets,
                                          ArrayRef<OpFoldResult> sizes) {
  if (!hasTensorSemantics()) {
    return emitOpError("expected tensors to tile");
  }
  if (!getMap(Q).isProjectedPermutation()) {
    return emitOpError("expected 'q' to tile without pairs of elements");
  }
  SmallVector<Operation *> slices;
  SmallVector<Value> state;
  for (unsigned n : {Acc, Max, Sum}) {
    AffineMap map = getMap(n);
    state.push_back(makeSlice(b, getLoc(), operandOf(*this, n),
                              pick(map, offsets), pick(map, sizes), slices));
  }
  return tileWithState(b, *this, state, offsets, sizes, slices);
}

LogicalResult OnlineAttentionOp::getResultTilePosition(
    OpBuilder &b, unsigned resultNumber, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  AffineMap map = getMap(Acc + resultNumber);
  resultOffsets = pick(map, offsets);
  resultSizes = pick(map, sizes);
  return success();
}

FailureOr<TilingResult>
OnlineAttentionOp::generateResultTileValue(OpBuilder &b, unsigned resultNumber,
                                           ArrayRef<OpFoldResult> offsets,
                                           ArrayRef<OpFoldResult> sizes) {
  Mixed from, count;
  for (Range range : getIterationDomain(b)) {
    from.push_back(range.offset);
    count.push_back(range.size);
  }
  for (auto [n, expr] :
       llvm::enumerate(getMap(Acc + resultNumber).getResults())) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    // A whole dimension of the result is the whole loop, whoever measured it.
    if (isWholeDim(operandOf(*this, Acc + resultNumber), n, offsets[n],
                   sizes[n])) {
      continue;
    }
    from[loop] = offsets[n];
    count[loop] = sizes[n];
  }
  FailureOr<TilingResult> tiled = getTiledImplementation(b, from, count);
  if (failed(tiled)) {
    return failure();
  }
  return TilingResult{tiled->tiledOps,
                      {tiled->tiledValues[resultNumber]},
                      tiled->generatedSlices};
}

//===----------------------------------------------------------------------===//
// Parts of the keys with a state each
//===----------------------------------------------------------------------===//

static LogicalResult checkSplit(OnlineAttentionOp op,
                                const SetVector<unsigned> &reductionDims) {
  unsigned keys = op.getDims().keys[0];
  if (!op.hasTensorSemantics() || reductionDims.size() != 1 ||
      !reductionDims.contains(keys)) {
    return op.emitOpError("expected tensors, and the keys (iterator ")
           << keys << ") as the reduction to split";
  }
  return success();
}

FailureOr<SmallVector<Value>>
OnlineAttentionOp::generateInitialTensorForPartialReduction(
    OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
    const SetVector<unsigned> &reductionDims) {
  if (failed(checkSplit(*this, reductionDims))) {
    return failure();
  }
  SmallVector<Value> states;
  FloatType type = getAccumulatorType();
  for (unsigned n : {Acc, Max, Sum}) {
    Mixed shape{sizes[getDims().keys[0]]};
    llvm::append_range(shape,
                       tensor::getMixedSizes(b, loc, operandOf(*this, n)));
    double identity = n == Max ? -std::numeric_limits<double>::infinity() : 0.0;
    Value value =
        arith::ConstantOp::create(b, loc, b.getFloatAttr(type, identity));
    Value empty = tensor::EmptyOp::create(b, loc, shape, type);
    states.push_back(linalg::FillOp::create(b, loc, value, empty).getResult(0));
  }
  return states;
}

/// Which part of the states a tile of the keys writes: its own where parts run
/// side by side, and the first where one loop walks all keys.
static OpFoldResult partOf(OpBuilder &b, ReductionTilingStrategy strategy,
                           ArrayRef<OpFoldResult> splitReductionIvs) {
  return strategy == ReductionTilingStrategy::PartialReductionOuterParallel
             ? splitReductionIvs[0]
             : OpFoldResult(b.getIndexAttr(0));
}

LogicalResult OnlineAttentionOp::getPartialResultTilePosition(
    OpBuilder &b, unsigned resultNumber, ReductionTilingStrategy tilingStrategy,
    ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
    const SetVector<unsigned> &reductionDims,
    ArrayRef<OpFoldResult> splitReductionIvs,
    SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  AffineMap map = getMap(Acc + resultNumber);
  resultOffsets = {partOf(b, tilingStrategy, splitReductionIvs)};
  resultSizes = {b.getIndexAttr(1)};
  llvm::append_range(resultOffsets, pick(map, offsets));
  llvm::append_range(resultSizes, pick(map, sizes));
  return success();
}

FailureOr<TilingResult> OnlineAttentionOp::tileToPartialReduction(
    OpBuilder &b, Location loc, ReductionTilingStrategy tilingStrategy,
    ValueRange init, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, const SetVector<unsigned> &reductionDims,
    ArrayRef<OpFoldResult> splitReductionIvs) {
  if (failed(checkSplit(*this, reductionDims))) {
    return failure();
  }
  SmallVector<Operation *> slices;
  SmallVector<Value> state;
  for (auto [n, value] : llvm::enumerate(init)) {
    Mixed from, count;
    if (failed(getPartialResultTilePosition(b, n, tilingStrategy, offsets,
                                            sizes, reductionDims,
                                            splitReductionIvs, from, count))) {
      return failure();
    }
    Mixed strides(from.size(), b.getIndexAttr(1));
    // The op itself does not know of parts.
    SmallVector<int64_t> shape;
    for (OpFoldResult size : ArrayRef<OpFoldResult>(count).drop_front()) {
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    }
    auto type = RankedTensorType::get(shape, getAccumulatorType());
    auto slice = tensor::ExtractSliceOp::create(b, loc, type, value, from,
                                                count, strides);
    slices.push_back(slice);
    state.push_back(slice);
  }
  return tileWithState(b, *this, state, offsets, sizes, slices);
}

FailureOr<MergeResult>
OnlineAttentionOp::mergeReductions(OpBuilder &b, Location loc,
                                   ValueRange partialReduce,
                                   const SetVector<unsigned> &reductionDims) {
  if (failed(checkSplit(*this, reductionDims))) {
    return failure();
  }
  MergeResult merged;
  FloatType type = getAccumulatorType();
  // e^(old - new), and 0 for a state without keys.
  auto factor = [&](OpBuilder &b, Location loc, Value old, Value max) {
    Value lowest = arith::ConstantOp::create(
        b, loc, b.getFloatAttr(type, -std::numeric_limits<double>::infinity()));
    Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(type, 0.0));
    Value none =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, old, lowest);
    Value e =
        math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, old, max));
    return arith::SelectOp::create(b, loc, none, zero, e).getResult();
  };
  auto generic =
      [&](ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
          unsigned reductions,
          function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
        SmallVector<utils::IteratorType> iterators(
            maps[0].getNumDims(), utils::IteratorType::parallel);
        for (unsigned d = 0; d < reductions; ++d) {
          iterators[d] = utils::IteratorType::reduction;
        }
        auto op = linalg::GenericOp::create(
            b, loc, TypeRange{init.getType()}, inputs, init, maps, iterators,
            [&](OpBuilder &b, Location loc, ValueRange args) {
              linalg::YieldOp::create(b, loc, body(b, loc, args));
            });
        return op.getResult(0);
      };

  // max over parts and the state that came in. Maps are (part, dims of acc or
  // of max) -> ...
  MLIRContext *context = b.getContext();
  int64_t rows = getMap(Max).getNumResults();
  auto all = [&](unsigned rank) {
    return AffineMap::getMultiDimIdentityMap(rank, context);
  };
  AffineMap rowParts = all(rows + 1), row = rowParts.dropResult(0);
  // The old maximum is needed for the factors, so the new one comes apart and
  // is only copied to its place in the end.
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, getMax()), type);
  Value old = linalg::CopyOp::create(b, loc, getMax(), empty).getResult(0);
  Value max = generic(
      partialReduce[1], old, {rowParts, row}, 1,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        return arith::MaximumFOp::create(b, loc, args[0], args[1]).getResult();
      });
  // sum and acc alike: rescale what came in, then add each part. The rows of
  // acc are those dimensions of it that max has.
  auto fold = [&](Value parts, Value state, AffineMap rowsOfState) -> Value {
    unsigned rank = rowsOfState.getNumDims();
    Value scaled =
        generic({getMax(), max}, state, {rowsOfState, rowsOfState, all(rank)},
                0, [&](OpBuilder &b, Location loc, ValueRange args) {
                  Value by = factor(b, loc, args[0], args[1]);
                  return arith::MulFOp::create(b, loc, args[2], by).getResult();
                });
    AffineMap whole = all(rank + 1);
    AffineMap rowsOfParts = rowsOfState.shiftDims(1);
    SmallVector<AffineExpr> exprs{getAffineDimExpr(0, context)};
    llvm::append_range(exprs, rowsOfParts.getResults());
    AffineMap partMax = AffineMap::get(rank + 1, 0, exprs, context);
    return generic(
        {parts, partialReduce[1], max}, scaled,
        {whole, partMax, rowsOfParts, whole.dropResult(0)}, 1,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value by = factor(b, loc, args[1], args[2]);
          Value part = arith::MulFOp::create(b, loc, args[0], by);
          return arith::AddFOp::create(b, loc, args[3], part).getResult();
        });
  };
  SmallVector<AffineExpr> rowsOfAcc;
  for (AffineExpr expr : getMap(Max).getResults()) {
    rowsOfAcc.push_back(
        getAffineDimExpr(*getMap(Acc).getResultPosition(expr), context));
  }
  Value acc = fold(partialReduce[0], getAcc(),
                   AffineMap::get(rows + 1, 0, rowsOfAcc, context));
  Value sum = fold(partialReduce[2], getSum(), all(rows));
  // The transform ops of upstream have one handle for the merge.
  merged.mergeOps = {acc.getDefiningOp()};
  Value kept = linalg::CopyOp::create(b, loc, max, getMax()).getResult(0);
  merged.replacements = {acc, kept, sum};
  return merged;
}
