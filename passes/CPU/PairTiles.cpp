//===- PairTiles.cpp - the pairs of tokens of a chunk ---------------------===//

#include "PairTiles.h"
#include "LowerTiles.h"

using namespace mlir;

namespace attn {

static int64_t rowSize(Value rows) {
  return cast<MemRefType>(rows.getType()).getDimSize(1);
}

Value copiedRows(LaneBuilder &lb, Operation *op, Value from, Value count,
                 int64_t tokens) {
  int64_t size = rowSize(from);
  int64_t vectors = llvm::divideCeil(size, lb.lanes);
  // A vector more a row, so that columns are not in few sets of the cache.
  Value to = scratch(lb, op, {tokens, (vectors + 1) * lb.lanes});
  lb.loop(lb.index.constant(0), count, 1, [&](Value t) {
    for (int64_t n = 0; n < vectors; ++n) {
      lb.store(loadRowVector(lb, from, {t}, n, size), to,
               {t, lb.index.constant(n * lb.lanes)});
    }
  });
  return to;
}

Value stagedRows(LaneBuilder &lb, Operation *op, Value from, Value count,
                 int64_t tokens) {
  auto type = cast<MemRefType>(from.getType());
  int64_t offset;
  SmallVector<int64_t> strides;
  bool isClose = type.getElementType() == lb.type &&
                 succeeded(type.getStridesAndOffset(strides, offset)) &&
                 strides[1] == 1 && !ShapedType::isDynamic(strides[0]) &&
                 strides[0] < 2 * rowSize(from);
  return isClose ? from : copiedRows(lb, op, from, count, tokens);
}

void transposeRows(LaneBuilder &lb, Value rows, Value count, int64_t size,
                   Value to) {
  Value last = lb.index.add(count, -1);
  lb.loop(lb.index.constant(0), count, lb.lanes, [&](Value s) {
    SmallVector<Value> at; // behind the last row: that one again
    for (int64_t l = 0; l < lb.lanes; ++l) {
      at.push_back(lb.index.min(lb.index.add(s, l), last));
    }
    for (int64_t n = 0; n * lb.lanes < size; ++n) {
      SmallVector<Value> tile;
      for (Value row : at) {
        tile.push_back(loadRowVector(lb, rows, {row}, n, size));
      }
      tile = lb.transpose(tile);
      for (int64_t l = 0; l < lb.lanes; ++l) {
        lb.store(tile[l], to, {lb.index.constant(n * lb.lanes + l), s});
      }
    }
  });
}

void eachPairTile(
    LaneBuilder &lb, Value count, int64_t tokens,
    function_ref<SmallVector<Value>(int64_t, int64_t, Value, int64_t)> sums,
    function_ref<void(Value, Value, int64_t)> use) {
  constexpr int64_t kVectors = 2;
  int64_t tokenVectors = (tokens + lb.lanes - 1) / lb.lanes;
  for (int64_t first = 0; first < tokenVectors; first += kVectors) {
    int64_t vectors = std::min(kVectors, tokenVectors - first);
    // A tile of outputs reads as many keys as its last row sees.
    int64_t from = std::max<int64_t>(first * lb.lanes - (kTileRows - 1), 0);
    Value base = lb.index.constant(from);
    Value rows = lb.index.max(lb.index.sub(count, base), lb.index.constant(0));
    lb.tiles(rows, tileRows(tokens, vectors), {},
             [&](int64_t size, Value at, ValueRange) {
               Value row = lb.index.add(base, at);
               SmallVector<Value> tile = sums(size, vectors, row, first);
               for (int64_t r = 0; r < size; ++r) {
                 for (int64_t c = 0; c < vectors; ++c) {
                   use(tile[r * vectors + c], lb.index.add(row, r), first + c);
                 }
               }
               return SmallVector<Value>();
             });
  }
}

SmallVector<Value> pairSums(LaneBuilder &lb, Value q, Value keysT, int64_t keys,
                            int64_t rows, int64_t vectors, Value row,
                            int64_t first) {
  SmallVector<Value> none(rows * vectors, lb.constant(0.0));
  return tileProducts(
      lb, rows, vectors, lb.index.constant(keys), none,
      [&](int64_t r, Value n) {
        return lb.splat(lb.loadScalar(q, {lb.index.add(row, r), n}));
      },
      [&](Value n, int64_t c) {
        return lb.load(keysT, {n, lb.index.constant((first + c) * lb.lanes)});
      });
}

} // namespace attn
