//===- LowerMergeStates.cpp - merge parts of attention on vectors ---------===//
// Row by row: the largest lse, the total weight, then the weighted sum of the
// parts in their order, several vectors of a row at a time.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace attn {

// Nested loops over the leading `count` dimensions of `memref`.
static void eachRow(LaneBuilder &lb, Value memref, int64_t count,
                    SmallVector<Value> &row,
                    function_ref<void(ArrayRef<Value>)> body) {
  if (static_cast<int64_t>(row.size()) == count) {
    body(row);
    return;
  }
  Value size =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, row.size()));
  lb.loop(lb.index.constant(0), size, 1, [&](Value iv) {
    row.push_back(iv);
    eachRow(lb, memref, count, row, body);
    row.pop_back();
  });
}

LogicalResult lowerMergeStates(MergeStatesOp op,
                               const TargetDescription &target) {
  OpBuilder builder(op);
  auto lseType = cast<MemRefType>(op.getPartLse().getType());
  auto outType = cast<MemRefType>(op.getOut().getType());
  LaneBuilder lb(builder, op.getLoc(), target,
                 cast<FloatType>(lseType.getElementType()));
  double infinity = std::numeric_limits<double>::infinity();
  Value zero = lb.index.constant(0);
  Value parts =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getPartLse(), 0));
  Value size = lb.index.value(
      memref::getMixedSize(lb.b, lb.loc, op.getOut(), outType.getRank() - 1));
  bool vectors = isUnitStride(op.getOut(), outType.getRank() - 1) &&
                 isUnitStride(op.getParts(), outType.getRank());

  SmallVector<Value> row;
  eachRow(lb, op.getOut(), outType.getRank() - 1, row, [&](ArrayRef<Value> r) {
    auto at = [&](Value part) {
      SmallVector<Value> indices{part};
      llvm::append_range(indices, r);
      return indices;
    };
    auto partLse = [&](Value part) {
      return lb.splat(lb.loadScalar(op.getPartLse(), at(part)));
    };
    Value sink = lb.constant(-infinity);
    if (op.getSink()) {
      sink = lb.splat(lb.loadScalar(op.getSink(), op.getHead()));
    }
    Value max = lb.loop(zero, parts, 1, sink, [&](Value s, ValueRange carried) {
      return SmallVector<Value>{lb.max(partLse(s), carried[0])};
    })[0];
    Value safe = lb.finiteMax(max);
    auto weight = [&](Value lse) { return lb.exp(lb.sub(lse, safe)); };
    Value total =
        lb.loop(zero, parts, 1, weight(sink), [&](Value s, ValueRange sum) {
          return SmallVector<Value>{lb.add(sum[0], weight(partLse(s)))};
        })[0];
    Value inverse = lb.selectZero(
        total, lb.constant(0.0),
        arith::DivFOp::create(lb.b, lb.loc, lb.constant(1.0), total));

    // The sum of `count` vectors (or, with `scalar`, elements) from `e` on. A
    // part of weight 0 adds nothing, whatever it holds.
    auto sum = [&](Value e, int64_t count, bool scalar) {
      SmallVector<Value> columns, zeros(count, lb.constant(0.0));
      for (int64_t c = 0; c < count; ++c) {
        columns.push_back(lb.index.add(e, c * lb.lanes));
      }
      SmallVector<Value> sums =
          lb.loop(zero, parts, 1, zeros, [&](Value s, ValueRange carried) {
            Value w = weight(partLse(s));
            SmallVector<Value> next;
            for (int64_t c = 0; c < count; ++c) {
              SmallVector<Value> indices = at(s);
              indices.push_back(columns[c]);
              Value x = scalar ? lb.splat(lb.loadScalar(op.getParts(), indices))
                               : lb.load(op.getParts(), indices);
              x = lb.selectZero(w, lb.constant(0.0), x);
              next.push_back(lb.fma(w, x, carried[c]));
            }
            return next;
          });
      for (int64_t c = 0; c < count; ++c) {
        SmallVector<Value> indices(r);
        indices.push_back(columns[c]);
        Value x = lb.mul(sums[c], inverse);
        if (!scalar) {
          lb.store(x, op.getOut(), indices);
          continue;
        }
        x = lb.extract(x, 0);
        memref::StoreOp::create(lb.b, lb.loc,
                                lb.convert(x, outType.getElementType()),
                                op.getOut(), indices);
      }
    };
    Value from = zero;
    for (int64_t count : {8, 1}) { // vectors at a time
      if (!vectors) {
        break;
      }
      Value to =
          lb.index.mul(lb.index.div(size, count * lb.lanes), count * lb.lanes);
      lb.loop(from, to, count * lb.lanes,
              [&](Value e) { sum(e, count, /*scalar=*/false); });
      from = to;
    }
    lb.loop(from, size, 1, [&](Value e) { sum(e, 1, /*scalar=*/true); });
    if (op.getLse()) {
      Value lse =
          lb.selectZero(total, lb.constant(-infinity),
                        lb.add(max, math::LogOp::create(lb.b, lb.loc, total)));
      memref::StoreOp::create(lb.b, lb.loc,
                              vector::ExtractOp::create(lb.b, lb.loc, lse, 0),
                              op.getLse(), r);
    }
  });
  op.erase();
  return success();
}

} // namespace attn
