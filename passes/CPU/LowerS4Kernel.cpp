//===- LowerS4Kernel.cpp - impulse responses on vectors of channels -------===//
// A task is a vector of channels, whose states are stepped through the taps:
//   v_r = sum of s_r x           x' = m x - sum over r of g_r v_r
// for diagonal states (no r) as for those of low rank, where Woodbury's
// identity and a product with a matrix of R x R give m, g and s once:
//   D = (1 - h diag(a))^-1, h = delta / 2      m = D (1 + h a)   g_r = h D p_r
//   s = (1 + G)^-1 (conj(q) (1 + m))           G_rk = q_r^* g_k
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

class KernelLowering {
public:
  KernelLowering(S4KernelOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, Float64Type::get(op->getContext())),
        numbers(lb) {
    states = cast<MemRefType>(op.getA().getType()).getDimSize(1);
    rank = op.getP() ? cast<MemRefType>(op.getP().getType()).getDimSize(1) : 0;
    zero = lb.index.constant(0);
    channels = sizeOf(op.getOut(), 0);
    taps = sizeOf(op.getOut(), 1);
  }

  void run() {
    auto forall =
        scf::ForallOp::create(lb.b, lb.loc,
                              ArrayRef<OpFoldResult>{getAsOpFoldResult(
                                  lb.index.ceilDiv(channels, lb.lanes))},
                              ValueRange(), std::nullopt);
    {
      OpBuilder::InsertionGuard guard(lb.b);
      lb.b.setInsertionPointToStart(forall.getBody());
      first = lb.index.mul(forall.getInductionVar(0), lb.lanes);
      allocate();
      prepare();
      steps();
      for (Value buffer : buffers) {
        memref::DeallocOp::create(lb.b, lb.loc, buffer);
      }
    }
    op.erase();
  }

private:
  S4KernelOp op;
  OpBuilder builder;
  LaneBuilder lb;
  NumberBuilder numbers;
  int64_t states, rank;
  Value zero, channels, taps, first;
  Values buffers;
  // [states x parts][lanes]: what a step reads, and the state.
  Value moves, reads, state;
  Values gains, senses; // g and s of each r

  Value sizeOf(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }
  int64_t parts() { return op.getComplex() ? 2 : 1; }
  Value buffer() {
    Value made = memref::AllocOp::create(
        lb.b, lb.loc, MemRefType::get({states * parts(), lb.lanes}, lb.type),
        ValueRange(), lb.b.getI64IntegerAttr(64));
    buffers.push_back(made);
    return made;
  }
  void allocate() {
    moves = buffer(), reads = buffer(), state = buffer();
    for (int64_t r = 0; r < rank; ++r) {
      gains.push_back(buffer());
      senses.push_back(buffer());
    }
  }

  //===--------------------------------------------------------------------===//
  // Numbers
  //===--------------------------------------------------------------------===//

  Number load(Value from, Value n) {
    Value at = lb.index.mul(n, parts());
    return {lb.load(from, {at, zero}),
            op.getComplex() ? lb.load(from, {lb.index.add(at, 1), zero})
                            : Value()};
  }
  void store(Number x, Value to, Value n) {
    Value at = lb.index.mul(n, parts());
    lb.store(x.re, to, {at, zero});
    if (x.im) {
      lb.store(x.im, to, {lb.index.add(at, 1), zero});
    }
  }
  // Channel l of the vector; those behind the last one repeat it.
  Value channel(int64_t l) {
    return lb.index.min(lb.index.add(first, l), lb.index.add(channels, -1));
  }
  Value gather(Value from, Values rest) {
    Value result = lb.constant(0.0);
    for (int64_t l = 0; l < lb.lanes; ++l) {
      Values at{channel(l)};
      llvm::append_range(at, rest);
      result = vector::InsertOp::create(lb.b, lb.loc, lb.loadScalar(from, at),
                                        result, l);
    }
    return result;
  }
  // Of an operand of D x ... x N.
  Number operand(Value from, Values rest) {
    if (!op.getComplex()) {
      return {gather(from, rest), Value()};
    }
    rest.push_back(zero);
    Value re = gather(from, rest);
    rest.back() = lb.index.constant(1);
    return {re, gather(from, rest)};
  }
  Number operand(Value from, int64_t r, Value n) {
    return operand(from, {lb.index.constant(r), n});
  }

  //===--------------------------------------------------------------------===//
  // Parameters
  //===--------------------------------------------------------------------===//

  // e^x, and (e^x - 1) / x, which is 1 for 0.
  std::pair<Number, Number> held(Number x) {
    Value size = math::ExpOp::create(lb.b, lb.loc, x.re);
    Value above = math::ExpM1Op::create(lb.b, lb.loc, x.re);
    if (x.im) {
      Trigonometry trig(lb.b, lb.loc, lb.vector);
      auto [cos, sin] = trig.cosSin(lb.mul(x.im, lb.constant(0.5)));
      return numbers.held(x, size, above, cos, sin);
    }
    Value isZero = arith::CmpFOp::create(
        lb.b, lb.loc, arith::CmpFPredicate::OEQ, x.re, lb.constant(0.0));
    Value weight = arith::SelectOp::create(
        lb.b, lb.loc, isZero, lb.constant(1.0), numbers.div(above, x.re));
    return {{size, Value()}, {weight, Value()}};
  }

  void eachState(function_ref<void(Value)> body) {
    lb.loop(zero, lb.index.constant(states), 1, body);
  }
  // Sums over states: body(n, sums so far).
  Values sums(int64_t number, function_ref<Values(Value, ValueRange)> body) {
    return lb.loop(zero, lb.index.constant(states), 1,
                   Values(number, lb.constant(0.0)), body);
  }

  // Moves, gains and reads, and the first state.
  void prepare() {
    Value delta = gather(op.getDelta(), {});
    Value half = lb.mul(delta, lb.constant(0.5));
    eachState([&](Value n) {
      Number a = operand(op.getA(), {n});
      Number input = numbers.scaled(operand(op.getB(), {n}), delta);
      store(operand(op.getC(), {n}), reads, n);
      if (!op.getBilinear()) {
        auto [move, weight] = held(numbers.scaled(a, delta));
        store(move, moves, n);
        store(numbers.mul(weight, input), state, n);
        return;
      }
      Number step = numbers.scaled(a, half);
      Number diagonal = numbers.inverse(
          numbers.plusOne(numbers.scaled(step, lb.constant(-1.0))));
      store(numbers.mul(diagonal, numbers.plusOne(step)), moves, n);
      store(numbers.mul(diagonal, input), state, n);
      for (int64_t r = 0; r < rank; ++r) {
        Number p = operand(op.getP(), r, n);
        store(numbers.scaled(numbers.mul(diagonal, p), half), gains[r], n);
      }
    });
    if (rank > 0) {
      lowRank();
    }
  }

  // (1 + G)^-1, row by row.
  Values smallInverse() {
    Values g = sums(rank * rank, [&](Value n, ValueRange sum) {
      Values next;
      for (int64_t r = 0; r < rank; ++r) {
        Number q = numbers.conj(operand(op.getQ(), r, n));
        for (int64_t k = 0; k < rank; ++k) {
          next.push_back(
              numbers.accumulate(q, load(gains[k], n), sum[r * rank + k]));
        }
      }
      return next;
    });
    Value one = lb.constant(1.0);
    if (rank == 1) {
      return {numbers.div(one, lb.add(one, g[0]))};
    }
    Value m00 = lb.add(one, g[0]), m11 = lb.add(one, g[3]);
    Value inverse =
        numbers.div(one, lb.sub(lb.mul(m00, m11), lb.mul(g[1], g[2])));
    return {lb.mul(m11, inverse), lb.mul(numbers.negated(g[1]), inverse),
            lb.mul(numbers.negated(g[2]), inverse), lb.mul(m00, inverse)};
  }

  void lowRank() {
    Values solve = smallInverse();
    // conj(q) first: the first state takes it without moves.
    eachState([&](Value n) {
      SmallVector<Number> q;
      for (int64_t r = 0; r < rank; ++r) {
        q.push_back(numbers.conj(operand(op.getQ(), r, n)));
      }
      for (int64_t r = 0; r < rank; ++r) {
        Number row = numbers.scaled(q[0], solve[r * rank]);
        for (int64_t k = 1; k < rank; ++k) {
          row = numbers.add(row, numbers.scaled(q[k], solve[r * rank + k]));
        }
        store(row, senses[r], n);
      }
    });
    Values w = senseAll();
    eachState([&](Value n) {
      store(lessGains(load(state, n), n, w), state, n);
      Number more = numbers.plusOne(load(moves, n));
      for (int64_t r = 0; r < rank; ++r) {
        store(numbers.mul(load(senses[r], n), more), senses[r], n);
      }
    });
  }

  // s_r x of the state as it is.
  Values senseAll() {
    return sums(rank, [&](Value n, ValueRange sum) {
      Values next;
      for (int64_t r = 0; r < rank; ++r) {
        next.push_back(
            numbers.accumulate(load(senses[r], n), load(state, n), sum[r]));
      }
      return next;
    });
  }
  Number lessGains(Number x, Value n, ValueRange v) {
    for (int64_t r = 0; r < rank; ++r) {
      x = numbers.add(x,
                      numbers.scaled(load(gains[r], n), numbers.negated(v[r])));
    }
    return x;
  }

  //===--------------------------------------------------------------------===//
  // Steps
  //===--------------------------------------------------------------------===//

  // A tap is read as the state is, which then moves on, and is sensed anew.
  void steps() {
    Type element = cast<MemRefType>(op.getOut().getType()).getElementType();
    lb.loop(zero, taps, 1, senseAll(), [&](Value l, ValueRange v) {
      Values next = sums(1 + rank, [&](Value n, ValueRange sum) {
        Number x = load(state, n);
        Values result{numbers.accumulate(load(reads, n), x, sum[0])};
        x = lessGains(numbers.mul(load(moves, n), x), n, v);
        store(x, state, n);
        for (int64_t r = 0; r < rank; ++r) {
          result.push_back(
              numbers.accumulate(load(senses[r], n), x, sum[1 + r]));
        }
        return result;
      });
      for (int64_t lane = 0; lane < lb.lanes; ++lane) {
        Value tap = lb.convert(lb.extract(next[0], lane), element);
        memref::StoreOp::create(lb.b, lb.loc, tap, op.getOut(),
                                ValueRange{channel(lane), l});
      }
      return Values(ArrayRef<Value>(next).drop_front());
    });
  }
};

} // namespace

LogicalResult lowerS4Kernel(S4KernelOp op, const TargetDescription &target) {
  if (cast<MemRefType>(op.getA().getType()).isDynamicDim(1)) {
    return op.emitOpError("expected a static number of states");
  }
  KernelLowering(op, target).run();
  return success();
}

} // namespace attn
