//===- LowerCausalConv.cpp - short convolutions on vectors of channels ----===//
// Tasks are tiles of tokens, walked a few tokens at a time over all channels,
// so that memory is read in order and a row of the input is loaded from it
// once.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class ConvLowering {
public:
  ConvLowering(CausalConv1dOp op, const TargetDescription &target)
      : op(op), builder(op),
        lb(builder, op.getLoc(), target, recurrenceType(op)) {
    width = cast<MemRefType>(op.getW().getType()).getDimSize(1);
    zero = lb.index.constant(0);
    channels = sizeOf(op.getX(), op.isRagged() ? 1 : 2);
    tokens = sizeOf(op.getX(), op.isRagged() ? 0 : 1);
    sequences = op.isRagged() ? lb.index.add(sizeOf(op.getCuSeqlens(), 0), -1)
                              : sizeOf(op.getX(), 0);
  }

  void run() {
    stageWeights();
    constexpr int64_t kTokens = 64;
    auto forall = scf::ForallOp::create(
        lb.b, lb.loc,
        ArrayRef<OpFoldResult>{
            sequences, getAsOpFoldResult(lb.index.ceilDiv(tokens, kTokens))},
        ValueRange(), std::nullopt);
    {
      OpBuilder::InsertionGuard guard(lb.b);
      lb.b.setInsertionPointToStart(forall.getBody());
      Sequence at = sequence(forall.getInductionVar(0));
      Value first = lb.index.add(
          at.first, lb.index.mul(forall.getInductionVar(1), kTokens));
      Value end = lb.index.min(lb.index.add(first, kTokens), at.end);
      tile(at, first, end);
    }
    if (op.getState()) {
      keepLastTokens();
    }
    memref::DeallocOp::create(lb.b, lb.loc, weights);
    op.erase();
  }

private:
  struct Sequence {
    Value number, batch, first, end;
  };

  CausalConv1dOp op;
  OpBuilder builder;
  LaneBuilder lb;
  int64_t width;
  Value zero, channels, tokens, sequences, weights;

  Value sizeOf(Value memref, int64_t d) {
    return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, d));
  }
  Sequence sequence(Value number) {
    if (!op.isRagged()) {
      return {number, number, zero, tokens};
    }
    auto bound = [&](Value n) -> Value {
      Value at = memref::LoadOp::create(lb.b, lb.loc, op.getCuSeqlens(), n);
      return arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getIndexType(), at);
    };
    return {number, zero, bound(number), bound(lb.index.add(number, 1))};
  }
  Values rowAt(const Sequence &at, Value token, Value channel) {
    return op.isRagged() ? Values{token, channel}
                         : Values{at.batch, token, channel};
  }

  // W x D, so that the weights of a vector of channels lie side by side.
  void stageWeights() {
    weights = memref::AllocOp::create(
        lb.b, lb.loc, MemRefType::get({width, ShapedType::kDynamic}, lb.type),
        ValueRange{channels}, lb.b.getI64IntegerAttr(64));
    lb.loop(zero, channels, 1, [&](Value d) {
      for (int64_t i = 0; i < width; ++i) {
        Value at = lb.index.constant(i);
        memref::StoreOp::create(lb.b, lb.loc, lb.loadScalar(op.getW(), {d, at}),
                                weights, ValueRange{at, d});
      }
    });
  }

  // `body` for each vector of channels: the first one, and the number where it
  // is less than a vector.
  void eachVector(function_ref<void(Value, Value)> body) {
    Value whole = lb.index.mul(lb.index.div(channels, lb.lanes), lb.lanes);
    lb.loop(zero, whole, lb.lanes, [&](Value d) { body(d, Value()); });
    if (getConstantIntValue(channels).value_or(1) % lb.lanes != 0) {
      body(whole, lb.index.sub(channels, whole));
    }
  }
  Value load(Value memref, Values at, Value part) {
    return part ? lb.loadPart(memref, at, part) : lb.load(memref, at);
  }
  void store(Value value, Value memref, Values at, Value part) {
    if (part) {
      lb.storePart(value, memref, at, part);
    } else {
      lb.store(value, memref, at);
    }
  }

  Value start(Value channel, Value part) {
    return op.getBias() ? load(op.getBias(), {channel}, part)
                        : lb.constant(0.0);
  }
  Value finish(Value y) {
    if (!op.getSilu()) {
      return y;
    }
    Value e = lb.exp(lb.sub(lb.constant(0.0), y));
    return arith::DivFOp::create(lb.b, lb.loc, y, lb.add(lb.constant(1.0), e));
  }

  void tile(const Sequence &at, Value first, Value end) {
    // Tokens that see what is in front of the sequence, or must ask for ids.
    Value edge =
        op.getSeqIds()
            ? end
            : lb.index.min(
                  end, lb.index.max(first, lb.index.add(at.first, width - 1)));
    lb.loop(first, edge, 1, [&](Value t) { edgeToken(at, t); });
    constexpr int64_t kTogether = 4;
    Value count = lb.index.max(lb.index.sub(end, edge), zero);
    lb.tiles(count, kTogether, {}, [&](int64_t size, Value offset, ValueRange) {
      innerTokens(at, lb.index.add(edge, offset), size);
      return Values();
    });
  }

  // `size` tokens from t on, all of whose inputs are in the sequence.
  void innerTokens(const Sequence &at, Value t, int64_t size) {
    eachVector([&](Value d, Value part) {
      Values inputs, taps;
      for (int64_t n = 0; n < size + width - 1; ++n) {
        inputs.push_back(load(
            op.getX(), rowAt(at, lb.index.add(t, n - (width - 1)), d), part));
      }
      for (int64_t i = 0; i < width; ++i) {
        taps.push_back(load(weights, {lb.index.constant(i), d}, part));
      }
      for (int64_t n = 0; n < size; ++n) {
        Value y = start(d, part);
        for (int64_t i = 0; i < width; ++i) {
          y = lb.fma(taps[i], inputs[n + i], y);
        }
        store(finish(y), op.getOut(), rowAt(at, lb.index.add(t, n), d), part);
      }
    });
  }

  void edgeToken(const Sequence &at, Value t) {
    eachVector([&](Value d, Value part) {
      Value y = start(d, part);
      for (int64_t i = 0; i < width; ++i) {
        Value input =
            tokenBefore(at, t, lb.index.add(t, i - (width - 1)), d, part);
        y = lb.fma(load(weights, {lb.index.constant(i), d}, part), input, y);
      }
      store(finish(y), op.getOut(), rowAt(at, t, d), part);
    });
  }

  // Token p as token t sees it: of its own id, in the sequence or in the state.
  Value tokenBefore(const Sequence &at, Value t, Value p, Value d, Value part) {
    Value inside = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::sge, p, at.first);
    auto branch = scf::IfOp::create(lb.b, lb.loc, TypeRange{lb.vector}, inside,
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(lb.b);
    auto yield = [&](Value value, Value other) {
      if (op.getSeqIds()) {
        auto id = [&](Value token) -> Value {
          return memref::LoadOp::create(lb.b, lb.loc, op.getSeqIds(),
                                        ValueRange{at.batch, token});
        };
        Value same = arith::CmpIOp::create(
            lb.b, lb.loc, arith::CmpIPredicate::eq, id(t), id(other));
        value = arith::SelectOp::create(lb.b, lb.loc, same, value,
                                        lb.constant(0.0));
      }
      scf::YieldOp::create(lb.b, lb.loc, value);
    };
    lb.b.setInsertionPointToStart(branch.thenBlock());
    yield(load(op.getX(), rowAt(at, p, d), part), p);
    lb.b.setInsertionPointToStart(branch.elseBlock());
    if (op.getState()) {
      Value row = lb.index.add(lb.index.sub(p, at.first), width - 1);
      yield(load(op.getState(), {at.number, row, d}, part), at.first);
    } else {
      scf::YieldOp::create(lb.b, lb.loc, lb.constant(0.0));
    }
    return branch.getResult(0);
  }

  // Rows of the state are read at or behind where they are written, so they are
  // replaced in place, in order.
  void keepLastTokens() {
    lb.loop(zero, sequences, 1, [&](Value number) {
      Sequence at = sequence(number);
      Value any = arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sgt,
                                        at.end, at.first);
      auto branch = scf::IfOp::create(lb.b, lb.loc, any, false);
      OpBuilder::InsertionGuard guard(lb.b);
      lb.b.setInsertionPointToStart(branch.thenBlock());
      Value last = lb.index.add(at.end, -1);
      for (int64_t j = 0; j + 1 < width; ++j) {
        Value p = lb.index.add(at.end, j - (width - 1));
        eachVector([&](Value d, Value part) {
          store(tokenBefore(at, last, p, d, part), op.getState(),
                {number, lb.index.constant(j), d}, part);
        });
      }
    });
  }
};

} // namespace

LogicalResult lowerCausalConv(CausalConv1dOp op,
                              const TargetDescription &target) {
  unsigned last = op.isRagged() ? 1 : 2;
  if (!isUnitStride(op.getX(), last) || !isUnitStride(op.getOut(), last)) {
    return op.emitOpError("expected channels that lie side by side");
  }
  ConvLowering(op, target).run();
  return success();
}

} // namespace attn
