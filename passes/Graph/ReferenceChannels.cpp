//===- ReferenceChannels.cpp - recurrences of channels, token by token ----===//
// Diagonal states, real and complex, and short convolutions.
//===----------------------------------------------------------------------===//

#include "ReferenceNumbers.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn::reference {

namespace {

/// A token of `attn.ssm_scan`: channels are heads.
class ChannelStep {
public:
  ChannelStep(ReferenceScan &scan, SSMScanOp op,
              function_ref<Value(Value)> source)
      : s(scan.s), scan(scan), index(scan.index), op(op),
        numbers{s, index, op.getComplex()} {
    auto of = [&](Value value) { return value ? source(value) : value; };
    u = of(op.getU()), delta = of(op.getDelta()), a = of(op.getA());
    b = of(op.getB()), c = of(op.getC()), bias = of(op.getDtBias());
    skip = of(op.getSkip()), z = of(op.getZ());
  }

  Values operator()(const Token &at, ValueRange carried) {
    Value x = s.read(u, scan.order.at(at, at.head));
    bool fixed = cast<ShapedType>(delta.getType()).getRank() == 1;
    Value dt =
        s.read(delta, fixed ? Values{at.head} : scan.order.at(at, at.head));
    dt = stepSize(s, dt, bias ? s.read(bias, at.head) : Value(),
                  op.getSoftplus(), op.getDtLimit());
    Value kept = scan.kept(at);
    Values result = referenceLoop(
        s.b, index.constant(0), scan.size(a, 1),
        ValueRange{carried[1], s.number(0.0)}, [&](Value n, ValueRange now) {
          Number rate = numbers.read(a, {at.head, n});
          Number exponent = numbers.scaled(rate, dt);
          Number decay = numbers.exp(exponent);
          Number input =
              numbers.scaled(numbers.read(b, row(b, at, n)), s.mul(dt, x));
          if (op.getZoh()) {
            input = numbers.mul(numbers.held(exponent), input);
          }
          if (kept) {
            decay = numbers.scaled(decay, kept);
          }
          Values where{at.sequence, at.head, n};
          Number state = numbers.add(
              numbers.mul(decay, numbers.read(now[0], where)), input);
          Number out = numbers.mul(numbers.read(c, row(c, at, n)), state);
          return Values{numbers.write(state, now[0], where),
                        s.add(now[1], numbers.total(out))};
        });
    Value y = result[1];
    if (skip) {
      y = s.add(y, s.mul(s.read(skip, at.head), x));
    }
    if (z) {
      y = s.mul(y, s.silu(s.read(z, scan.order.at(at, at.head))));
    }
    return {s.write(y, carried[0], scan.order.at(at, at.head)), result[0]};
  }

private:
  Scalars &s;
  ReferenceScan &scan;
  IndexBuilder &index;
  SSMScanOp op;
  Numbers numbers;
  Value u, delta, a, b, c, bias, skip, z;

  // Row n of parameters, or of a token's group.
  Values row(Value of, const Token &at, Value n) {
    int64_t rank = cast<ShapedType>(of.getType()).getRank() - op.getComplex();
    if (rank == 2) {
      return {at.head, n};
    }
    int64_t groups = scan.order.ragged ? 1 : 2;
    Value group =
        index.div(at.head, index.div(scan.heads, scan.size(of, groups)));
    Values indices{at.token, group, n};
    if (!scan.order.ragged) {
      indices.insert(indices.begin(), at.batch);
    }
    return indices;
  }
};

/// A token of `attn.causal_conv1d`: channels are heads.
class ConvStep {
public:
  ConvStep(ReferenceScan &scan, CausalConv1dOp op,
           function_ref<Value(Value)> source)
      : s(scan.s), scan(scan), index(scan.index), op(op) {
    x = source(op.getX()), w = source(op.getW());
    state = op.getState() ? source(op.getState()) : Value();
    bias = op.getBias() ? source(op.getBias()) : Value();
    width = cast<ShapedType>(w.getType()).getDimSize(1);
  }

  Values operator()(const Token &at, ValueRange carried) {
    Value sum = bias ? s.read(bias, at.head) : s.number(0.0);
    for (int64_t i = 0; i < width; ++i) {
      Value input = tokenBefore(at, width - 1 - i);
      Value weight = s.read(w, {at.head, index.constant(i)});
      sum = s.add(sum, s.mul(weight, input));
    }
    if (op.getSilu()) {
      sum = s.silu(sum);
    }
    return {s.write(sum, carried[0], scan.order.at(at, at.head))};
  }

  // The last tokens of each sequence.
  Value lastTokens(Value init) {
    Value zero = index.constant(0);
    return referenceLoop(
        s.b, zero, scan.sequences, init, [&](Value sequence, ValueRange outer) {
          auto [first, end] = scan.range(sequence);
          Token last{sequence, scan.order.ragged ? zero : sequence, Value(),
                     index.add(end, -1), first};
          return referenceLoop(
              s.b, zero, scan.heads, outer, [&](Value head, ValueRange now) {
                last.head = head;
                Value next = now[0];
                for (int64_t j = 0; j + 1 < width; ++j) {
                  next = s.write(tokenBefore(last, width - 2 - j), next,
                                 {sequence, index.constant(j), head});
                }
                return Values{next};
              });
        })[0];
  }

private:
  Scalars &s;
  ReferenceScan &scan;
  IndexBuilder &index;
  CausalConv1dOp op;
  Value x, w, state, bias;
  int64_t width;

  // The element `distance` tokens before one, as it is to that one.
  Value tokenBefore(Token at, int64_t distance) {
    ImplicitLocOpBuilder &b = s.b;
    Token from = at;
    from.token = index.add(at.token, -distance);
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                         from.token, at.first);
    auto branch = scf::IfOp::create(b, s.type, inside, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    auto yield = [&](Value value, Value other) {
      // An empty sequence has no token to compare with, but its state.
      if (scan.seqIds) {
        Value token = index.max(at.token, at.first);
        value =
            s.select(scan.sameId(at.batch, token, other), value, s.number(0.0));
      }
      scf::YieldOp::create(b, value);
    };
    b.setInsertionPointToStart(branch.thenBlock());
    yield(s.read(x, scan.order.at(from, at.head)), from.token);
    b.setInsertionPointToStart(branch.elseBlock());
    if (state) {
      Value row = index.add(index.sub(from.token, at.first), width - 1);
      yield(s.read(state, {at.sequence, row, at.head}), at.first);
    } else {
      scf::YieldOp::create(b, s.number(0.0));
    }
    return branch.getResult(0);
  }
};

template <typename OpTy> RowOrder orderOf(OpTy op) {
  return op.isRagged() ? RowOrder{1, 0, true} : RowOrder{2, 1, false};
}

} // namespace

Values buildCausalConv(ImplicitLocOpBuilder &b, CausalConv1dOp op,
                       FloatType type, function_ref<Value(Value)> source,
                       Value destination) {
  ReferenceScan scan(b, type, orderOf(op), source(op.getX()), op.getCuSeqlens(),
                     op.getSeqIds());
  ConvStep step(scan, op, source);
  Values results = scan.run(destination, step);
  if (op.getState()) {
    results.push_back(
        step.lastTokens(startOf(scan.s, source(op.getState()), {})));
  }
  return results;
}

Values buildChannelScan(ImplicitLocOpBuilder &b, SSMScanOp op, FloatType type,
                        function_ref<Value(Value)> source, Value destination) {
  ReferenceScan scan(b, type, orderOf(op), source(op.getU()), op.getCuSeqlens(),
                     op.getSeqIds());
  SmallVector<OpFoldResult> shape =
      tensor::getMixedSizes(b, b.getLoc(), op.getA());
  shape.insert(shape.begin(), scan.sequences);
  Value state = op.getState() ? source(op.getState()) : Value();
  Values results = scan.run({destination, startOf(scan.s, state, shape)},
                            ChannelStep(scan, op, source));
  results.truncate(op.getOuts().size());
  return results;
}

} // namespace attn::reference
