//===- EvictToPoints.cpp - scores of keys and what is kept, by points -----===//
// A thread has a key, and compares its score with those of all that compete;
// then a place among the kept ones, and counts keys up to it.
//===----------------------------------------------------------------------===//

#include "EvictToPoints.h"
#include "PointBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;
using P = arith::CmpIPredicate;

class EvictBuilder : public PointBuilder {
public:
  using PointBuilder::PointBuilder;

  Value number(double value, Type type) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }
  Value compare(P predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y);
  }
  template <typename OpTy> Value op(Value x, Value y) {
    return OpTy::create(b, x, y);
  }
  Value asI32(Value x) {
    return arith::IndexCastOp::create(b, b.getI32Type(), x);
  }
  Value asIndex(Value bit) {
    return arith::IndexCastUIOp::create(b, b.getIndexType(), bit);
  }
  /// The element of `tensor` from before the op, which may be a constant.
  Value before(Value tensor, ValueRange at) {
    auto fill = tensor.getDefiningOp<linalg::FillOp>();
    return fill ? fill.getInputs()[0] : read(tensor, at);
  }
  /// A loop that carries scalars.
  Values scalarLoop(Value from, Value to, ValueRange inits,
                    function_ref<Values(Value, ValueRange)> body) {
    auto loop = scf::ForOp::create(b, from, to, index.constant(1), inits);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
    scf::YieldOp::create(b, next);
    return llvm::to_vector_of<Value>(loop.getResults());
  }
  Value emptyLike(Value tensor, Type element) {
    return tensor::EmptyOp::create(b, sizesOf(tensor), element);
  }
};

class EvictRewriter {
public:
  explicit EvictRewriter(KVEvictOp op)
      : op(op), p(op), index(p.index), zero(index.constant(0)),
        capacity(p.sizeOf(op.getKept(), 2)),
        budget(op.getBudget() ? index.constant(*op.getBudget()) : capacity) {}

  void run() {
    Value flags;
    if (op.getScores()) {
      Value scores = pooled();
      flags = p.forEachElement(
          p.emptyLike(op.getScores(), p.b.getI8Type()), [&](ValueRange at) {
            Value keeps = isKept(scores, at);
            return arith::ExtUIOp::create(p.b, p.b.getI8Type(), keeps);
          });
    }
    Value kept = p.forEachElement(op.getKept(), [&](ValueRange at) {
      return p.asI32(flags ? place(flags, at) : streamed(at));
    });
    Value counts = p.forEachElement(op.getCounts(), [&](ValueRange at) {
      return p.asI32(
          index.min(flags ? count(flags, at) : streamedCount(at[0]), capacity));
    });
    p.rewriter.replaceOp(op, {kept, counts});
  }

private:
  KVEvictOp op;
  EvictBuilder p;
  IndexBuilder &index;
  Value zero, capacity, budget;

  Value length(Value batch) {
    Value keys = index.max(p.readIndex(op.getKvLens(), batch), zero);
    return op.getScores() ? index.min(keys, p.sizeOf(op.getScores(), 2)) : keys;
  }
  Value isShort(Value length) { return p.compare(P::sle, length, budget); }
  Value recentStart(Value length) {
    return p.select(isShort(length), length,
                    index.sub(length, index.constant(static_cast<int64_t>(
                                          op.getRecent()))));
  }
  // What the budget leaves to keys that compete, of a head.
  Value open() {
    auto taken = static_cast<int64_t>(op.getSinks() + op.getRecent());
    return index.max(index.add(budget, -taken), zero);
  }

  // The score of each key with those around it.
  Value pooled() {
    auto half = static_cast<int64_t>(op.getPool()) / 2;
    if (half == 0) {
      return op.getScores();
    }
    Type f32 = p.b.getF32Type();
    return p.forEachElement(
        p.emptyLike(op.getScores(), f32), [&](ValueRange at) -> Value {
          Value end = recentStart(length(at[0]));
          Value none = p.number(
              op.getMaxPool() ? -std::numeric_limits<double>::infinity() : 0,
              f32);
          Value first = index.max(index.add(at[2], -half), zero);
          Value last = index.min(index.add(at[2], half + 1), end);
          Value sum = p.scalarLoop(
              first, last, none, [&](Value key, ValueRange acc) -> Values {
                Value s = p.read(op.getScores(), {at[0], at[1], key});
                return {op.getMaxPool() ? p.op<arith::MaximumFOp>(acc[0], s)
                                        : p.op<arith::AddFOp>(acc[0], s)};
              })[0];
          return op.getMaxPool()
                     ? sum
                     : p.op<arith::DivFOp>(
                           sum,
                           p.number(static_cast<double>(op.getPool()), f32));
        });
  }

  Value isKept(Value scores, ValueRange at) {
    Value batch = at[0], head = at[1], key = at[2];
    Value keys = length(batch), end = recentStart(keys);
    Value sinkEnd =
        p.select(isShort(keys), keys,
                 index.constant(static_cast<int64_t>(op.getSinks())));
    Value own = p.read(scores, at);
    Value one = index.add(head, 1);
    Value firstHead = op.getShared() ? zero : head;
    Value endHead = op.getShared() ? p.sizeOf(op.getScores(), 1) : one;
    Value rank =
        p.scalarLoop(firstHead, endHead, zero, [&](Value h, ValueRange outer) {
          return p.scalarLoop(
              sinkEnd, end, outer, [&](Value j, ValueRange inner) -> Values {
                Value s = p.read(scores, {batch, h, j});
                Value greater = arith::CmpFOp::create(
                    p.b, arith::CmpFPredicate::OGT, s, own);
                Value equal = arith::CmpFOp::create(
                    p.b, arith::CmpFPredicate::OEQ, s, own);
                Value lower = p.compare(P::slt, j, key);
                if (op.getShared()) {
                  lower = p.op<arith::OrIOp>(
                      p.compare(P::slt, h, head),
                      p.op<arith::AndIOp>(p.compare(P::eq, h, head), lower));
                }
                Value is = p.op<arith::OrIOp>(
                    greater, p.op<arith::AndIOp>(equal, lower));
                return {index.add(inner[0], p.asIndex(is))};
              });
        })[0];
    Value places = index.mul(open(), index.sub(endHead, firstHead));
    Value keeps =
        p.op<arith::OrIOp>(p.op<arith::OrIOp>(p.compare(P::slt, key, sinkEnd),
                                              p.compare(P::sge, key, end)),
                           p.compare(P::slt, rank, places));
    return p.op<arith::AndIOp>(keeps, p.compare(P::slt, key, keys));
  }

  Value flag(Value flags, Value batch, Value head, Value key) {
    Value bits = p.read(flags, {batch, head, key});
    return arith::IndexCastUIOp::create(p.b, p.b.getIndexType(), bits);
  }

  // The kept key that has so many others in front of it; -1 for none.
  Value place(Value flags, ValueRange at) {
    Value none = index.constant(-1);
    return p.scalarLoop(
        zero, p.sizeOf(flags, 2), ValueRange{zero, none},
        [&](Value key, ValueRange carried) -> Values {
          Value here = flag(flags, at[0], at[1], key);
          Value is = p.op<arith::AndIOp>(p.compare(P::ne, here, zero),
                                         p.compare(P::eq, carried[0], at[2]));
          return {index.add(carried[0], here), p.select(is, key, carried[1])};
        })[1];
  }
  Value count(Value flags, ValueRange at) {
    return p.scalarLoop(
        zero, p.sizeOf(flags, 2), zero,
        [&](Value key, ValueRange carried) -> Values {
          return {index.add(carried[0], flag(flags, at[0], at[1], key))};
        })[0];
  }

  // Without scores: the first keys of those that compete.
  Value streamedCount(Value batch) {
    Value keys = length(batch);
    auto taken = static_cast<int64_t>(op.getSinks() + op.getRecent());
    Value most = index.max(budget, index.constant(taken));
    return p.select(isShort(keys), keys, index.min(keys, most));
  }
  Value streamed(ValueRange at) {
    Value keys = length(at[0]), n = at[2];
    Value first = index.add(open(), static_cast<int64_t>(op.getSinks()));
    Value recent = index.add(recentStart(keys), index.sub(n, first));
    Value key =
        p.select(p.op<arith::OrIOp>(isShort(keys), p.compare(P::slt, n, first)),
                 n, recent);
    return p.select(p.compare(P::slt, n, streamedCount(at[0])), key,
                    index.constant(-1));
  }
};

} // namespace

LogicalResult scoreToPoints(KVScoreOp op) {
  EvictBuilder p(op);
  IndexBuilder &index = p.index;
  Value q = op.getQ(), k = op.getK(), zero = index.constant(0);
  std::optional<double> scale = op.getStaticScale();
  if (!scale) {
    return op.emitOpError("without a scale needs a static head size");
  }
  Type type = cast<ShapedType>(op.getOut().getType()).getElementType();
  Value keys = p.sizeOf(k, 2), queries = p.sizeOf(q, 2), size = p.sizeOf(q, 3);
  Value group = index.div(p.sizeOf(q, 1), p.sizeOf(k, 1));
  Value first = zero;
  if (op.getQueries()) {
    first = index.max(
        index.add(queries, -static_cast<int64_t>(*op.getQueries())), zero);
  }
  Value made = p.forEachElement(op.getOut(), [&](ValueRange at) -> Value {
    Value batch = at[0], head = at[1], key = at[2], length = keys;
    if (op.getKvLens()) {
      length = index.clamp(p.readIndex(op.getKvLens(), batch), zero, keys);
    }
    // The first query that sees the key.
    Value from = index.max(first, index.add(index.sub(key, length), queries));
    Value to = p.select(p.less(key, length), queries, zero);
    Value old = p.convert(p.before(op.getOut(), at), type);
    return p.scalarLoop(zero, group, old, [&](Value g, ValueRange outer) {
      Value h = index.add(index.mul(head, group), g);
      return p.scalarLoop(
          from, to, outer, [&](Value i, ValueRange acc) -> Values {
            Value product = p.scalarLoop(
                zero, size, p.number(0, type),
                [&](Value d, ValueRange part) -> Values {
                  Value x = p.convert(p.read(q, {batch, h, i, d}), type);
                  Value y = p.convert(p.read(k, {batch, head, key, d}), type);
                  return {math::FmaOp::create(p.b, x, y, part[0])};
                })[0];
            Value lse = p.convert(p.read(op.getLse(), {batch, h, i}), type);
            Value weight = math::ExpOp::create(
                p.b,
                p.op<arith::SubFOp>(
                    p.op<arith::MulFOp>(product, p.number(*scale, type)), lse));
            if (op.getPower() == 2) {
              weight = p.op<arith::MulFOp>(weight, weight);
            }
            return {p.op<arith::AddFOp>(acc[0], weight)};
          });
    })[0];
  });
  p.rewriter.replaceOp(op, made);
  return success();
}

LogicalResult evictToPoints(KVEvictOp op) {
  EvictRewriter(op).run();
  return success();
}

} // namespace attn
