//===- ReferenceEvict.cpp - which keys a cache keeps, by definition -------===//

#include "ReferenceEvict.h"
#include "ReferenceForm.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class Builder {
public:
  explicit Builder(ImplicitLocOpBuilder &b)
      : b(b), index(b, b.getLoc()), zero(index.constant(0)) {}

  Value size(Value tensor, int64_t dim) {
    return index.value(tensor::getMixedSize(b, b.getLoc(), tensor, dim));
  }
  Value readIndex(Value tensor, ValueRange at) {
    Value entry = tensor::ExtractOp::create(b, tensor, at);
    return arith::IndexCastOp::create(b, b.getIndexType(), entry);
  }
  Value read(Value tensor, ValueRange at, Type type) {
    return ReferenceForm::convert(b, tensor::ExtractOp::create(b, tensor, at),
                                  type);
  }
  Value number(double value, Type type) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, condition, x, y);
  }
  Value asIndex(Value bit) {
    return arith::IndexCastUIOp::create(b, b.getIndexType(), bit);
  }
  Values loop(Value from, Value to, ValueRange inits,
              function_ref<Values(Value, ValueRange)> body) {
    return referenceLoop(b, from, to, inits, body);
  }

  ImplicitLocOpBuilder &b;
  IndexBuilder index;
  Value zero;
};

/// The keys of a sequence that compete, and the scores by which they do.
struct Contest {
  Builder &x;
  KVEvictOp op;
  Value batch, sinkEnd, recentStart;

  Value score(Value head, Value key) {
    Type f32 = x.b.getF32Type();
    if (!op.getScores()) {
      return x.number(0, f32);
    }
    auto half = static_cast<int64_t>(op.getPool()) / 2;
    Value none = x.number(
        op.getMaxPool() ? -std::numeric_limits<double>::infinity() : 0, f32);
    Value pooled =
        x.loop(x.index.add(key, -half), x.index.add(key, half + 1), none,
               [&](Value at, ValueRange acc) -> Values {
                 Value inside = arith::AndIOp::create(
                     x.b, x.compare(arith::CmpIPredicate::sge, at, x.zero),
                     x.compare(arith::CmpIPredicate::slt, at, recentStart));
                 // Read within the tensor, whether it counts or not.
                 Value safe = x.select(inside, at, key);
                 Value s = x.read(op.getScores(), {batch, head, safe}, f32);
                 Value next =
                     op.getMaxPool()
                         ? arith::MaximumFOp::create(x.b, acc[0], s).getResult()
                         : arith::AddFOp::create(x.b, acc[0], s);
                 return {x.select(inside, next, acc[0])};
               })[0];
    if (op.getMaxPool() || half == 0) {
      return pooled;
    }
    return arith::DivFOp::create(
        x.b, pooled, x.number(static_cast<double>(op.getPool()), f32));
  }

  // Whether key (h, j) with score s comes in front of key (head, key).
  Value before(Value h, Value j, Value s, Value head, Value key, Value own) {
    using P = arith::CmpIPredicate;
    auto both = [&](Value a, Value c) -> Value {
      return arith::AndIOp::create(x.b, a, c);
    };
    auto either = [&](Value a, Value c) -> Value {
      return arith::OrIOp::create(x.b, a, c);
    };
    Value greater =
        arith::CmpFOp::create(x.b, arith::CmpFPredicate::OGT, s, own);
    Value equal = arith::CmpFOp::create(x.b, arith::CmpFPredicate::OEQ, s, own);
    Value lower =
        either(x.compare(P::slt, h, head),
               both(x.compare(P::eq, h, head), x.compare(P::slt, j, key)));
    return either(greater, both(equal, lower));
  }

  Value rank(Value firstHead, Value endHead, Value head, Value key) {
    Value own = score(head, key);
    return x.loop(firstHead, endHead, x.zero, [&](Value h, ValueRange outer) {
      return x.loop(sinkEnd, recentStart, outer,
                    [&](Value j, ValueRange inner) {
                      Value is = before(h, j, score(h, j), head, key, own);
                      return Values{x.index.add(inner[0], x.asIndex(is))};
                    });
    })[0];
  }
};

} // namespace

Value buildReferenceScore(ImplicitLocOpBuilder &b, KVScoreOp op, FloatType type,
                          function_ref<Value(Value)> source) {
  Builder x(b);
  Value q = source(op.getQ()), k = source(op.getK()), lse = source(op.getLse());
  Value keyHeads = x.size(k, 1);
  Value group = x.index.div(x.size(q, 1), keyHeads);
  Value queries = x.size(q, 2);
  Value first =
      op.getQueries()
          ? x.index.max(
                x.index.sub(queries, x.index.constant(*op.getQueries())),
                x.zero)
          : x.zero;
  double scale = *op.getStaticScale();
  // What is there already, in `type`.
  Value init = source(op.getOut());
  Value out = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), init), type);
  return x.loop(x.zero, x.size(init, 0), out, [&](Value batch, ValueRange c0) {
    Value keys = x.size(k, 2), all = keys;
    if (op.getKvLens()) {
      keys = x.index.clamp(x.readIndex(op.getKvLens(), batch), x.zero, keys);
    }
    Value offset = x.index.sub(keys, queries);
    return x.loop(x.zero, keyHeads, c0, [&](Value head, ValueRange c1) {
      return x.loop(x.zero, all, c1, [&](Value key, ValueRange c2) -> Values {
        Values at{batch, head, key};
        Value inUse = x.compare(arith::CmpIPredicate::slt, key, keys);
        Value sum = x.loop(
            x.zero, group, x.read(init, at, type),
            [&](Value g, ValueRange outer) {
              Value h = x.index.add(x.index.mul(head, group), g);
              return x.loop(
                  first, queries, outer,
                  [&](Value i, ValueRange acc) -> Values {
                    Value product = x.loop(
                        x.zero, x.size(q, 3), x.number(0, type),
                        [&](Value d, ValueRange part) -> Values {
                          Value term = arith::MulFOp::create(
                              b, x.read(q, {batch, h, i, d}, type),
                              x.read(k, {batch, head, key, d}, type));
                          return {arith::AddFOp::create(b, part[0], term)};
                        })[0];
                    Value p = math::ExpOp::create(
                        b, arith::SubFOp::create(
                               b,
                               arith::MulFOp::create(b, product,
                                                     x.number(scale, type)),
                               x.read(lse, {batch, h, i}, type)));
                    if (op.getPower() == 2) {
                      p = arith::MulFOp::create(b, p, p);
                    }
                    Value visible = arith::AndIOp::create(
                        b, inUse,
                        x.compare(arith::CmpIPredicate::sle, key,
                                  x.index.add(i, offset)));
                    Value next = arith::AddFOp::create(b, acc[0], p);
                    return {x.select(visible, next, acc[0])};
                  });
            })[0];
        return {tensor::InsertOp::create(b, sum, c2[0], at)};
      });
    });
  })[0];
}

SmallVector<Value> buildReferenceEvict(ImplicitLocOpBuilder &b, KVEvictOp op,
                                       function_ref<Value(Value)> source) {
  Builder x(b);
  Type i32 = b.getI32Type();
  Value capacity = x.size(op.getKept(), 2), heads = x.size(op.getKept(), 1);
  Value budget = op.getBudget() ? x.index.constant(*op.getBudget()) : capacity;
  auto filled = [&](Value shape, int64_t value) -> Value {
    Value empty = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), shape), i32);
    Value with = arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
    return linalg::FillOp::create(b, with, empty).getResult(0);
  };
  auto asI32 = [&](Value value) -> Value {
    return arith::IndexCastOp::create(b, i32, value);
  };
  Value kept = filled(op.getKept(), -1), counts = filled(op.getCounts(), 0);
  return x.loop(
      x.zero, x.size(kept, 0), {kept, counts}, [&](Value batch, ValueRange c0) {
        Value length = x.index.max(x.readIndex(op.getKvLens(), batch), x.zero);
        if (op.getScores()) {
          length = x.index.min(length, x.size(op.getScores(), 2));
        }
        Value isShort = x.compare(arith::CmpIPredicate::sle, length, budget);
        Value sinkEnd =
            x.select(isShort, length, x.index.constant(op.getSinks()));
        Value recentStart =
            x.select(isShort, length,
                     x.index.sub(length, x.index.constant(op.getRecent())));
        Contest contest{x, op, batch, sinkEnd, recentStart};
        return x.loop(x.zero, heads, c0, [&](Value head, ValueRange c1) {
          Value first = op.getShared() ? x.zero : head;
          Value end = op.getShared() ? heads : x.index.add(head, 1);
          Value open = x.index.sub(
              budget, x.index.constant(op.getSinks() + op.getRecent()));
          open =
              x.index.mul(x.index.max(open, x.zero), x.index.sub(end, first));
          Values all(c1);
          all.push_back(x.zero);
          all = x.loop(x.zero, length, all, [&](Value key, ValueRange c2) {
            Value isProtected = arith::OrIOp::create(
                b, x.compare(arith::CmpIPredicate::slt, key, sinkEnd),
                x.compare(arith::CmpIPredicate::sge, key, recentStart));
            Value rank = contest.rank(first, end, head, key);
            Value keeps = arith::OrIOp::create(
                b, isProtected,
                x.compare(arith::CmpIPredicate::slt, rank, open));
            keeps = arith::AndIOp::create(
                b, keeps,
                x.compare(arith::CmpIPredicate::slt, c2[2], capacity));
            auto branch = scf::IfOp::create(b, c2[0].getType(), keeps,
                                            /*withElseRegion=*/true);
            {
              OpBuilder::InsertionGuard guard(b);
              b.setInsertionPointToStart(branch.elseBlock());
              scf::YieldOp::create(b, c2[0]);
              b.setInsertionPointToStart(branch.thenBlock());
              Value written = tensor::InsertOp::create(
                  b, asI32(key), c2[0], ValueRange{batch, head, c2[2]});
              scf::YieldOp::create(b, written);
            }
            return Values{branch.getResult(0), c2[1],
                          x.index.add(c2[2], x.asIndex(keeps))};
          });
          Value counted = tensor::InsertOp::create(b, asI32(all[2]), all[1],
                                                   ValueRange{batch, head});
          return Values{all[0], counted};
        });
      });
}

} // namespace attn
