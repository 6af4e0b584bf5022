//===- PairTiles.cpp - the pairs of tokens of a chunk ---------------------===//

#include "PairTiles.h"

using namespace mlir;

namespace attn {

void stageRows(LaneBuilder &lb, Value from, Value count, int64_t size,
               Value to) {
  lb.loop(lb.index.constant(0), count, 1, [&](Value t) {
    for (int64_t n = 0; n * lb.lanes < size; ++n) {
      lb.store(loadRowVector(lb, from, {t}, n, size), to,
               {t, lb.index.constant(n * lb.lanes)});
    }
  });
}

void transposeRows(LaneBuilder &lb, Value rows, Value count, int64_t vectors,
                   Value to) {
  Value zero = lb.index.constant(0);
  lb.loop(zero, count, lb.lanes, [&](Value s) {
    lb.loop(zero, lb.index.constant(vectors * lb.lanes), lb.lanes,
            [&](Value n) {
              SmallVector<Value> tile;
              for (int64_t l = 0; l < lb.lanes; ++l) {
                tile.push_back(lb.load(rows, {lb.index.add(s, l), n}));
              }
              tile = lb.transpose(tile);
              for (int64_t l = 0; l < lb.lanes; ++l) {
                lb.store(tile[l], to, {lb.index.add(n, l), s});
              }
            });
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
