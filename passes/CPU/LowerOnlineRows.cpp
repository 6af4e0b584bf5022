//===- LowerOnlineRows.cpp - the attention tile, queries as rows ----------===//
// For R rows (a power of two, few of them) and a tile of keys that fits L1:
//   1. S: R x J dot products at a time along the head size, J = lanes / R keys,
//      whose vectors are folded to one vector of (row, key) lanes;
//   2. the new maximum, the factor of the old state, P = e^(S - max), its sums,
//      all on such vectors;
//   3. O: R rows x a few vectors of values at a time, summed over the keys.
// K and V are read once, in whole vectors. While one is in use the other is
// prefetched: V of this tile in 1, K of the next one in 3, in the order of
// memory and at the pace of what is read. A burst fills the buffers for misses
// and leaves memory idle after it. Pages are fetched a tile earlier, to L2: the
// hardware, which reads ahead of what lies together, does not know the next.
// With rows of bf16 in the panel, 1 takes dot products of pairs.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "NextTile.h"
#include "RowView.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

constexpr unsigned kToL1 = 3, kToL2 = 2; // localities of a prefetch

class OnlineRows {
public:
  OnlineRows(OpBuilder &builder, OnlineAttentionOp op,
             const TargetDescription &target)
      : lb(builder, op.getLoc(), target, op.getAccumulatorType()), op(op),
        rows(cast<MemRefType>(op.getMax().getType()).getDimSize(1)),
        keysPerVector(lb.lanes / rows),
        unit(cast<MemRefType>(op.getQ().getType()).getElementType() == lb.type
                 ? 1
                 : 2),
        skipZero(mayHoldHiddenKeys(op)), zero(lb.index.constant(0)),
        nextKeys(nextTile(lb, op, op.getK())),
        nextValues{op.getV(), zero, /*lookedUp=*/false} {
    if (nextKeys.lookedUp) {
      nextKeys = nextTile(lb, op, op.getK(), /*ahead=*/2);
      nextValues = nextTile(lb, op, op.getV(), /*ahead=*/1);
    }
  }

  void run();

private:
  using Values = SmallVector<Value>;

  Value size(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }
  /// The size of a row; 0 if it is not static.
  static int64_t columnsOf(Value memref) {
    int64_t columns = cast<MemRefType>(memref.getType()).getShape().back();
    return ShapedType::isDynamic(columns) ? 0 : columns;
  }
  /// Elements of each of `parts` parts of `rows` rows, in whole lines.
  static int64_t share(Value memref, int64_t rows, int64_t parts) {
    return parts == 0 ? 0
                      : static_cast<int64_t>(llvm::alignTo(
                            llvm::divideCeil(columnsOf(memref) * rows, parts),
                            LaneBuilder::lineOf(memref)));
  }
  void prefetch(const NextTile &next, Value firstRow, Value part,
                int64_t elements);
  /// Elements [column, ...) of a row of K or V: `count` of them where given.
  Value loadRow(Value memref, Value row, Value column, Value count);
  Value loadPairs(Value memref, Value row, Value column, Value count);
  Value gatherRow(Value memref, Value row, Value column, Value count,
                  VectorType type);
  Value fold(Values sums);
  Value dotProducts(ArrayRef<Value> keyRows);
  Value scoreGroup(Value group, Value keys, bool whole);
  Value acrossKeys(Value x, function_ref<Value(Value, Value)> combine);
  Value toLanes(Value memref);
  void fromLanes(Value x, Value memref);
  Value softmax(Value groups, Value max);
  void valueTile(Value keys, Value column, int64_t vectors, Value count,
                 ArrayRef<Value> factors, int64_t ahead);
  void values(Value keys, Value factor);

  LaneBuilder lb;
  OnlineAttentionOp op;
  int64_t rows, keysPerVector;
  int64_t unit;  // elements of D a lane: 2 with pairs of bf16
  bool skipZero; // some keys may be hidden from all rows
  Value zero;
  NextTile nextKeys, nextValues; // what is prefetched meanwhile
  Value scores; // groups x lanes; lane = row * keysPerVector + key
};

// Part number `part`, of `elements` elements each, of the rows from `firstRow`
// of `next` on as if they followed each other.
void OnlineRows::prefetch(const NextTile &next, Value firstRow, Value part,
                          int64_t elements) {
  int64_t columns = columnsOf(next.memref);
  if (columns == 0 || elements == 0 || isWorkspace(next.memref)) {
    return;
  }
  Value at = lb.index.mul(part, elements);
  Value row = lb.index.div(at, columns);
  Value column = lb.index.sub(at, lb.index.mul(row, columns));
  lb.prefetchPart(next.memref,
                  lb.index.add(lb.index.add(next.row, firstRow), row), column,
                  elements, next.lookedUp ? kToL2 : kToL1);
}

// Elements one by one, widened where `type` is wider.
Value OnlineRows::gatherRow(Value memref, Value row, Value column, Value count,
                            VectorType type) {
  Value last = lb.index.add(size(memref, 1), -1);
  Value x = arith::ConstantOp::create(lb.b, lb.loc, lb.b.getZeroAttr(type));
  for (int64_t l = 0; l < type.getDimSize(0); ++l) {
    Value at = lb.index.add(column, l);
    Value element = memref::LoadOp::create(
        lb.b, lb.loc, memref,
        ValueRange{row, count ? lb.index.min(at, last) : at});
    element = lb.convert(element, type.getElementType());
    if (count) {
      Value inside = arith::CmpIOp::create(
          lb.b, lb.loc, arith::CmpIPredicate::sgt, count, lb.index.constant(l));
      Value none = arith::ConstantOp::create(
          lb.b, lb.loc, lb.b.getZeroAttr(type.getElementType()));
      element = arith::SelectOp::create(lb.b, lb.loc, inside, element, none);
    }
    x = vector::InsertOp::create(lb.b, lb.loc, element, x, l);
  }
  return x;
}

Value OnlineRows::loadRow(Value memref, Value row, Value column, Value count) {
  if (!isUnitStride(memref, 1)) {
    return gatherRow(memref, row, column, count, lb.vector);
  }
  return count ? lb.loadPart(memref, {row, column}, count)
               : lb.load(memref, {row, column});
}

Value OnlineRows::loadPairs(Value memref, Value row, Value column,
                            Value count) {
  if (!isUnitStride(memref, 1)) {
    auto type = VectorType::get({lb.lanes * unit}, lb.b.getBF16Type());
    return vector::BitCastOp::create(
        lb.b, lb.loc, lb.vector, gatherRow(memref, row, column, count, type));
  }
  return count ? lb.loadPairsPart(memref, {row, column}, count)
               : lb.loadPairs(memref, {row, column});
}

// One vector whose lane l is the sum of all lanes of sums[l]. Each step adds
// the halves of two vectors side by side.
Value OnlineRows::fold(Values sums) {
  for (int64_t s = lb.lanes / 2; s > 0; s /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      low.push_back((l & s) == 0 ? l : lb.lanes + l - s);
      high.push_back((l & s) == 0 ? l + s : lb.lanes + l);
    }
    size_t half = sums.size() / 2;
    Values next;
    for (size_t i = 0; i < half; ++i) {
      Value x = sums[i], y = sums[i + half];
      next.push_back(
          lb.add(vector::ShuffleOp::create(lb.b, lb.loc, x, y, low),
                 vector::ShuffleOp::create(lb.b, lb.loc, x, y, high)));
    }
    sums = next;
  }
  return sums.front();
}

// Lane r * keysPerVector + j: row r of Q with row keyRows[j] of K.
Value OnlineRows::dotProducts(ArrayRef<Value> keyRows) {
  VectorBlocks blocks(lb, size(op.getK(), 1), /*vectors=*/true, unit);
  auto step = [&](Value column, Value count, ValueRange carried) {
    Values next(carried), k;
    for (Value row : keyRows) {
      k.push_back(unit == 1 ? loadRow(op.getK(), row, column, count)
                            : loadPairs(op.getK(), row, column, count));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value at[] = {zero, lb.index.constant(r), column};
      Value q;
      if (unit == 1) {
        q = count ? lb.loadPart(op.getQ(), at, count) : lb.load(op.getQ(), at);
      } else {
        q = count ? lb.loadPairsPart(op.getQ(), at, count)
                  : lb.loadPairs(op.getQ(), at);
      }
      for (int64_t j = 0; j < keysPerVector; ++j) {
        Value &sum = next[r * keysPerVector + j];
        sum = unit == 1 ? lb.fma(k[j], q, sum) : lb.dotPairs(k[j], q, sum);
      }
    }
    return next;
  };
  Values sums(lb.lanes, lb.constant(0.0));
  int64_t elements = lb.lanes * unit;
  int64_t line = std::max(elements, LaneBuilder::lineOf(op.getK()));
  Value lines = lb.index.mul(lb.index.div(blocks.size, line), line);
  int64_t ahead = share(op.getV(), keysPerVector, columnsOf(op.getK()) / line);
  sums =
      lb.loop(zero, lines, line, sums, [&](Value column, ValueRange carried) {
        prefetch(nextValues, keyRows.front(), lb.index.div(column, line),
                 ahead);
        Values next(carried);
        for (int64_t c = 0; c < line; c += elements) {
          next = step(lb.index.add(column, c), Value(), next);
        }
        return next;
      });
  sums = lb.loop(lines, blocks.whole, elements, sums,
                 [&](Value column, ValueRange carried) {
                   return step(column, Value(), carried);
                 });
  if (blocks.rest) {
    sums = step(blocks.whole, lb.index.sub(blocks.size, blocks.whole), sums);
  }
  return fold(sums);
}

// The scores of one group of keys, stored; keys past the end are -inf.
Value OnlineRows::scoreGroup(Value group, Value keys, bool whole) {
  Value first = lb.index.mul(group, keysPerVector);
  Value last = lb.index.add(keys, -1);
  Values keyRows;
  for (int64_t j = 0; j < keysPerVector; ++j) {
    Value row = lb.index.add(first, j);
    keyRows.push_back(whole ? row : lb.index.min(row, last));
  }
  Value sum = dotProducts(keyRows);

  // Head, query and key of the lanes.
  auto indices = VectorType::get({lb.lanes}, lb.b.getIndexType());
  auto constants = [&](function_ref<int64_t(int64_t)> of) -> Value {
    SmallVector<Attribute> values;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      values.push_back(lb.b.getIndexAttr(of(l)));
    }
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     DenseElementsAttr::get(indices, values));
  };
  auto rowConstants = [&](unsigned result) {
    return constants([&](int64_t l) {
      int64_t row[] = {0, l / keysPerVector};
      return op.getRowMap().compose(row)[result];
    });
  };
  ScorePoint point;
  point.batch = op.getBatch();
  point.head = op.getRowMap().getResult(0).isSymbolicOrConstant()
                   ? op.getHead()
                   : lb.offset(op.getHead(), rowConstants(0));
  point.query = lb.offset(op.getQuery(), rowConstants(1));
  Value key = constants([&](int64_t l) { return l % keysPerVector; });
  key = keysPerVector == 1 ? first : lb.offset(first, key);
  point.key = isa<VectorType>(key.getType()) ? lb.offset(op.getKey(), key)
                                             : lb.index.add(op.getKey(), key);
  Value x = scorePairs(lb, op, sum, point, {});
  x = hidePairs(lb, visiblePairs(lb, op, point, {}), x);
  if (!whole) {
    Value inside = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::slt,
        isa<VectorType>(key.getType()) ? key : lb.splat(key), lb.splat(keys));
    x = arith::SelectOp::create(
        lb.b, lb.loc, inside, x,
        lb.constant(-std::numeric_limits<double>::infinity()));
  }
  lb.store(x, scores, {group, zero});
  return x;
}

// Combines the lanes of the keys of each row; all of them get the result.
Value OnlineRows::acrossKeys(Value x,
                             function_ref<Value(Value, Value)> combine) {
  for (int64_t s = keysPerVector / 2; s > 0; s /= 2) {
    SmallVector<int64_t> from;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      from.push_back(l ^ s);
    }
    x = combine(x, lb.shuffle(x, from));
  }
  return x;
}

// A statistic of the rows, repeated for the keys of each row.
Value OnlineRows::toLanes(Value memref) {
  Value few =
      vector::LoadOp::create(lb.b, lb.loc, VectorType::get({rows}, lb.type),
                             memref, ValueRange{zero, zero});
  SmallVector<int64_t> from;
  for (int64_t l = 0; l < lb.lanes; ++l) {
    from.push_back(l / keysPerVector);
  }
  return vector::ShuffleOp::create(lb.b, lb.loc, few, few, from);
}

void OnlineRows::fromLanes(Value x, Value memref) {
  SmallVector<int64_t> from;
  for (int64_t r = 0; r < rows; ++r) {
    from.push_back(r * keysPerVector);
  }
  vector::StoreOp::create(lb.b, lb.loc, lb.shuffle(x, from), memref,
                          ValueRange{zero, zero});
}

// P in place of S and the statistics of the state; returns the factor of the
// old accumulator.
Value OnlineRows::softmax(Value groups, Value max) {
  constexpr int64_t kUnroll = 4;
  Value old = toLanes(op.getMax());
  max = acrossKeys(max, [&](Value a, Value b) { return lb.max(a, b); });
  max = lb.max(max, old);
  Value safe = lb.finiteMax(max);
  Value factor = lb.exp(lb.sub(old, safe));
  auto body = [&](int64_t unroll) {
    return [&, unroll](Value group, ValueRange carried) {
      Values next(carried);
      for (int64_t u = 0; u < unroll; ++u) {
        Value at = lb.index.add(group, u);
        Value e = lb.exp(lb.sub(lb.load(scores, {at, zero}), safe));
        lb.store(e, scores, {at, zero});
        next[u] = lb.add(next[u], e);
      }
      return next;
    };
  };
  Values zeros(kUnroll, lb.constant(0.0));
  Value whole = lb.index.mul(lb.index.div(groups, kUnroll), kUnroll);
  Values sums = lb.loop(zero, whole, kUnroll, zeros, body(kUnroll));
  sums = lb.loop(whole, groups, 1, sums, body(1));
  Value sum = lb.add(lb.add(sums[0], sums[1]), lb.add(sums[2], sums[3]));
  sum = acrossKeys(sum, [&](Value a, Value b) { return lb.add(a, b); });
  fromLanes(lb.fma(toLanes(op.getSum()), factor, sum), op.getSum());
  fromLanes(max, op.getMax());
  return factor;
}

// `vectors` vectors of all rows of O from `column` on; `count` elements of the
// last vector where given. With each key `ahead` elements of the next tile of K
// are prefetched.
void OnlineRows::valueTile(Value keys, Value column, int64_t vectors,
                           Value count, ArrayRef<Value> factors,
                           int64_t ahead) {
  Values columns, acc;
  for (int64_t c = 0; c < vectors; ++c) {
    columns.push_back(lb.index.add(column, c * lb.lanes));
  }
  auto at = [&](int64_t r, int64_t c) {
    return Values{zero, lb.index.constant(r), columns[c]};
  };
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < vectors; ++c) {
      Value old = count ? lb.loadPart(op.getAcc(), at(r, c), count)
                        : lb.load(op.getAcc(), at(r, c));
      acc.push_back(lb.scaled(old, factors[r]));
    }
  }
  auto step = [&](Value key, Value group, ArrayRef<Value> lanes,
                  ValueRange carried) {
    Values next(carried);
    Value part = lb.index.div(column, vectors * lb.lanes);
    prefetch(nextKeys, zero, lb.index.add(lb.index.mul(part, keys), key),
             ahead);
    Values v;
    for (int64_t c = 0; c < vectors; ++c) {
      v.push_back(loadRow(op.getV(), key, columns[c], count));
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value p = lb.splat(lb.loadScalar(scores, {group, lanes[r]}));
      for (int64_t c = 0; c < vectors; ++c) {
        Value &sum = next[r * vectors + c];
        sum = lb.weightedSum(v[c], p, sum, skipZero);
      }
    }
    return next;
  };
  Value groups = lb.index.div(keys, keysPerVector);
  acc = lb.loop(zero, groups, 1, acc, [&](Value group, ValueRange carried) {
    Values next(carried);
    Value first = lb.index.mul(group, keysPerVector);
    for (int64_t j = 0; j < keysPerVector; ++j) {
      Values lanes;
      for (int64_t r = 0; r < rows; ++r) {
        lanes.push_back(lb.index.constant(r * keysPerVector + j));
      }
      next = step(lb.index.add(first, j), group, lanes, next);
    }
    return next;
  });
  if (keysPerVector > 1) {
    Value whole = lb.index.mul(groups, keysPerVector);
    acc = lb.loop(whole, keys, 1, acc, [&](Value key, ValueRange carried) {
      Values lanes;
      for (int64_t r = 0; r < rows; ++r) {
        lanes.push_back(
            lb.index.add(lb.index.sub(key, whole), r * keysPerVector));
      }
      return step(key, groups, lanes, carried);
    });
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < vectors; ++c) {
      Value x = acc[r * vectors + c];
      count ? lb.storePart(x, op.getAcc(), at(r, c), count)
            : lb.store(x, op.getAcc(), at(r, c));
    }
  }
}

void OnlineRows::values(Value keys, Value factor) {
  Values factors;
  for (int64_t r = 0; r < rows; ++r) {
    factors.push_back(lb.splat(lb.extract(factor, r * keysPerVector)));
  }
  VectorBlocks blocks(lb, size(op.getAcc(), 2), /*vectors=*/true);
  // Accumulators, values and a weight within the registers.
  int64_t most = std::max<int64_t>(
      1, std::min<int64_t>(8, lb.target.vectorRegisters / 2 / rows));
  // The parts of one size, together, prefetch the next tile of K.
  int64_t wide = most * lb.lanes, all = columnsOf(op.getAcc());
  int64_t lead = all >= wide ? wide : lb.lanes;
  Value from = zero;
  for (int64_t vectors : {most, int64_t(1)}) {
    int64_t part = vectors * lb.lanes;
    int64_t ahead = part == lead ? share(op.getK(), 1, all / part) : 0;
    Value to = lb.index.add(
        from, lb.index.mul(lb.index.div(lb.index.sub(blocks.whole, from), part),
                           part));
    lb.loop(from, to, part, [&](Value column) {
      valueTile(keys, column, vectors, Value(), factors, ahead);
    });
    from = to;
    if (most == 1) {
      break;
    }
  }
  if (blocks.rest) {
    valueTile(keys, blocks.whole, 1, lb.index.sub(blocks.size, blocks.whole),
              factors, /*ahead=*/0);
  }
}

void OnlineRows::run() {
  int64_t bound = llvm::divideCeil(*op.getMaxKeys(), keysPerVector);
  scores = scratch(lb, op, {bound, lb.lanes});
  Value keys = size(op.getK(), 0);
  Value whole = lb.index.div(keys, keysPerVector);
  Value groups = lb.index.ceilDiv(keys, keysPerVector);
  Value none = lb.constant(-std::numeric_limits<double>::infinity());
  auto body = [&](bool all) {
    return [&, all](Value group, ValueRange carried) {
      return Values{lb.max(scoreGroup(group, keys, all), carried[0])};
    };
  };
  Values max = lb.loop(zero, whole, 1, none, body(true));
  if (keysPerVector > 1) {
    max = lb.loop(whole, groups, 1, max, body(false));
  }
  values(keys, softmax(groups, max[0]));
}

} // namespace

LogicalResult lowerOnlineRows(OnlineAttentionOp op,
                              const TargetDescription &target) {
  int64_t lanes = target.lanes(op.getAccumulatorType().getWidth());
  auto max = cast<MemRefType>(op.getMax().getType());
  int64_t rows = max.getDimSize(1);
  if (max.getDimSize(0) != 1 || !llvm::isPowerOf2_64(rows) || rows > lanes) {
    return op.emitOpError("expected one panel of a power of two of rows, at "
                          "most ")
           << lanes << " (attn-orient-tiles for the same target)";
  }
  OpBuilder builder(op);
  OnlineRows(builder, op, target).run();
  op.erase();
  return success();
}

} // namespace attn
