//===- LowerEvict.cpp - which keys a cache keeps, on vectors --------------===//

#include "LowerTiles.h"
#include "RopeRows.h"
#include "RowView.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

Value sizeOf(LaneBuilder &lb, Value memref, int64_t dim) {
  return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, dim));
}

Value loadIndex(LaneBuilder &lb, Value memref, ValueRange at) {
  Value loaded = memref::LoadOp::create(lb.b, lb.loc, memref, at);
  return arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getIndexType(), loaded);
}

// A parallel loop over [0, size) of each of `sizes` around `op`, in which the
// builder then stands, in front of it.
SmallVector<Value> parallel(OpBuilder &b, Operation *op,
                            ArrayRef<OpFoldResult> sizes) {
  auto forall =
      scf::ForallOp::create(b, op->getLoc(), sizes, ValueRange(), std::nullopt);
  op->moveBefore(forall.getTerminator());
  b.setInsertionPoint(op);
  return llvm::to_vector_of<Value>(forall.getInductionVars());
}

/// Scores of the keys of one key head.
class KeyScores {
public:
  KeyScores(OpBuilder &b, KVScoreOp op, const TargetDescription &target,
            Value batch, Value head)
      : lb(b, op.getLoc(), target,
           cast<FloatType>(
               cast<MemRefType>(op.getOut().getType()).getElementType())),
        op(op), batch(batch), head(head), zero(lb.index.constant(0)) {}

  void run() {
    Value keys = sizeOf(lb, op.getK(), 2);
    if (op.getKvLens()) {
      keys = lb.index.clamp(loadIndex(lb, op.getKvLens(), batch), zero, keys);
    }
    Value queries = sizeOf(lb, op.getQ(), 2);
    Value offset = lb.index.sub(keys, queries);
    Value first = zero;
    if (op.getQueries()) {
      first = lb.index.max(
          lb.index.sub(queries, lb.index.constant(*op.getQueries())), zero);
    }
    Value group =
        lb.index.div(sizeOf(lb, op.getQ(), 1), sizeOf(lb, op.getK(), 1));
    Value firstHead = lb.index.mul(head, group);
    lb.loop(zero, keys, lb.lanes, [&](Value key) {
      Values none{lb.constant(0.0)};
      Value sums =
          lb.loop(zero, group, 1, none, [&](Value g, ValueRange outer) {
            Value h = lb.index.add(firstHead, g);
            return lb.loop(
                first, queries, 1, outer, [&](Value i, ValueRange acc) {
                  return Values{
                      lb.add(acc[0], weights(h, i, offset, key, keys))};
                });
          })[0];
      for (int64_t n = 0; n < lb.lanes; ++n) {
        addTo(lb.index.add(key, n), keys, lb.extract(sums, n));
      }
    });
  }

private:
  using Values = SmallVector<Value>;

  // p^power of `lanes` keys from `key` on, 0 for those that are hidden.
  Value weights(Value h, Value i, Value offset, Value key, Value keys) {
    Value last = lb.index.add(keys, -1);
    Values products, position;
    for (int64_t n = 0; n < lb.lanes; ++n) {
      products.push_back(
          product(h, i, lb.index.min(lb.index.add(key, n), last)));
    }
    Value x = vector::FromElementsOp::create(lb.b, lb.loc, lb.vector, products);
    double scale = *op.getStaticScale();
    Value lse = memref::LoadOp::create(lb.b, lb.loc, op.getLse(),
                                       ValueRange{batch, h, i});
    x = lb.exp(lb.sub(lb.mul(x, lb.constant(scale)), lb.splat(lse)));
    if (op.getPower() == 2) {
      x = lb.mul(x, x);
    }
    auto indices = VectorType::get({lb.lanes}, lb.b.getIndexType());
    Value at = lb.offset(key, vector::StepOp::create(lb.b, lb.loc, indices));
    Value end = lb.index.min(lb.index.add(lb.index.add(i, offset), 1), keys);
    Value visible = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::slt, at, lb.splat(end));
    return arith::SelectOp::create(lb.b, lb.loc, visible, x, lb.constant(0.0));
  }

  Value product(Value h, Value i, Value key) {
    ElementRow q(op.getQ(), {batch, h, i}), k(op.getK(), {batch, head, key});
    VectorBlocks blocks(lb, sizeOf(lb, op.getQ(), 3),
                        q.contiguous && k.contiguous);
    Value sums =
        lb.loop(zero, blocks.whole, lb.lanes, Values{lb.constant(0.0)},
                [&](Value d, ValueRange acc) {
                  return Values{lb.fma(lb.load(q.memref, q.at(d)),
                                       lb.load(k.memref, k.at(d)), acc[0])};
                })[0];
    Value sum = vector::ReductionOp::create(lb.b, lb.loc,
                                            vector::CombiningKind::ADD, sums);
    return lb.loop(blocks.whole, blocks.size, 1, Values{sum},
                   [&](Value d, ValueRange acc) {
                     Value x = arith::MulFOp::create(
                         lb.b, lb.loc, lb.loadScalar(q.memref, q.at(d)),
                         lb.loadScalar(k.memref, k.at(d)));
                     return Values{lb.add(acc[0], x)};
                   })[0];
  }

  void addTo(Value key, Value keys, Value x) {
    Value inside = arith::CmpIOp::create(lb.b, lb.loc,
                                         arith::CmpIPredicate::slt, key, keys);
    auto guarded = scf::IfOp::create(lb.b, lb.loc, inside);
    OpBuilder::InsertionGuard guard(lb.b);
    lb.b.setInsertionPoint(guarded.thenYield());
    Values at{batch, head, key};
    Value old = memref::LoadOp::create(lb.b, lb.loc, op.getOut(), at);
    memref::StoreOp::create(lb.b, lb.loc, lb.add(old, x), op.getOut(), at);
  }

  LaneBuilder lb;
  KVScoreOp op;
  Value batch, head, zero;
};

/// The kept keys of heads [firstHead, endHead) of a sequence, which compete.
/// The last score that wins is found by halving the numbers that it may be: as
/// integers in the order of the floats.
class Keeper {
public:
  Keeper(OpBuilder &b, KVEvictOp op, const TargetDescription &target,
         Value batch, Value firstHead, Value endHead)
      : lb(b, op.getLoc(), target, b.getF32Type()), op(op), batch(batch),
        firstHead(firstHead), endHead(endHead), zero(lb.index.constant(0)),
        one(lb.index.constant(1)) {}

  void run() {
    Value capacity = sizeOf(lb, op.getKept(), 2);
    length = lb.index.max(loadIndex(lb, op.getKvLens(), batch), zero);
    if (op.getScores()) {
      length = lb.index.min(length, sizeOf(lb, op.getScores(), 2));
    }
    Value budget =
        op.getBudget() ? lb.index.constant(*op.getBudget()) : capacity;
    Value isShort = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::sle, length, budget);
    auto pick = [&](Value whole, Value part) -> Value {
      return arith::SelectOp::create(lb.b, lb.loc, isShort, whole, part);
    };
    // All are protected where all fit.
    sinkEnd = pick(length, lb.index.constant(op.getSinks()));
    recentStart =
        pick(length, lb.index.sub(length, lb.index.constant(op.getRecent())));
    Value heads = lb.index.sub(endHead, firstHead);
    Value fixed = lb.index.add(lb.index.constant(op.getSinks()),
                               lb.index.constant(op.getRecent()));
    Value open = pick(zero, lb.index.max(lb.index.sub(budget, fixed), zero));
    open = lb.index.mul(open, heads);
    rank(heads);
    Value threshold = findThreshold(open);
    Value ties =
        lb.index.sub(open, count(arith::CmpIPredicate::sgt, threshold));
    write(threshold, ties, capacity);
    if (ranks) {
      memref::DeallocOp::create(lb.b, lb.loc, ranks);
    }
  }

private:
  using Values = SmallVector<Value>;

  Value integer(int64_t value) {
    return arith::ConstantOp::create(lb.b, lb.loc,
                                     lb.b.getI64IntegerAttr(value));
  }

  // The scores that count, as integers in their order.
  void rank(Value heads) {
    if (!op.getScores()) {
      return;
    }
    auto type = MemRefType::get({ShapedType::kDynamic, ShapedType::kDynamic},
                                lb.b.getI64Type());
    ranks =
        memref::AllocOp::create(lb.b, lb.loc, type, ValueRange{heads, length});
    eachOpen([&](Value head, Value key) {
      Value bits = arith::BitcastOp::create(lb.b, lb.loc, lb.b.getI32Type(),
                                            pooled(head, key));
      auto constant = [&](int32_t value) {
        return arith::ConstantOp::create(lb.b, lb.loc,
                                         lb.b.getI32IntegerAttr(value));
      };
      Value sign = arith::ShRSIOp::create(lb.b, lb.loc, bits, constant(31));
      Value flip =
          arith::AndIOp::create(lb.b, lb.loc, sign, constant(0x7fffffff));
      Value ordered = arith::ExtSIOp::create(
          lb.b, lb.loc, lb.b.getI64Type(),
          arith::XOrIOp::create(lb.b, lb.loc, bits, flip));
      memref::StoreOp::create(lb.b, lb.loc, ordered, ranks,
                              ValueRange{lb.index.sub(head, firstHead), key});
    });
  }

  // The score of a key, or of those around it that are not recent.
  Value pooled(Value head, Value key) {
    auto score = [&](Value at) -> Value {
      return memref::LoadOp::create(lb.b, lb.loc, op.getScores(),
                                    ValueRange{batch, head, at});
    };
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(lb.b, lb.loc,
                                       lb.b.getF32FloatAttr(value));
    };
    auto half = static_cast<int64_t>(op.getPool()) / 2;
    Value x;
    if (half == 0) {
      x = score(key);
    } else {
      Value from = lb.index.max(lb.index.add(key, -half), zero);
      Value to = lb.index.min(lb.index.add(key, half + 1), recentStart);
      bool most = op.getMaxPool();
      Value start =
          constant(most ? -std::numeric_limits<double>::infinity() : 0.0);
      x = lb.loop(from, to, 1, Values{start}, [&](Value at, ValueRange acc) {
        return Values{
            most ? arith::MaximumFOp::create(lb.b, lb.loc, acc[0], score(at))
                       .getResult()
                 : arith::AddFOp::create(lb.b, lb.loc, acc[0], score(at))};
      })[0];
      if (!most) {
        x = arith::DivFOp::create(lb.b, lb.loc, x,
                                  constant(static_cast<double>(op.getPool())));
      }
    }
    // One zero.
    return arith::AddFOp::create(lb.b, lb.loc, x, constant(0.0));
  }

  void eachOpen(function_ref<void(Value, Value)> body) {
    lb.loop(firstHead, endHead, 1, [&](Value head) {
      lb.loop(sinkEnd, recentStart, 1, [&](Value key) { body(head, key); });
    });
  }

  Value rankAt(Value head, Value key) {
    if (!ranks) {
      return integer(0);
    }
    return memref::LoadOp::create(
        lb.b, lb.loc, ranks, ValueRange{lb.index.sub(head, firstHead), key});
  }

  // How many of the open keys compare so with `threshold`.
  Value count(arith::CmpIPredicate predicate, Value threshold) {
    return lb.loop(
        firstHead, endHead, 1, Values{zero}, [&](Value head, ValueRange outer) {
          return lb.loop(
              sinkEnd, recentStart, 1, outer, [&](Value key, ValueRange inner) {
                Value is = arith::CmpIOp::create(lb.b, lb.loc, predicate,
                                                 rankAt(head, key), threshold);
                Value more = arith::IndexCastUIOp::create(
                    lb.b, lb.loc, lb.b.getIndexType(), is);
                return Values{lb.index.add(inner[0], more)};
              });
        })[0];
  }

  // The largest number that `open` keys reach.
  Value findThreshold(Value open) {
    if (!ranks) {
      return integer(0);
    }
    Values ends = lb.loop(
        zero, lb.index.constant(33), 1,
        Values{integer(std::numeric_limits<int32_t>::min()),
               integer(int64_t(std::numeric_limits<int32_t>::max()) + 1)},
        [&](Value, ValueRange range) {
          Value sum = arith::AddIOp::create(lb.b, lb.loc, range[0], range[1]);
          sum = arith::AddIOp::create(lb.b, lb.loc, sum, integer(1));
          Value middle = arith::ShRSIOp::create(lb.b, lb.loc, sum, integer(1));
          Value enough = arith::CmpIOp::create(
              lb.b, lb.loc, arith::CmpIPredicate::sge,
              count(arith::CmpIPredicate::sge, middle), open);
          Value below = arith::SubIOp::create(lb.b, lb.loc, middle, integer(1));
          return Values{
              arith::SelectOp::create(lb.b, lb.loc, enough, middle, range[0]),
              arith::SelectOp::create(lb.b, lb.loc, enough, range[1], below)};
        });
    return ends[0];
  }

  void write(Value threshold, Value ties, Value capacity) {
    auto compare = [&](arith::CmpIPredicate predicate, Value x,
                       Value y) -> Value {
      return arith::CmpIOp::create(lb.b, lb.loc, predicate, x, y);
    };
    auto store = [&](Value value, Value memref, ValueRange at) {
      memref::StoreOp::create(
          lb.b, lb.loc,
          arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI32Type(), value),
          memref, at);
    };
    lb.loop(
        firstHead, endHead, 1, Values{ties}, [&](Value head, ValueRange left) {
          auto put = [&](Value key, Value number) {
            Value fits = compare(arith::CmpIPredicate::slt, number, capacity);
            auto guarded = scf::IfOp::create(lb.b, lb.loc, fits);
            OpBuilder::InsertionGuard guard(lb.b);
            lb.b.setInsertionPoint(guarded.thenYield());
            store(key, op.getKept(), {batch, head, number});
          };
          auto all = [&](Value from, Value to, Value number) {
            return lb.loop(from, to, 1, Values{number},
                           [&](Value key, ValueRange carried) {
                             put(key, carried[0]);
                             return Values{lb.index.add(carried[0], one)};
                           })[0];
          };
          Value number = all(zero, sinkEnd, zero);
          Values next = lb.loop(
              sinkEnd, recentStart, 1, Values{number, left[0]},
              [&](Value key, ValueRange carried) {
                Value rank = rankAt(head, key);
                Value wins =
                    compare(arith::CmpIPredicate::sgt, rank, threshold);
                Value tie = arith::AndIOp::create(
                    lb.b, lb.loc,
                    compare(arith::CmpIPredicate::eq, rank, threshold),
                    compare(arith::CmpIPredicate::sgt, carried[1], zero));
                Value kept = arith::OrIOp::create(lb.b, lb.loc, wins, tie);
                auto guarded = scf::IfOp::create(lb.b, lb.loc, kept);
                {
                  OpBuilder::InsertionGuard guard(lb.b);
                  lb.b.setInsertionPoint(guarded.thenYield());
                  put(key, carried[0]);
                }
                auto asIndex = [&](Value bit) -> Value {
                  return arith::IndexCastUIOp::create(lb.b, lb.loc,
                                                      lb.b.getIndexType(), bit);
                };
                return Values{lb.index.add(carried[0], asIndex(kept)),
                              lb.index.sub(carried[1], asIndex(tie))};
              });
          number = lb.index.min(all(recentStart, length, next[0]), capacity);
          store(number, op.getCounts(), {batch, head});
          lb.loop(number, capacity, 1, [&](Value at) {
            store(lb.index.constant(-1), op.getKept(), {batch, head, at});
          });
          return Values{next[1]};
        });
  }

  LaneBuilder lb;
  KVEvictOp op;
  Value batch, firstHead, endHead, zero, one;
  Value length, sinkEnd, recentStart, ranks;
};

} // namespace

LogicalResult lowerKVScore(KVScoreOp op, const TargetDescription &target) {
  if (!op.getStaticScale()) {
    return op.emitOpError("expected a scale, or a static head size");
  }
  OpBuilder b(op);
  Location loc = op.getLoc();
  SmallVector<Value> at =
      parallel(b, op,
               {memref::getMixedSize(b, loc, op.getOut(), 0),
                memref::getMixedSize(b, loc, op.getOut(), 1)});
  KeyScores(b, op, target, at[0], at[1]).run();
  op.erase();
  return success();
}

LogicalResult lowerKVEvict(KVEvictOp op, const TargetDescription &target) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes = {
      memref::getMixedSize(b, loc, op.getKept(), 0),
      memref::getMixedSize(b, loc, op.getKept(), 1)};
  IndexBuilder index(b, loc);
  Value heads = index.value(sizes[1]), zero = index.constant(0);
  if (op.getShared()) {
    sizes.pop_back();
  }
  SmallVector<Value> at = parallel(b, op, sizes);
  Value first = op.getShared() ? zero : at[1];
  Value end = op.getShared() ? heads : index.add(first, 1);
  Keeper(b, op, target, at[0], first, end).run();
  op.erase();
  return success();
}

} // namespace attn
