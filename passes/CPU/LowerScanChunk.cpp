//===- LowerScanChunk.cpp - recurrences as products of matrices -----------===//
// The chunked schedule of attn.scan_chunk. With c_t the sum of the log decays
// up to token t of the chunk,
//   M[t,s] = (q_t . k_s) e^(c_t - c_s) write_s              s <= t
//   y_t    = e^(c_t) q_t S + sum over s of M[t,s] v_s
//   S'     = e^(c_T) S + sum over s of (e^(c_T - c_s) write_s k_s) v_s^T
// Differences of sums are exponents of at most 0, so nothing overflows. A decay
// of -inf starts a new segment; tokens of different segments do not meet.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "PairTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class ChunkLowering {
public:
  ChunkLowering(ScanChunkOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, op.getAccumulatorType()) {
    auto state = cast<MemRefType>(op.getState().getType());
    keys = state.getDimSize(0);
    values = state.getDimSize(1);
    tokens = static_cast<int64_t>(op.getMaxTokens());
    columns = (values + lb.lanes - 1) / lb.lanes;
    keyVectors = llvm::divideCeil(keys, lb.lanes);
    tokenVectors = llvm::divideCeil(tokens, lb.lanes);
    zero = lb.index.constant(0);
    count = lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getV(), 0));
  }

  void run() {
    allocate();
    sumDecays();
    q = stagedRows(lb, op, op.getQ(), count, tokens);
    k = stagedRows(lb, op, op.getK(), count, tokens);
    v = stagedRows(lb, op, op.getV(), count, tokens);
    pairProducts();
    if (op.getNorm()) {
      normalisers();
    }
    outputs();
    weighValues();
    updateState();
    if (op.getNorm()) {
      updateNorm();
    }
    op.erase();
  }

private:
  ScanChunkOp op;
  OpBuilder builder;
  LaneBuilder lb;
  int64_t keys, values, tokens;                 // K, V, the most tokens
  int64_t columns, keyVectors, tokenVectors;    // vectors of V, K and tokens
  Value zero, count;                            // T
  Value q, k, v, keysT, pairs;                  // staged
  Value sums, segments, enter, weights, writes; // of tokens
  Value total, leave, lastSegment, inverse;     // of the chunk; of tokens

  void allocate() {
    int64_t rows = tokenVectors * lb.lanes;
    if (!op.getPairs()) {
      keysT = scratch(lb, op, {keyVectors * lb.lanes, rows});
    }
    pairs = scratch(lb, op, {tokens, rows + lb.lanes});
    for (Value *vector :
         {&sums, &segments, &enter, &weights, &writes, &inverse}) {
      *vector = scratch(lb, op, {rows});
    }
  }

  // Decays multiply, so their errors add up: no rounded product here.
  // Less than 2^-100 (2^-996 in f64) is nothing beside a token's own part, and
  // below 2^-126 each product would cost a hundred cycles.
  Value exp(Value x) {
    double least = lb.type.isF64() ? -690.0 : -69.0;
    Value counts = compare(arith::CmpFPredicate::UGT, x, lb.constant(least));
    Value bounded = select(counts, x, lb.constant(least));
    return select(counts, math::ExpOp::create(lb.b, lb.loc, bounded),
                  lb.constant(0.0));
  }
  Value number(double value) {
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     lb.b.getFloatAttr(lb.type, value));
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(lb.b, lb.loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(lb.b, lb.loc, condition, x, y);
  }
  Value scalarExp(Value x) { return lb.extract(exp(lb.splat(x)), 0); }
  void storeScalar(Value value, Value memref, ValueRange at) {
    memref::StoreOp::create(lb.b, lb.loc, value, memref, at);
  }
  Value broadcast(Value memref, ValueRange at) {
    return lb.splat(lb.loadScalar(memref, at));
  }

  // c_t, and the number of the segment of t.
  void sumDecays() {
    if (op.getWrite()) {
      lb.loop(zero, count, 1, [&](Value t) {
        storeScalar(lb.loadScalar(op.getWrite(), t), writes, t);
      });
    }
    if (!op.getDecay()) {
      return;
    }
    double infinity = std::numeric_limits<double>::infinity();
    Values last = lb.loop(
        zero, count, 1, {number(0.0), number(0.0)},
        [&](Value t, ValueRange carried) {
          Value decay = lb.loadScalar(op.getDecay(), t);
          Value clears =
              compare(arith::CmpFPredicate::OEQ, decay, number(-infinity));
          Value sum = select(clears, carried[0], lb.add(carried[0], decay));
          Value segment =
              select(clears, lb.add(carried[1], number(1.0)), carried[1]);
          storeScalar(sum, sums, t);
          storeScalar(segment, segments, t);
          return Values{sum, segment};
        });
    total = last[0];
    lastSegment = last[1];
    Value isFirst =
        compare(arith::CmpFPredicate::OEQ, lastSegment, number(0.0));
    leave = select(isFirst, scalarExp(total), number(0.0));
    Value none = lb.constant(0.0), one = lb.splat(total),
          end = lb.splat(lastSegment);
    lb.loop(zero, count, lb.lanes, [&](Value t) {
      Value sum = lb.load(sums, t), segment = lb.load(segments, t);
      Value inFirst = compare(arith::CmpFPredicate::OEQ, segment, none);
      lb.store(select(inFirst, exp(sum), none), enter, t);
      Value inLast = compare(arith::CmpFPredicate::OEQ, segment, end);
      lb.store(select(inLast, exp(lb.sub(one, sum)), none), weights, t);
    });
  }

  Values products(int64_t rows, int64_t vectors, Value depth, ValueRange inits,
                  function_ref<Value(int64_t, Value)> left,
                  function_ref<Value(Value, int64_t)> right) {
    return tileProducts(lb, rows, vectors, depth, inits, left, right);
  }
  Values noSums(int64_t number) { return Values(number, lb.constant(0.0)); }

  // M, in pairs of vectors of keys, from the first row that reads them.
  void pairProducts() {
    SmallVector<Attribute> lanes;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      lanes.push_back(lb.b.getI32IntegerAttr(l));
    }
    auto ints = VectorType::get({lb.lanes}, lb.b.getI32Type());
    Value numbers = arith::ConstantOp::create(
        lb.b, lb.loc, DenseElementsAttr::get(ints, lanes));
    if (!op.getPairs()) {
      transposeRows(lb, op.getK(), count, keys, keysT);
    }
    auto sums = [&](int64_t rows, int64_t vectors, Value row, int64_t first) {
      if (!op.getPairs()) {
        return pairSums(lb, q, keysT, keys, rows, vectors, row, first);
      }
      int64_t size = cast<MemRefType>(op.getPairs().getType()).getDimSize(1);
      Values shared;
      for (int64_t n = 0; n < rows * vectors; ++n) {
        shared.push_back(loadRowVector(lb, op.getPairs(),
                                       {lb.index.add(row, n / vectors)},
                                       first + n % vectors, size));
      }
      return shared;
    };
    eachPairTile(lb, count, tokens, sums, [&](Value x, Value t, int64_t n) {
      // Lanes up to this one are seen.
      Value last = lb.splat(arith::IndexCastOp::create(
          lb.b, lb.loc, lb.b.getI32Type(), lb.index.sub(t, column(n))));
      Value seen = arith::CmpIOp::create(
          lb.b, lb.loc, arith::CmpIPredicate::sle, numbers, last);
      lb.store(weighPairs(x, t, column(n), seen), pairs, {t, column(n)});
    });
  }

  Value weighPairs(Value x, Value t, Value s, Value seen) {
    if (op.getDecay()) {
      Value decay = lb.sub(broadcast(sums, t), lb.load(sums, s));
      x = lb.mul(x, exp(decay));
      Value same = compare(arith::CmpFPredicate::OEQ, broadcast(segments, t),
                           lb.load(segments, s));
      seen = arith::AndIOp::create(lb.b, lb.loc, seen, same);
    }
    if (op.getWrite()) {
      x = lb.mul(x, lb.load(writes, s));
    }
    return select(seen, x, lb.constant(0.0));
  }

  Value loadNorm(int64_t n) {
    return loadRowVector(lb, op.getNorm(), {}, n, keys);
  }

  // 1 / (q . n + epsilon) of each token, a vector of tokens at a time.
  void normalisers() {
    Values norm;
    for (int64_t n = 0; n < keyVectors; ++n) {
      norm.push_back(loadNorm(n));
    }
    Value last = lb.index.add(count, -1);
    Value epsilon = lb.constant(op.getEpsilon().convertToDouble());
    lb.loop(zero, count, lb.lanes, [&](Value first) {
      Values tokens, sums;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        Value t = lb.index.min(lb.index.add(first, l), last);
        Value sum = lb.constant(0.0);
        for (int64_t n = 0; n < keyVectors; ++n) {
          sum = lb.fma(loadRowVector(lb, q, {t}, n, keys), norm[n], sum);
        }
        tokens.push_back(t);
        sums.push_back(op.getDecay() ? lb.mul(sum, broadcast(enter, t)) : sum);
      }
      sums = lb.loop(zero, lb.index.add(first, 1), lb.lanes, sums,
                     [&](Value s, ValueRange carried) {
                       Values next;
                       for (auto [t, sum] : llvm::zip(tokens, carried)) {
                         next.push_back(lb.add(sum, lb.load(pairs, {t, s})));
                       }
                       return next;
                     });
      Value total = epsilon;
      for (Value sum : lb.transpose(sums)) {
        total = lb.add(total, sum);
      }
      lb.store(arith::DivFOp::create(lb.b, lb.loc, lb.constant(1.0), total),
               inverse, first);
    });
  }

  // Blocks of the vectors of V: four, each element of Q or K serves as many
  // products; L1 holds 128 rows of those columns of the state.
  void eachBlock(function_ref<void(int64_t first, int64_t vectors)> body) {
    constexpr int64_t kVectors = 4;
    for (int64_t first = 0; first < columns; first += kVectors) {
      body(first, std::min(kVectors, columns - first));
    }
  }
  Value column(int64_t c) { return lb.index.constant(c * lb.lanes); }
  int64_t filled(int64_t c) {
    return std::min(values - c * lb.lanes, lb.lanes);
  }
  Value loadColumn(Value memref, Value row, int64_t c) {
    return filled(c) == lb.lanes ? lb.load(memref, {row, column(c)})
                                 : lb.loadPart(memref, {row, column(c)},
                                               lb.index.constant(filled(c)));
  }
  void storeColumn(Value value, Value memref, Value row, int64_t c) {
    if (filled(c) == lb.lanes) {
      lb.store(value, memref, {row, column(c)});
    } else {
      lb.storePart(value, memref, {row, column(c)},
                   lb.index.constant(filled(c)));
    }
  }

  // Rows of q S. The rows of the output, which may be pages apart, come to the
  // cache meanwhile: one after the other, as loads wait behind many.
  Values readState(Value row, int64_t rows, int64_t first, int64_t vectors) {
    int64_t width = std::min(values - first * lb.lanes, vectors * lb.lanes);
    Values sums = noSums(rows * vectors);
    const int64_t parts = std::min<int64_t>(rows, 4);
    for (int64_t part = 0; part < parts; ++part) {
      for (int64_t r = part * rows / parts; r < (part + 1) * rows / parts;
           ++r) {
        lb.prefetchPart(op.getOut(), lb.index.add(row, r), column(first), width,
                        3, /*isWrite=*/true);
      }
      int64_t from = part * keys / parts, to = (part + 1) * keys / parts;
      sums = products(
          rows, vectors, lb.index.constant(to - from), sums,
          [&](int64_t r, Value n) {
            return broadcast(q, {lb.index.add(row, r), lb.index.add(n, from)});
          },
          [&](Value n, int64_t c) {
            return loadColumn(op.getState(), lb.index.add(n, from), first + c);
          });
    }
    return sums;
  }

  void outputs() {
    eachBlock([&](int64_t first, int64_t vectors) {
      lb.tiles(count, tileRows(tokens, vectors), {},
               [&](int64_t size, Value row, ValueRange) {
                 auto at = [&](int64_t r) { return lb.index.add(row, r); };
                 Values sums = readState(row, size, first, vectors);
                 for (int64_t r = 0; op.getDecay() && r < size; ++r) {
                   Value factor = broadcast(enter, at(r));
                   for (int64_t c = 0; c < vectors; ++c) {
                     sums[r * vectors + c] =
                         lb.mul(sums[r * vectors + c], factor);
                   }
                 }
                 sums = products(
                     size, vectors, lb.index.add(row, size), sums,
                     [&](int64_t r, Value s) {
                       return broadcast(pairs, {at(r), s});
                     },
                     [&](Value s, int64_t c) {
                       return loadColumn(v, s, first + c);
                     });
                 for (int64_t r = 0; r < size; ++r) {
                   Value factor =
                       op.getNorm() ? broadcast(inverse, at(r)) : Value();
                   for (int64_t c = 0; c < vectors; ++c) {
                     Value y = sums[r * vectors + c];
                     storeColumn(factor ? lb.mul(y, factor) : y, op.getOut(),
                                 at(r), first + c);
                   }
                 }
                 return Values();
               });
    });
  }

  bool isWeighed() { return op.getDecay() || op.getWrite(); }

  // Values times e^(c_T - c_s) and the weight of the write: fewer than keys,
  // and of one head.
  void weighValues() {
    if (!isWeighed()) {
      return;
    }
    if (!op.getDecay()) {
      weights = writes;
    } else if (op.getWrite()) {
      lb.loop(zero, count, lb.lanes, [&](Value s) {
        lb.store(lb.mul(lb.load(weights, s), lb.load(writes, s)), weights, s);
      });
    }
    Value weighed = scratch(lb, op, {tokens, (columns + 1) * lb.lanes});
    lb.loop(zero, count, 1, [&](Value s) {
      Value factor = broadcast(weights, s);
      for (int64_t c = 0; c < columns; ++c) {
        lb.store(lb.mul(loadColumn(v, s, c), factor), weighed, {s, column(c)});
      }
    });
    v = weighed;
  }

  Value decayed(Value x) {
    return op.getDecay() ? lb.mul(x, lb.splat(leave)) : x;
  }

  // Values of the next chunk, a few rows under each tile of rows of the state:
  // the processor does not foresee rows that are pages apart.
  void prefetchNext(Value row, int64_t rows) {
    Value from = lb.index.div(lb.index.mul(row, tokens), keys);
    int64_t number = (rows * tokens + keys - 1) / keys;
    for (int64_t t = 0; t < number; ++t) {
      lb.prefetchRow(op.getV(), lb.index.add(lb.index.add(from, t), count), 2);
    }
  }

  void updateState() {
    eachBlock([&](int64_t first, int64_t vectors) {
      lb.tiles(lb.index.constant(keys),
               std::min(kTileAccumulators / vectors, kTileRows), {},
               [&](int64_t size, Value row, ValueRange) {
                 if (first == 0) {
                   prefetchNext(row, size);
                 }
                 Values sums;
                 for (int64_t r = 0; r < size; ++r) {
                   for (int64_t c = 0; c < vectors; ++c) {
                     sums.push_back(decayed(loadColumn(
                         op.getState(), lb.index.add(row, r), first + c)));
                   }
                 }
                 sums = products(
                     size, vectors, count, sums,
                     [&](int64_t r, Value s) {
                       return broadcast(k, {s, lb.index.add(row, r)});
                     },
                     [&](Value s, int64_t c) {
                       return loadColumn(v, s, first + c);
                     });
                 for (int64_t r = 0; r < size; ++r) {
                   for (int64_t c = 0; c < vectors; ++c) {
                     storeColumn(sums[r * vectors + c], op.getState(),
                                 lb.index.add(row, r), first + c);
                   }
                 }
                 return Values();
               });
    });
  }

  void updateNorm() {
    for (int64_t n = 0; n < keyVectors; ++n) {
      Value norm =
          lb.loop(zero, count, 1, decayed(loadNorm(n)),
                  [&](Value s, ValueRange carried) -> Values {
                    Value x = loadRowVector(lb, k, {s}, n, keys);
                    if (!isWeighed()) {
                      return {lb.add(carried[0], x)};
                    }
                    return {lb.fma(x, broadcast(weights, s), carried[0])};
                  })[0];
      storeRowVector(lb, norm, op.getNorm(), {}, n, keys);
    }
  }
};

} // namespace

LogicalResult lowerScanChunk(ScanChunkOp op, const TargetDescription &target) {
  auto state = cast<MemRefType>(op.getState().getType());
  if (!state.hasStaticShape() || !isUnitStride(op.getState(), 1) ||
      !isUnitStride(op.getOut(), 1)) {
    return op.emitOpError("expected a state of static sizes, and rows of state "
                          "and output whose elements lie side by side");
  }
  if (op.getSchedule() == ScanSchedule::Sequential) {
    bool ofStates = op.getRates() || op.getFactors();
    return ofStates && !op.getTransposed() ? lowerScanStates(op, target)
                                           : lowerScanTokens(op, target);
  }
  ChunkLowering(op, target).run();
  return success();
}

} // namespace attn
