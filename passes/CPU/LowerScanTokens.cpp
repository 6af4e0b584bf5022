//===- LowerScanTokens.cpp - recurrences token by token -------------------===//
// The sequential schedule of attn.scan_chunk, in three forms, beside that of
// LowerScanStates.cpp:
// - blocks: as many rows of the state as registers hold, for a vector or two of
//   columns, stay in registers for all tokens;
// - delta: what is written depends on the whole column, so the columns of a few
//   vectors stay in the cache, and each token goes over them twice;
// - transposed: the state as it lies in memory (V x K), a row after the other,
//   each token read and written once: decode, and prefill with its bits.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class TokenLowering {
public:
  TokenLowering(ScanChunkOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, op.getAccumulatorType()) {
    auto state = cast<MemRefType>(op.getState().getType());
    keys = state.getDimSize(op.getTransposed() ? 1 : 0);
    values = state.getDimSize(op.getTransposed() ? 0 : 1);
    tokens = static_cast<int64_t>(op.getMaxTokens());
    zero = lb.index.constant(0);
    count = lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getV(), 0));
    if (op.getDecay() && !op.getRates()) {
      decayRank = cast<MemRefType>(op.getDecay().getType()).getRank();
    }
  }

  LogicalResult run() {
    if (op.getTransposed() && (op.getBeta() || op.getNorm())) {
      return op.emitOpError("expected a state of K x V for 'beta' and a norm");
    }
    if (op.getNorm() && (op.getRates() || op.getFixed() || op.getBeta())) {
      return op.emitOpError("expected a norm without 'rates', 'beta' and "
                            "'fixed'");
    }
    if (op.getFactors() || (op.getTransposed() && op.getZoh())) {
      return op.emitOpError(
          "expected 'factors' and 'zoh' with a state of K x V");
    }
    factors();
    if (op.getTransposed()) {
      transposed();
    } else {
      if (op.getNorm()) {
        normalisers();
      }
      if (op.getBeta()) {
        delta();
      } else {
        blocks();
      }
    }
    op.erase();
    return success();
  }

private:
  ScanChunkOp op;
  OpBuilder builder;
  LaneBuilder lb;
  int64_t keys, values, tokens;
  int64_t decayRank = 0; ///< 1: of tokens, 2: of keys, 0: none or rates
  Value zero, count;
  Value kept;    ///< e^decay of tokens, or of tokens and keys
  Value inverse; ///< of the normalisers of tokens

  // Decays multiply, so their errors add up: no rounded product here.
  Value exp(Value x) { return math::ExpOp::create(lb.b, lb.loc, x); }
  Value number(double value) {
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     lb.b.getFloatAttr(lb.type, value));
  }
  Value column(int64_t n) { return lb.index.constant(n * lb.lanes); }
  int64_t filled(int64_t n, int64_t size) {
    return std::min(size - n * lb.lanes, lb.lanes);
  }
  int64_t vectorsOf(int64_t size) { return (size + lb.lanes - 1) / lb.lanes; }
  // Vector n of a row of `size` elements.
  Value loadOf(Value memref, Value row, int64_t n, int64_t size) {
    Values at{row, column(n)};
    if (!row) {
      at.erase(at.begin());
    }
    int64_t left = filled(n, size);
    return left == lb.lanes ? lb.load(memref, at)
                            : lb.loadPart(memref, at, lb.index.constant(left));
  }
  void storeOf(Value value, Value memref, Value row, int64_t n, int64_t size) {
    Values at{row, column(n)};
    if (!row) {
      at.erase(at.begin());
    }
    int64_t left = filled(n, size);
    if (left == lb.lanes) {
      lb.store(value, memref, at);
    } else {
      lb.storePart(value, memref, at, lb.index.constant(left));
    }
  }
  Value broadcast(Value memref, ValueRange at) {
    return lb.splat(lb.loadScalar(memref, at));
  }
  Value reduce(Value vector) {
    return vector::ReductionOp::create(lb.b, lb.loc, vector::CombiningKind::ADD,
                                       vector, arith::FastMathFlags::reassoc);
  }

  // Exponentials that all columns share, once.
  void factors() {
    if (decayRank == 0) {
      return;
    }
    if (decayRank == 1) {
      kept = scratch(lb, op, {tokens});
      lb.loop(zero, count, 1, [&](Value t) {
        Value x = exp(broadcast(op.getDecay(), t));
        memref::StoreOp::create(lb.b, lb.loc, lb.extract(x, 0), kept, t);
      });
      return;
    }
    kept = scratch(lb, op, {tokens, vectorsOf(keys) * lb.lanes});
    lb.loop(zero, count, 1, [&](Value t) {
      for (int64_t n = 0; n < vectorsOf(keys); ++n) {
        lb.store(exp(loadOf(op.getDecay(), t, n, keys)), kept, {t, column(n)});
      }
    });
  }

  // e^decay of row n of the state for token t; null without a decay.
  Value factor(Value t, Value n) {
    return decayRank == 1   ? broadcast(kept, t)
           : decayRank == 2 ? broadcast(kept, {t, n})
                            : Value();
  }
  // The same by rates.
  Value rated(Value t, Value step, Value rate) {
    Value x = exp(lb.mul(step, rate));
    return op.getKeep() ? lb.mul(x, broadcast(op.getKeep(), t)) : x;
  }

  // v' of token t.
  Value written(Value t, Value x) {
    return op.getWrite() ? lb.mul(x, broadcast(op.getWrite(), t)) : x;
  }

  //===--------------------------------------------------------------------===//
  // Blocks of the state in registers
  //===--------------------------------------------------------------------===//

  // What is read of the blocks of rows so far, [tokens][columns of a block].
  Value partial;

  void blocks() {
    constexpr int64_t wide = 2, most = 8; // vectors, rows in registers
    int64_t columns = vectorsOf(values);
    if (keys > most) {
      partial = scratch(lb, op, {tokens, wide * lb.lanes});
    }
    for (int64_t first = 0; first < columns; first += wide) {
      int64_t vectors = std::min(wide, columns - first);
      int64_t number = (keys + most - 1) / most, start = 0;
      for (int64_t n = 0; n < number; ++n) {
        int64_t size = (keys - start + number - n - 1) / (number - n);
        block(first, vectors, start, size, n == 0, n + 1 == number);
        start += size;
      }
    }
  }

  void block(int64_t first, int64_t vectors, int64_t start, int64_t size,
             bool isFirst, bool isLast) {
    auto row = [&](int64_t r) { return lb.index.constant(start + r); };
    Values state;
    for (int64_t r = 0; r < size; ++r) {
      for (int64_t c = 0; c < vectors; ++c) {
        state.push_back(loadOf(op.getState(), row(r), first + c, values));
      }
    }
    state = lb.loop(zero, count, 1, state, [&](Value t, ValueRange carried) {
      Values next(carried);
      for (int64_t c = 0; c < vectors; ++c) {
        Value x = written(t, loadOf(op.getV(), t, first + c, values));
        // Two sums, so that their additions do not wait for each other.
        Value sums[2] = {lb.constant(0.0), lb.constant(0.0)};
        for (int64_t r = 0; r < size; ++r) {
          Value &s = next[r * vectors + c];
          Value decay = factor(t, row(r));
          s = decay ? lb.mul(s, decay) : s;
          s = lb.fma(broadcast(op.getK(), {t, row(r)}), x, s);
          sums[r % 2] =
              lb.fma(broadcast(op.getQ(), {t, row(r)}), s, sums[r % 2]);
        }
        finish(t, first + c, c, lb.add(sums[0], sums[1]), isFirst, isLast);
      }
      return next;
    });
    for (int64_t r = 0; r < size; ++r) {
      for (int64_t c = 0; c < vectors; ++c) {
        storeOf(state[r * vectors + c], op.getState(), row(r), first + c,
                values);
      }
    }
  }

  void finish(Value t, int64_t c, int64_t slot, Value y, bool isFirst,
              bool isLast) {
    Values at{t, column(slot)};
    if (!isFirst) {
      y = lb.add(y, lb.load(partial, at));
    }
    if (!isLast) {
      lb.store(y, partial, at);
      return;
    }
    if (inverse) {
      y = lb.mul(y, broadcast(inverse, t));
    }
    storeOf(y, op.getOut(), t, c, values);
  }

  // The norm goes along, row by row of K, and gives 1 / (q . n + epsilon).
  void normalisers() {
    inverse = scratch(lb, op, {tokens});
    int64_t vectors = vectorsOf(keys);
    Values norm;
    for (int64_t n = 0; n < vectors; ++n) {
      norm.push_back(loadOf(op.getNorm(), Value(), n, keys));
    }
    norm = lb.loop(zero, count, 1, norm, [&](Value t, ValueRange carried) {
      Values next(carried);
      Value sum = lb.constant(0.0);
      for (int64_t n = 0; n < vectors; ++n) {
        Value decay = decayRank == 1   ? broadcast(kept, t)
                      : decayRank == 2 ? lb.load(kept, {t, column(n)})
                                       : Value();
        next[n] = decay ? lb.mul(next[n], decay) : next[n];
        next[n] = lb.add(next[n], loadOf(op.getK(), t, n, keys));
        sum = lb.fma(loadOf(op.getQ(), t, n, keys), next[n], sum);
      }
      Value total =
          lb.add(reduce(sum), number(op.getEpsilon().convertToDouble()));
      Value one = arith::DivFOp::create(lb.b, lb.loc, number(1.0), total);
      memref::StoreOp::create(lb.b, lb.loc, one, inverse, t);
      return next;
    });
    for (int64_t n = 0; n < vectors; ++n) {
      storeOf(norm[n], op.getNorm(), Value(), n, keys);
    }
  }

  //===--------------------------------------------------------------------===//
  // The delta rule
  //===--------------------------------------------------------------------===//

  void delta() {
    constexpr int64_t kVectors = 4;
    int64_t columns = vectorsOf(values);
    for (int64_t first = 0; first < columns; first += kVectors) {
      int64_t vectors = std::min(kVectors, columns - first);
      lb.loop(zero, count, 1, [&](Value t) { deltaToken(t, first, vectors); });
    }
  }

  void deltaToken(Value t, int64_t first, int64_t vectors) {
    Value size = lb.index.constant(keys);
    auto old = [&](Value n, int64_t c) {
      Value s = loadOf(op.getState(), n, first + c, values);
      Value decay = factor(t, n);
      return decay ? lb.mul(s, decay) : s;
    };
    Values known(vectors, lb.constant(0.0));
    known = lb.unrolled(size, 4, known, [&](Value n, ValueRange sums) {
      Values next(sums);
      Value k = broadcast(op.getK(), {t, n});
      for (int64_t c = 0; c < vectors; ++c) {
        next[c] = lb.fma(k, old(n, c), next[c]);
      }
      return next;
    });
    Value beta = broadcast(op.getBeta(), t);
    Values news;
    for (int64_t c = 0; c < vectors; ++c) {
      Value v = loadOf(op.getV(), t, first + c, values);
      news.push_back(lb.mul(beta, lb.sub(v, known[c])));
    }
    Values reads(vectors, lb.constant(0.0));
    reads = lb.unrolled(size, 4, reads, [&](Value n, ValueRange sums) {
      Values next(sums);
      Value k = broadcast(op.getK(), {t, n});
      Value q = broadcast(op.getQ(), {t, n});
      for (int64_t c = 0; c < vectors; ++c) {
        Value s = lb.fma(k, news[c], old(n, c));
        storeOf(s, op.getState(), n, first + c, values);
        next[c] = lb.fma(q, s, next[c]);
      }
      return next;
    });
    for (int64_t c = 0; c < vectors; ++c) {
      storeOf(reads[c], op.getOut(), t, first + c, values);
    }
  }

  //===--------------------------------------------------------------------===//
  // The state as it lies in memory
  //===--------------------------------------------------------------------===//

  void transposed() {
    int64_t vectors = vectorsOf(keys);
    lb.loop(zero, count, 1, [&](Value t) {
      // Of the token alone, so before the rows.
      Values k, q, decay;
      for (int64_t n = 0; n < vectors && !op.getFixed(); ++n) {
        k.push_back(loadOf(op.getK(), t, n, keys));
        q.push_back(loadOf(op.getQ(), t, n, keys));
      }
      for (int64_t n = 0; n < vectors && decayRank > 0; ++n) {
        decay.push_back(decayRank == 1 ? broadcast(kept, t)
                                       : lb.load(kept, {t, column(n)}));
      }
      Value write = op.getWrite() ? broadcast(op.getWrite(), t) : Value();
      lb.loop(zero, lb.index.constant(values), 1, [&](Value v) {
        Value x = broadcast(op.getV(), {t, v});
        x = write ? lb.mul(x, write) : x;
        Value step = op.getRates() ? broadcast(op.getDecay(), {t, v}) : Value();
        Value sum = lb.constant(0.0);
        for (int64_t n = 0; n < vectors; ++n) {
          Value s = loadOf(op.getState(), v, n, keys);
          Value factor = step
                             ? rated(t, step, loadOf(op.getRates(), v, n, keys))
                         : decayRank > 0 ? decay[n]
                                         : Value();
          s = factor ? lb.mul(s, factor) : s;
          s = lb.fma(op.getFixed() ? loadOf(op.getK(), v, n, keys) : k[n], x,
                     s);
          storeOf(s, op.getState(), v, n, keys);
          sum = lb.fma(op.getFixed() ? loadOf(op.getQ(), v, n, keys) : q[n], s,
                       sum);
        }
        Type element = cast<MemRefType>(op.getOut().getType()).getElementType();
        memref::StoreOp::create(lb.b, lb.loc, lb.convert(reduce(sum), element),
                                op.getOut(), ValueRange{t, v});
      });
    });
  }
};

} // namespace

LogicalResult lowerScanTokens(ScanChunkOp op, const TargetDescription &target) {
  return TokenLowering(op, target).run();
}

} // namespace attn
