//===- PairBoxReads.cpp - what captured tensors hold in a box -------------===//

#include "PairBox.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <functional>
#include <limits>

using namespace mlir;

namespace attn {

using Values = SmallVector<Value>;

static Type elementOf(Value tensor) {
  return cast<ShapedType>(tensor.getType()).getElementType();
}

SmallVector<Range> BoxEvaluator::indicesOf(Value tensor, AffineMap map,
                                           const PairBox &box) {
  SmallVector<Range> indices;
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    Range range = image(expr, box);
    Value last =
        index.add(index.value(tensor::getMixedSize(b, loc, tensor, dim)), -1);
    Value zero = index.constant(0);
    auto inside = [&](Value at) {
      return index.max(index.min(at, last), zero);
    };
    if (!range.lo) { // coefficients so large that sums may wrap
      range = span(zero, index.max(last, zero));
    } else {
      bool same = range.lo == range.hi;
      range.lo = inside(range.lo);
      range.hi = same ? range.lo : inside(range.hi);
    }
    indices.push_back(range);
  }
  return indices;
}

// What least and largest elements say of their type.
Range BoxEvaluator::ofElement(Type type, Value lo, Value hi, Value ones,
                              Value maybe) {
  if (type.isInteger(1)) {
    Value zero = index.constant(0);
    return condition(no(equal(hi, zero)), equal(lo, zero));
  }
  Range range;
  range.lo = lo;
  range.hi = hi;
  range.ones = ones;
  range.maybe = maybe;
  range.bits = type.isIntOrIndex() && !type.isIndex()
                   ? type.getIntOrFloatBitWidth()
                   : 64;
  return range;
}

namespace {

/// (least, largest, and, or) of what has been read; two of floats.
struct Summary {
  static Values start(OpBuilder &b, Location loc, Type type) {
    Values values;
    if (isa<FloatType>(type)) {
      double infinity = std::numeric_limits<double>::infinity();
      for (double value : {infinity, -infinity}) {
        values.push_back(
            arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value)));
      }
      return values;
    }
    for (int64_t value :
         {std::numeric_limits<int64_t>::max(),
          std::numeric_limits<int64_t>::min(), int64_t(-1), int64_t(0)}) {
      values.push_back(arith::ConstantIndexOp::create(b, loc, value));
    }
    return values;
  }

  static Values include(OpBuilder &b, Location loc, ValueRange old, Value lo,
                        Value hi) {
    if (isa<FloatType>(lo.getType())) {
      return {arith::MinimumFOp::create(b, loc, old[0], lo),
              arith::MaximumFOp::create(b, loc, old[1], hi)};
    }
    Values values{arith::MinSIOp::create(b, loc, old[0], lo),
                  arith::MaxSIOp::create(b, loc, old[1], hi)};
    if (old.size() == 4) {
      values.push_back(arith::AndIOp::create(b, loc, old[2], lo));
      values.push_back(arith::OrIOp::create(b, loc, old[3], lo));
    }
    return values;
  }
};

} // namespace

// Loops over all of `indices`; `body` gets a point and the carried values.
static Values
forEach(OpBuilder &b, Location loc, ArrayRef<Range> indices, Values carried,
        function_ref<Values(ValueRange point, ValueRange carried)> body) {
  Values point;
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  std::function<Values(ValueRange)> nest = [&](ValueRange inits) -> Values {
    if (point.size() == indices.size()) {
      return body(point, inits);
    }
    const Range &range = indices[point.size()];
    if (range.lo == range.hi) {
      point.push_back(range.lo);
      Values results = nest(inits);
      point.pop_back();
      return results;
    }
    Value end = arith::AddIOp::create(b, loc, range.hi, one);
    auto loop = scf::ForOp::create(b, loc, range.lo, end, one, inits);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    point.push_back(loop.getInductionVar());
    Values next = nest(loop.getRegionIterArgs());
    scf::YieldOp::create(b, loc, next);
    point.pop_back();
    return Values(loop.getResults());
  };
  return nest(carried);
}

Range BoxEvaluator::readAll(Value tensor, ArrayRef<Range> indices) {
  Type type = elementOf(tensor);
  Values result =
      forEach(b, loc, indices, Summary::start(b, loc, type),
              [&](ValueRange point, ValueRange carried) {
                Value element =
                    tensor::ExtractOp::create(b, loc, tensor, point);
                Value value = isa<FloatType>(type) ? element : toIndex(element);
                return Summary::include(b, loc, carried, value, value);
              });
  bool isInt = result.size() == 4;
  return ofElement(type, result[0], result[1], isInt ? result[2] : Value(),
                   isInt ? result[3] : Value());
}

Range BoxEvaluator::readEnds(Value tensor, ArrayRef<Range> indices) {
  Type type = elementOf(tensor);
  auto read = [&](Value Range::*end) {
    Values point;
    for (const Range &range : indices) {
      point.push_back(range.*end);
    }
    Value element = tensor::ExtractOp::create(b, loc, tensor, point);
    return isa<FloatType>(type) ? element : toIndex(element);
  };
  Value lo = read(&Range::lo);
  return ofElement(type, lo, read(&Range::hi), Value(), Value());
}

Range BoxEvaluator::readTable(Value table, ArrayRef<Range> indices,
                              unsigned dim, int64_t block) {
  Type type = elementOf(table);
  SmallVector<Range> blocks(indices);
  blocks[dim] = divide(blocks[dim], constant(block), /*floor=*/true);
  Values start = Summary::start(b, loc, type);
  start.resize(2);
  Values result =
      forEach(b, loc, blocks, start, [&](ValueRange point, ValueRange carried) {
        auto read = [&](int64_t which) -> Value {
          Values at(point);
          at.push_back(index.constant(which));
          Value end = tensor::ExtractOp::create(b, loc, table, at);
          return isa<FloatType>(type) ? end : toIndex(end);
        };
        Value lo = read(0), hi = read(1);
        return Summary::include(b, loc, carried, lo, hi);
      });
  return ofElement(type, result[0], result[1], Value(), Value());
}

Value BoxEvaluator::summarize(Value tensor, unsigned dim, int64_t block) {
  Type type = elementOf(tensor);
  bool isFloat = isa<FloatType>(type);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  Value length = index.value(sizes[dim]);
  sizes[dim] = getAsOpFoldResult(index.ceilDiv(length, block));
  SmallVector<OpFoldResult> shape(sizes);
  shape.push_back(b.getIndexAttr(2));
  Value empty = tensor::EmptyOp::create(b, loc, shape, type);
  auto loop = scf::ForallOp::create(b, loc, sizes, empty, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Range> indices;
  for (Value iv : loop.getInductionVars()) {
    indices.push_back(point(iv));
  }
  Value first = index.mul(indices[dim].lo, block);
  indices[dim] =
      span(first, index.add(index.min(index.add(first, block), length), -1));
  Values ends =
      forEach(b, loc, indices, Summary::start(b, loc, type),
              [&](ValueRange point, ValueRange carried) {
                Value element =
                    tensor::ExtractOp::create(b, loc, tensor, point);
                Value value = isFloat ? element : toIndex(element);
                return Summary::include(b, loc, carried, value, value);
              });
  SmallVector<OpFoldResult> offsets =
      getAsOpFoldResult(loop.getInductionVars());
  offsets.push_back(b.getIndexAttr(0));
  SmallVector<OpFoldResult> counts(offsets.size(), b.getIndexAttr(1));
  counts.back() = b.getIndexAttr(2);
  SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
  auto rowType = RankedTensorType::get({2}, type);
  Value row = tensor::ExtractSliceOp::create(
      b, loc, rowType, loop.getRegionIterArgs()[0], offsets, counts, strides);
  for (int64_t n : {0, 1}) {
    Value end = isFloat || type.isIndex()
                    ? ends[n]
                    : arith::IndexCastOp::create(b, loc, type, ends[n]);
    row = tensor::InsertOp::create(b, loc, end, row, index.constant(n));
  }
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(
      b, loc, row, loop.getRegionIterArgs()[0], offsets, counts, strides);
  return loop.getResult(0);
}

} // namespace attn
