//===- LowerOnlineLanes.cpp - the attention tile, queries as lanes --------===//
// For each panel of W query lanes and a tile of keys:
//   1. S^T: register tiles of MR keys x NV vectors over the head size, with
//      scale, score, mask and the running maximum in the epilogue;
//   2. the new maximum, the factor of the old state, P = e^(S - max), its sums;
//   3. O^T: register tiles of MR values x NV vectors over the keys; the old
//      accumulator is scaled as it is loaded.
// Elements of K and V are broadcast from their own buffers, or from a copy of
// the tile where those are of a narrower type or have their rows far apart (a
// conversion in front of every broadcast would take a port from the FMAs, and
// rows a power of two apart share few cache sets). Every sum over keys or the
// head size is vertical. The first panel prefetches the next tile of K and V to
// L2, a few rows in each register tile: they come from farther away than
// out-of-order execution can hide.
// With pairs of bf16 in the panels of Q both products are dot products of
// pairs. In 1 the pairs of a key lie side by side in K. For 3 they are made
// along the keys: P of two keys is rounded to one vector, and V is interleaved
// once a tile. Pairs start at even keys of the tile; in a partial tile,
// elements of V without weight are cleared lane by lane, since a value that no
// row sees may be NaN, and rows of padding see others than real ones.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "NextTile.h"
#include "RowView.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "attn/Passes/EmitBounds.h"
#include "attn/Target/CostModel.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

namespace {

constexpr int64_t kUnrollSums = 4;

class OnlineLanes {
public:
  OnlineLanes(OpBuilder &builder, OnlineAttentionOp op,
              const TargetDescription &target)
      : lb(builder, op.getLoc(), target, op.getAccumulatorType()), op(op),
        width(cast<MemRefType>(op.getMax().getType()).getDimSize(1)),
        vectors(width / lb.lanes), tile(registerTile(vectors, target)),
        oneHead(op.getRowMap().getResult(0) ==
                getAffineConstantExpr(0, op.getContext())),
        unit(unpairResults(op.getMap(0)) ? 2 : 1),
        skipZero(mayHoldHiddenKeys(op)), nextKeys(nextTile(lb, op, op.getK())),
        nextValues(nextTile(lb, op, op.getV())) {}

  void run();

private:
  using Values = SmallVector<Value>;

  Value size(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }
  Value lane(int64_t v) { return lb.index.constant(v * lb.lanes); }
  /// Element, or pair number `column`, of a row in all lanes.
  Value broadcast(Value memref, Value row, Value column);
  /// x * y + sum of elements, or of pairs.
  Value product(Value x, Value y, Value sum) {
    return unit == 1 ? lb.fma(x, y, sum) : lb.dotPairs(x, y, sum);
  }
  /// The same where y is a weight, and x may be NaN where that is 0.
  Value weighted(Value x, Value y, Value sum) {
    if (unit == 1) {
      return lb.weightedSum(x, y, sum, skipZero);
    }
    return lb.dotPairs(op.isMasked() ? lb.whereNonZero(x, y) : x, y, sum);
  }
  void prefetch(Value p, const NextTile &next, Value first, int64_t rows);
  Value stage(Value memref, Value keys);
  Value stagePairs(Value memref, Value keys);
  void copyRow(Value memref, Value row, const VectorBlocks &blocks, Value copy);
  Value element(Value memref, Value row, Value column) {
    return memref::LoadOp::create(lb.b, lb.loc, memref,
                                  ValueRange{row, column});
  }
  Value pairOf(ValueRange elements);
  /// Keys [first, first + count) of the tile.
  struct KeyRange {
    Value first, count;
  };
  using Reads = SmallVector<RegionReads>; // one for each vector of a panel
  KeyRange visibleKeys(Value p, Value keys);
  KeyRange wholePairs(KeyRange range);
  KeyRange markVisible(Value p, Value keys, const Reads &reads);
  Reads readCaptured(Value p);
  void panel(Value p, KeyRange keys, const Reads &reads);
  Values scoreTile(int64_t rows, Value p, KeyRange keys, Value key,
                   ValueRange maxima, const Reads &reads);
  ScorePoint pointAt(Value p, Value key, int64_t v);
  void softmax(Value keys, ValueRange maxima, ValueRange sums, Value p,
               Values &factors);
  Values exponentials(Value keys, int64_t v, Value max);
  Values exponentialPairs(Value keys, int64_t v, Value max);
  Values sumOverKeys(KeyRange keys, ArrayRef<Value> columns, ValueRange acc);
  void valueTile(int64_t rows, Value p, Value value, KeyRange keys,
                 ValueRange factors);

  LaneBuilder lb;
  OnlineAttentionOp op;
  int64_t width, vectors, tile;
  bool oneHead;  // the rows of a panel are consecutive queries
  int64_t unit;  // elements of D or keys a lane: 2 with pairs of bf16
  bool skipZero; // some keys may be hidden from all rows
  NextTile nextKeys, nextValues;
  // S^T, then P^T: keys x W. With a mask region it first holds 0 for pairs that
  // are visible, -inf for others. Of P^T with pairs, the first half of the
  // rows.
  Value scores;
  Value keyBlock, valueBlock; // the tile of K and V, or a copy of it
};

Value OnlineLanes::broadcast(Value memref, Value row, Value column) {
  // A copy with pairs has them as its elements.
  if (unit == 1 ||
      cast<MemRefType>(memref.getType()).getElementType() == lb.type) {
    return lb.splat(lb.loadScalar(memref, {row, column}));
  }
  auto pair = VectorType::get({2}, lb.b.getBF16Type());
  Value elements = vector::LoadOp::create(
      lb.b, lb.loc, pair, memref, ValueRange{row, lb.index.mul(column, unit)});
  Value bits = vector::BitCastOp::create(
      lb.b, lb.loc, VectorType::get({1}, lb.type), elements);
  return lb.splat(lb.extract(bits, 0));
}

// Vector `v` of panel `p` against `key` of the tile, which may be null.
ScorePoint OnlineLanes::pointAt(Value p, Value key, int64_t v) {
  auto [head, query] = lb.rows(op.getRowMap(), p, lane(v));
  ScorePoint point;
  point.batch = op.getBatch();
  point.head = lb.offset(op.getHead(), head);
  point.query = lb.offset(op.getQuery(), query);
  point.key = key ? lb.index.add(op.getKey(), key) : Value();
  if (oneHead) {
    point.firstQuery = lb.index.add(
        op.getQuery(), lb.index.add(lb.index.mul(p, width), lane(v)));
  }
  return point;
}

// What regions read and no key changes, once a panel.
OnlineLanes::Reads OnlineLanes::readCaptured(Value p) {
  Reads reads;
  for (int64_t v = 0; v < vectors; ++v) {
    reads.push_back(readRegions(lb, op, pointAt(p, Value(), v)));
  }
  return reads;
}

// Evaluates the mask of panel `p` against all keys of the tile into `scores`,
// and returns the range of keys that some row sees.
OnlineLanes::KeyRange OnlineLanes::markVisible(Value p, Value keys,
                                               const Reads &reads) {
  Value zero = lb.index.constant(0);
  Values range =
      lb.loop(zero, keys, 1, {keys, zero}, [&](Value key, ValueRange carried) {
        Value any;
        for (int64_t v = 0; v < vectors; ++v) {
          Value visible = visiblePairs(lb, op, pointAt(p, key, v), reads[v]);
          lb.store(hidePairs(lb, visible, lb.constant(0.0)), scores,
                   {key, lane(v)});
          any =
              any ? arith::OrIOp::create(lb.b, lb.loc, any, visible).getResult()
                  : visible;
        }
        any = vector::ReductionOp::create(lb.b, lb.loc,
                                          vector::CombiningKind::OR, any);
        auto ifAny = [&](Value then, Value otherwise) -> Value {
          return arith::SelectOp::create(lb.b, lb.loc, any, then, otherwise);
        };
        return Values{ifAny(lb.index.min(carried[0], key), carried[0]),
                      ifAny(lb.index.add(key, 1), carried[1])};
      });
  return {range[0], lb.index.sub(range[1], range[0])};
}

// `rows` keys of `range` from `key` on against panel `p`; returns the running
// maxima.
SmallVector<Value> OnlineLanes::scoreTile(int64_t rows, Value p, KeyRange range,
                                          Value key, ValueRange maxima,
                                          const Reads &reads) {
  prefetch(p, nextKeys, key, rows);
  Values keys;
  for (int64_t m = 0; m < rows; ++m) {
    keys.push_back(lb.index.add(range.first, lb.index.add(key, m)));
  }
  Values zeros(rows * vectors, lb.constant(0.0));
  Values sums = lb.unrolled(
      size(op.getQ(), 1), kUnrollSums, zeros, [&](Value d, ValueRange acc) {
        Values next(acc);
        Values q;
        for (int64_t v = 0; v < vectors; ++v) {
          Value at[] = {p, d, lb.index.mul(lane(v), unit)};
          q.push_back(unit == 1 ? lb.load(op.getQ(), at)
                                : lb.loadPairs(op.getQ(), at));
        }
        for (int64_t m = 0; m < rows; ++m) {
          Value x = broadcast(keyBlock, keys[m], d);
          for (int64_t v = 0; v < vectors; ++v) {
            Value &sum = next[m * vectors + v];
            sum = product(x, q[v], sum);
          }
        }
        return next;
      });
  Values next(maxima);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t v = 0; v < vectors; ++v) {
      ScorePoint point = pointAt(p, keys[m], v);
      Value x = scorePairs(lb, op, sums[m * vectors + v], point, reads[v]);
      if (op.getMaskRegion().empty()) {
        x = hidePairs(lb, visiblePairs(lb, op, point, reads[v]), x);
      } else {
        // Scores are stored at or before the marks that were read last.
        Value mark = lb.load(scores, {keys[m], lane(v)});
        x = lb.selectZero(mark, x, mark);
      }
      lb.store(x, scores, {lb.index.add(key, m), lane(v)});
      next[v] = lb.max(x, next[v]);
    }
  }
  return next;
}

// P in place of S for vector `v` of the panel; four partial sums of it.
SmallVector<Value> OnlineLanes::exponentials(Value keys, int64_t v, Value max) {
  constexpr int64_t kUnroll = 4; // sums in flight: the latency of an addition
  auto body = [&](int64_t unroll) {
    return [&, unroll](Value key, ValueRange acc) {
      Values next(acc);
      for (int64_t u = 0; u < unroll; ++u) {
        Value at = lb.index.add(key, u);
        Value s = lb.load(scores, {at, lane(v)});
        Value e = lb.exp(lb.sub(s, max));
        lb.store(e, scores, {at, lane(v)});
        next[u] = lb.add(next[u], e);
      }
      return next;
    };
  };
  Values sums(kUnroll, lb.constant(0.0));
  Value whole = lb.index.mul(lb.index.div(keys, kUnroll), kUnroll);
  sums = lb.loop(lb.index.constant(0), whole, kUnroll, sums, body(kUnroll));
  if (getConstantIntValue(keys).value_or(1) % kUnroll != 0) {
    sums = lb.loop(whole, keys, 1, sums, body(1));
  }
  return sums;
}

// The same with the pairs of keys 2i and 2i + 1 in row i. The sums are those of
// the weights before they are rounded.
SmallVector<Value> OnlineLanes::exponentialPairs(Value keys, int64_t v,
                                                 Value max) {
  constexpr int64_t kUnroll = 2;
  auto weight = [&](Value key, Value &sum) {
    Value e = lb.exp(lb.sub(lb.load(scores, {key, lane(v)}), max));
    sum = lb.add(sum, e);
    return e;
  };
  auto body = [&](int64_t unroll) {
    return [&, unroll](Value pair, ValueRange acc) {
      Values next(acc);
      for (int64_t u = 0; u < unroll; ++u) {
        Value at = lb.index.add(pair, u);
        Value key = lb.index.mul(at, 2);
        Value low = weight(key, next[2 * u]);
        Value high = weight(lb.index.add(key, 1), next[2 * u + 1]);
        lb.store(lb.roundPairs(low, high), scores, {at, lane(v)});
      }
      return next;
    };
  };
  Values sums(2 * kUnroll, lb.constant(0.0));
  Value pairs = lb.index.div(keys, 2);
  Value whole = lb.index.mul(lb.index.div(pairs, kUnroll), kUnroll);
  sums = lb.loop(lb.index.constant(0), whole, kUnroll, sums, body(kUnroll));
  int64_t rest = getConstantIntValue(keys).value_or(1) % (2 * kUnroll);
  if (rest == 0) {
    return sums;
  }
  sums = lb.loop(whole, pairs, 1, sums, body(1));
  if (rest % 2 != 0) { // one more key, which may be known at run time only
    sums = lb.loop(pairs, lb.index.ceilDiv(keys, 2), 1, sums,
                   [&](Value pair, ValueRange acc) {
                     Values next(acc);
                     Value low = weight(lb.index.mul(pair, 2), next[0]);
                     lb.store(lb.roundPairs(low, lb.constant(0.0)), scores,
                              {pair, lane(v)});
                     return next;
                   });
  }
  return sums;
}

// P, the sums and maxima of the state; `factors` receives what the old
// accumulator is scaled by.
void OnlineLanes::softmax(Value keys, ValueRange maxima, ValueRange olds,
                          Value p, Values &factors) {
  for (int64_t v = 0; v < vectors; ++v) {
    Value safe = lb.finiteMax(maxima[v]);
    Value factor = lb.exp(lb.sub(olds[v], safe));
    factors.push_back(factor);
    Values sums = unit == 1 ? exponentials(keys, v, safe)
                            : exponentialPairs(keys, v, safe);
    Value sum = lb.add(lb.add(sums[0], sums[1]), lb.add(sums[2], sums[3]));
    Value old = lb.load(op.getSum(), {p, lane(v)});
    lb.store(lb.fma(old, factor, sum), op.getSum(), {p, lane(v)});
    lb.store(maxima[v], op.getMax(), {p, lane(v)});
  }
}

// `acc` of `columns` of V and the vectors of the panel, plus P times V.
SmallVector<Value> OnlineLanes::sumOverKeys(KeyRange range,
                                            ArrayRef<Value> columns,
                                            ValueRange acc) {
  Value first = lb.index.div(range.first, unit);
  return lb.unrolled(lb.index.ceilDiv(range.count, unit), kUnrollSums, acc,
                     [&](Value key, ValueRange carried) {
                       Value row = lb.index.add(first, key);
                       Values next(carried);
                       Values weights;
                       for (int64_t v = 0; v < vectors; ++v) {
                         weights.push_back(lb.load(scores, {key, lane(v)}));
                       }
                       for (auto [m, column] : llvm::enumerate(columns)) {
                         Value x = broadcast(valueBlock, row, column);
                         for (int64_t v = 0; v < vectors; ++v) {
                           Value &sum = next[m * vectors + v];
                           sum = weighted(x, weights[v], sum);
                         }
                       }
                       return next;
                     });
}

// Rows [value, value + rows) of O^T.
void OnlineLanes::valueTile(int64_t rows, Value p, Value value, KeyRange range,
                            ValueRange factors) {
  // Over all register tiles each row of V is met once.
  int64_t perValue = llvm::divideCeil(
      *op.getMaxKeys(), cast<MemRefType>(op.getAcc().getType()).getDimSize(1));
  prefetch(p, nextValues, lb.index.mul(value, perValue), rows * perValue);
  Values columns, acc;
  for (int64_t m = 0; m < rows; ++m) {
    columns.push_back(lb.index.add(value, m));
    for (int64_t v = 0; v < vectors; ++v) {
      acc.push_back(lb.scaled(lb.load(op.getAcc(), {p, columns[m], lane(v)}),
                              factors[v]));
    }
  }
  Values sums = sumOverKeys(range, columns, acc);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t v = 0; v < vectors; ++v) {
      lb.store(sums[m * vectors + v], op.getAcc(), {p, columns[m], lane(v)});
    }
  }
}

// Rows [first, first + rows) of the tile that follows this one.
void OnlineLanes::prefetch(Value p, const NextTile &next, Value first,
                           int64_t rows) {
  if (isWorkspace(next.memref)) {
    return;
  }
  Value isFirst = arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::eq,
                                        p, lb.index.constant(0));
  auto guard = scf::IfOp::create(lb.b, lb.loc, isFirst);
  OpBuilder::InsertionGuard insertion(lb.b);
  lb.b.setInsertionPoint(guard.thenYield());
  Value row = lb.index.add(next.row, first);
  for (int64_t r = 0; r < rows; ++r) {
    lb.prefetchRow(next.memref, lb.index.add(row, r), /*locality=*/2);
  }
}

// `memref` (keys x size) itself, or a copy of it in the accumulation type, or
// in pairs.
Value OnlineLanes::stage(Value memref, Value keys) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  bool dense = succeeded(type.getStridesAndOffset(strides, offset)) &&
               strides[1] == 1 && strides[0] == type.getDimSize(1);
  bool worthACopy = vectors > 1; // of a matching type: enough rows use it
  bool fits =
      unit == 1 ? type.getElementType() == lb.type : isUnitStride(memref, 1);
  if (type.isDynamicDim(1) || (fits && (dense || !worthACopy))) {
    return memref;
  }
  int64_t bound = *op.getMaxKeys();
  Value copy = scratch(lb, op, {bound, type.getDimSize(1) / unit});
  VectorBlocks blocks(lb, lb.index.constant(type.getDimSize(1)),
                      isUnitStride(memref, 1), unit);
  lb.loop(lb.index.constant(0), keys, 1,
          [&](Value row) { copyRow(memref, row, blocks, copy); });
  return copy;
}

void OnlineLanes::copyRow(Value memref, Value row, const VectorBlocks &blocks,
                          Value copy) {
  lb.loop(lb.index.constant(0), blocks.whole, lb.lanes * unit,
          [&](Value column) {
            Value x = unit == 1 ? lb.load(memref, {row, column})
                                : lb.loadPairs(memref, {row, column});
            lb.store(x, copy, {row, lb.index.div(column, unit)});
          });
  if (!blocks.rest) {
    return;
  }
  lb.loop(blocks.whole, blocks.size, unit, [&](Value column) {
    Value x;
    if (unit == 1) {
      x = lb.loadScalar(memref, {row, column});
    } else {
      Value next = lb.index.add(column, 1);
      x = pairOf({element(memref, row, column), element(memref, row, next)});
    }
    memref::StoreOp::create(lb.b, lb.loc, x, copy,
                            ValueRange{row, lb.index.div(column, unit)});
  });
}

// The bits of two elements in one.
Value OnlineLanes::pairOf(ValueRange elements) {
  Value pair = vector::FromElementsOp::create(
      lb.b, lb.loc, VectorType::get({2}, lb.b.getBF16Type()), elements);
  return lb.extract(vector::BitCastOp::create(
                        lb.b, lb.loc, VectorType::get({1}, lb.type), pair),
                    0);
}

// Pairs of rows 2i and 2i + 1 of `memref` (keys x size), row i of the copy; an
// odd last row has 0 beside it.
Value OnlineLanes::stagePairs(Value memref, Value keys) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t columns = type.getDimSize(1);
  int64_t bound = *op.getMaxKeys();
  Value copy = scratch(lb, op, {(bound + 1) / 2, columns});
  VectorBlocks blocks(lb, lb.index.constant(columns), isUnitStride(memref, 1),
                      unit);
  Value zero = lb.index.constant(0), pairs = lb.index.div(keys, 2);
  Value none = arith::ConstantOp::create(
      lb.b, lb.loc, lb.b.getZeroAttr(type.getElementType()));
  auto copyPair = [&](Value pair, bool whole) {
    Value low = lb.index.mul(pair, 2), high = lb.index.add(low, 1);
    lb.loop(zero, blocks.whole, lb.lanes * unit, [&](Value column) {
      auto [first, second] = lb.zipPairs(
          lb.loadPairs(memref, {low, column}),
          whole ? lb.loadPairs(memref, {high, column}) : lb.constant(0.0));
      lb.store(first, copy, {pair, column});
      lb.store(second, copy, {pair, lb.index.add(column, lb.lanes)});
    });
    if (blocks.rest) {
      lb.loop(blocks.whole, blocks.size, 1, [&](Value column) {
        Value elements[] = {element(memref, low, column),
                            whole ? element(memref, high, column) : none};
        memref::StoreOp::create(lb.b, lb.loc, pairOf(elements), copy,
                                ValueRange{pair, column});
      });
    }
  };
  lb.loop(zero, pairs, 1, [&](Value pair) { copyPair(pair, true); });
  if (getConstantIntValue(keys).value_or(1) % 2 != 0) {
    lb.loop(pairs, lb.index.ceilDiv(keys, 2), 1,
            [&](Value pair) { copyPair(pair, false); });
  }
  return copy;
}

// `range` from an even key of the tile on, where pairs start.
OnlineLanes::KeyRange OnlineLanes::wholePairs(KeyRange range) {
  if (unit == 1) {
    return range;
  }
  Value first = lb.index.mul(lb.index.div(range.first, unit), unit);
  return {first, lb.index.add(range.count, lb.index.sub(range.first, first))};
}

// The keys of the tile that some row of panel `p` can see. The rows of the
// other panels are why the tile has more of them.
OnlineLanes::KeyRange OnlineLanes::visibleKeys(Value p, Value keys) {
  KeyRange range{lb.index.constant(0), keys};
  if (!oneHead || !op.getMaskAttr()) {
    return range;
  }
  TileSegments hull = analyzeHull(op.getMaskAttr().getMaskSet(), TileWalk::Keys,
                                  /*oneHead=*/true);
  Value from = lb.index.add(op.getQuery(), lb.index.mul(p, width));
  Value to = lb.index.add(from, width - 1);
  Value end = lb.index.add(op.getKey(), keys);
  SmallVector<Value> values =
      emitSteps(lb.index, lb.b, lb.loc, hull,
                {op.getBatch(), op.getHead(), op.getHead(), from, to,
                 op.getKey(), end, op.getMaskSymbols()});
  TileSegment seen = hull.segments.front();
  range.first = lb.index.sub(values[seen.lower], op.getKey());
  range.count = lb.index.sub(values[seen.upper], values[seen.lower]);
  return range;
}

void OnlineLanes::panel(Value p, KeyRange keys, const Reads &reads) {
  Values olds;
  for (int64_t v = 0; v < vectors; ++v) {
    olds.push_back(lb.load(op.getMax(), {p, lane(v)}));
  }
  Values maxima = lb.tiles(
      keys.count, tile, olds, [&](int64_t rows, Value key, ValueRange carried) {
        return scoreTile(rows, p, keys, key, carried, reads);
      });
  Values factors;
  softmax(keys.count, maxima, olds, p, factors);
  lb.tiles(size(op.getAcc(), 1), tile, {},
           [&](int64_t rows, Value value, ValueRange) {
             valueTile(rows, p, value, keys, factors);
             return Values();
           });
}

void OnlineLanes::run() {
  int64_t bound = *op.getMaxKeys();
  scores = scratch(lb, op, {bound, width});
  Value panels = size(op.getMax(), 0);
  Value keys = size(op.getK(), 0);
  Value zero = lb.index.constant(0);
  keyBlock = stage(op.getK(), keys);
  valueBlock = unit == 1 ? stage(op.getV(), keys) : stagePairs(op.getV(), keys);
  if (op.isMasked()) {
    lb.loop(zero, panels, 1, [&](Value p) {
      Reads reads = readCaptured(p);
      KeyRange range = op.getMaskRegion().empty() ? visibleKeys(p, keys)
                                                  : markVisible(p, keys, reads);
      Value any = arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sgt,
                                        range.count, zero);
      range = wholePairs(range);
      auto guard = scf::IfOp::create(lb.b, lb.loc, any);
      OpBuilder::InsertionGuard insertion(lb.b);
      lb.b.setInsertionPoint(guard.thenYield());
      panel(p, range, reads);
    });
    return;
  }
  auto all = [&](Value count) {
    lb.loop(zero, panels, 1,
            [&](Value p) { panel(p, KeyRange{zero, count}, readCaptured(p)); });
  };
  if (getConstantIntValue(keys) || vectors == 1) {
    all(keys);
    return;
  }
  // In a full segment nearly every tile has `bound` keys: code for that number
  // stands beside the general one (few rows are not worth the code).
  Value whole = arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::eq,
                                      keys, lb.index.constant(bound));
  auto choice = scf::IfOp::create(lb.b, lb.loc, whole, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(lb.b);
  lb.b.setInsertionPoint(choice.thenYield());
  all(lb.index.constant(bound));
  lb.b.setInsertionPoint(choice.elseYield());
  all(keys);
}

} // namespace

LogicalResult lowerOnlineLanes(OnlineAttentionOp op,
                               const TargetDescription &target) {
  int64_t lanes = target.lanes(op.getAccumulatorType().getWidth());
  auto max = cast<MemRefType>(op.getMax().getType());
  if (max.getDimSize(1) % lanes != 0) {
    return op.emitOpError("expected panels of a multiple of ")
           << lanes << " lanes (attn-orient-tiles for the same target)";
  }
  OpBuilder builder(op);
  OnlineLanes(builder, op, target).run();
  op.erase();
  return success();
}

} // namespace attn
