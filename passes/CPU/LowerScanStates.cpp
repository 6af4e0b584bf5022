//===- LowerScanStates.cpp - a decay for each channel and state -----------===//
// attn.scan_chunk with `rates` or `factors`, real or complex: as many rows of
// the state as registers hold, of one vector of channels, stay there for all
// tokens of the chunk.
//===----------------------------------------------------------------------===//

#include "../Trigonometry.h"
#include "LaneNumbers.h"
#include "LowerTiles.h"
#include "RegisterTile.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class StateLowering {
public:
  StateLowering(ScanChunkOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, op.getAccumulatorType()), numbers(lb),
        parts(op.getComplex() ? 2 : 1) {
    auto state = cast<MemRefType>(op.getState().getType());
    states = state.getDimSize(0) / parts;
    values = state.getDimSize(1);
    zero = lb.index.constant(0);
    count = lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getV(), 0));
  }

  void run() {
    const int64_t most = 16 / parts; // states in registers
    int64_t blocks = (states + most - 1) / most;
    if (blocks > 1) {
      partial =
          scratch(lb, op, {static_cast<int64_t>(op.getMaxTokens()), lb.lanes});
    }
    for (int64_t c = 0; c * lb.lanes < values; ++c) {
      int64_t start = 0;
      for (int64_t n = 0; n < blocks; ++n) {
        int64_t size = (states - start + blocks - n - 1) / (blocks - n);
        block(c, start, size, n == 0, n + 1 == blocks);
        start += size;
      }
    }
    op.erase();
  }

private:
  ScanChunkOp op;
  OpBuilder builder;
  LaneBuilder lb;
  NumberBuilder numbers;
  const int64_t parts; ///< of a number
  int64_t states, values;
  Value zero, count;
  Value partial; ///< what is read of the blocks so far, [tokens][lanes]

  // Row `row` of the numbers of vector `c` of channels.
  Number load(Value from, int64_t row, int64_t c) {
    auto part = [&](int64_t n) {
      Value at = lb.index.constant(n * states + row);
      return loadRowVector(lb, from, {at}, c, values);
    };
    return {part(0), parts == 2 ? part(1) : Value()};
  }
  Value token(Value from, Value t, int64_t c) {
    return loadRowVector(lb, from, {t}, c, values);
  }
  Value broadcast(Value from, ValueRange at) {
    return lb.splat(lb.loadScalar(from, at));
  }
  // Row `row` of q or k, of the token or fixed.
  Number operand(Value from, Value t, int64_t row, int64_t c) {
    if (op.getFixed()) {
      return load(from, row, c);
    }
    auto part = [&](int64_t n) {
      return broadcast(from, {t, lb.index.constant(n * states + row)});
    };
    return {part(0), parts == 2 ? part(1) : Value()};
  }

  Value exp(Value x) { return math::ExpOp::create(lb.b, lb.loc, x); }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(lb.b, lb.loc, condition, x, y);
  }
  Value is(arith::CmpFPredicate predicate, Value x, double y) {
    return arith::CmpFOp::create(lb.b, lb.loc, predicate, x, lb.constant(y));
  }

  // In f64: an angle may be many turns.
  std::pair<Value, Value> cosSin(Value angle) {
    Type f64 = lb.b.getF64Type();
    Trigonometry trig(lb.b, lb.loc, lb.vector.clone(f64));
    auto [cos, sin] = trig.cosSin(lb.convert(angle, f64));
    return {lb.convert(cos, lb.type), lb.convert(sin, lb.type)};
  }

  // (e^x - 1) / x for u = e^x: the rounding of u cancels in (u - 1) / ln u.
  Value heldReal(Value x, Value u) {
    Value one = lb.constant(1.0);
    Value less = lb.sub(u, one);
    Value ln = math::LogOp::create(lb.b, lb.loc, u);
    Value by = select(is(arith::CmpFPredicate::OLT, x, -1.0), x, ln);
    return select(is(arith::CmpFPredicate::OEQ, less, 0.0), one,
                  numbers.div(less, by));
  }

  // e^r, and (e^r - 1) / r where there is a zero-order hold.
  std::pair<Number, Number> exponentials(Number r) {
    Value u = exp(r.re);
    Value weight = op.getZoh() ? heldReal(r.re, u) : Value();
    if (!r.im) {
      return {{u, Value()}, {weight, Value()}};
    }
    auto [cosHalf, sinHalf] = cosSin(lb.mul(r.im, lb.constant(0.5)));
    Value above = weight ? lb.mul(weight, r.re) : Value();
    return numbers.held(r, u, above, cosHalf, sinHalf);
  }

  void block(int64_t c, int64_t start, int64_t size, bool isFirst,
             bool isLast) {
    Values state;
    for (int64_t r = 0; r < size; ++r) {
      Number s = load(op.getState(), start + r, c);
      state.push_back(s.re);
      if (s.im) {
        state.push_back(s.im);
      }
    }
    state = lb.loop(zero, count, 1, state, [&](Value t, ValueRange carried) {
      Values next;
      Value x = token(op.getV(), t, c);
      if (op.getWrite()) {
        x = lb.mul(x, broadcast(op.getWrite(), t));
      }
      Value step = op.getRates() ? token(op.getDecay(), t, c) : Value();
      Value keep = op.getKeep() ? broadcast(op.getKeep(), t) : Value();
      // Two sums, so that their additions do not wait for each other.
      Value sums[2] = {lb.constant(0.0), lb.constant(0.0)};
      for (int64_t r = 0; r < size; ++r) {
        Number decay, weight;
        if (step) {
          std::tie(decay, weight) = exponentials(
              numbers.scaled(load(op.getRates(), start + r, c), step));
        } else {
          decay = load(op.getFactors(), start + r, c);
        }
        if (keep) {
          decay = numbers.scaled(decay, keep);
        }
        Number k = operand(op.getK(), t, start + r, c);
        Number q = operand(op.getQ(), t, start + r, c);
        k = op.getZoh() ? numbers.mul(k, weight) : k;
        Number s{carried[r * parts],
                 parts == 2 ? carried[r * parts + 1] : Value()};
        s = numbers.mul(decay, s);
        s.re = lb.fma(k.re, x, s.re);
        Value &sum = sums[r % 2];
        sum = lb.fma(q.re, s.re, sum);
        next.push_back(s.re);
        if (s.im) {
          s.im = lb.fma(k.im, x, s.im);
          sum = lb.fma(numbers.negated(q.im), s.im, sum);
          next.push_back(s.im);
        }
      }
      finish(t, c, lb.add(sums[0], sums[1]), isFirst, isLast);
      return next;
    });
    for (int64_t r = 0; r < size; ++r) {
      for (int64_t n = 0; n < parts; ++n) {
        Value at = lb.index.constant(n * states + start + r);
        storeRowVector(lb, state[r * parts + n], op.getState(), {at}, c,
                       values);
      }
    }
  }

  void finish(Value t, int64_t c, Value y, bool isFirst, bool isLast) {
    if (!isFirst) {
      y = lb.add(y, lb.load(partial, {t, zero}));
    }
    if (!isLast) {
      lb.store(y, partial, {t, zero});
      return;
    }
    if (parts == 2) {
      y = lb.mul(y, lb.constant(2.0));
    }
    storeRowVector(lb, y, op.getOut(), {t}, c, values);
  }
};

} // namespace

LogicalResult lowerScanStates(ScanChunkOp op, const TargetDescription &target) {
  StateLowering(op, target).run();
  return success();
}

} // namespace attn
