//===- ReferenceRecurrence.cpp - recurrences token by token ---------------===//
// Every recurrence writes out its definition: decay, write, read, one element
// of the state at a time. What is special to an op is what it makes of a token
// (`TokenForm`).
//===----------------------------------------------------------------------===//

#include "ReferenceRecurrence.h"
#include "ReferenceScan.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace attn {

using namespace reference;

namespace {

/// What a recurrence makes of its operands.
struct TokenForm {
  virtual ~TokenForm() = default;
  /// Features of the query and the key, the log decay of row n of the state.
  virtual Value query(const Token &at, Value n) = 0;
  virtual Value key(const Token &at, Value n) = 0;
  virtual Value decay(const Token &at, Value n) { return Value(); }
  virtual Value value(const Token &at, Value v) = 0;
  virtual Value beta(const Token &at) { return Value(); }
  /// The output of `read`, the product of query and state, and `sum`, that of
  /// query and norm.
  virtual Value output(const Token &at, Value v, Value read, Value sum) = 0;
  /// Indices of element (n, v) of the state behind (sequence, head).
  virtual Values stateAt(Value n, Value v) { return {n, v}; }
  /// Emits what all rows share, in front of them.
  virtual void prepare(const Token &at) {}
};

/// A token of a recurrence whose state is a matrix of `rows` x `columns`.
class MatrixStep {
public:
  MatrixStep(ReferenceScan &scan, TokenForm &form, Value rows, Value columns)
      : s(scan.s), scan(scan), form(form), index(scan.index), rows(rows),
        columns(columns), zero(index.constant(0)) {}

  // `carried` is out, the state, and a norm.
  Values operator()(const Token &at, ValueRange carried) {
    ImplicitLocOpBuilder &b = s.b;
    form.prepare(at);
    kept = scan.kept(at);
    Value written = this->written(at, carried[1]);
    Value reads = fill([&](Value v) { return s.number(0.0); });
    Values state{carried[1], reads};
    bool hasNorm = carried.size() > 2;
    if (hasNorm) {
      state.append({carried[2], s.number(0.0)});
    }
    state = referenceLoop(b, zero, rows, state, [&](Value n, ValueRange now) {
      return row(at, n, written, now);
    });
    Value sum = hasNorm ? state[3] : Value();
    Value out = referenceLoop(
        b, zero, columns, carried[0], [&](Value v, ValueRange now) {
          Value result = form.output(at, v, s.read(state[1], v), sum);
          return Values{s.write(result, now[0], scan.order.at(at, at.head, v))};
        })[0];
    Values results{out, state[0]};
    if (hasNorm) {
      results.push_back(state[2]);
    }
    return results;
  }

private:
  Scalars &s;
  ReferenceScan &scan;
  TokenForm &form;
  IndexBuilder &index;
  Value rows, columns, zero, kept;

  // A row of `columns` elements.
  Value fill(function_ref<Value(Value)> element) {
    Value empty =
        tensor::EmptyOp::create(s.b, ArrayRef<OpFoldResult>{columns}, s.type);
    return referenceLoop(s.b, zero, columns, empty,
                         [&](Value v, ValueRange now) {
                           return Values{s.write(element(v), now[0], v)};
                         })[0];
  }

  Value factor(const Token &at, Value n) {
    Value decay = form.decay(at, n);
    Value result = decay ? s.exp(decay) : s.number(1.0);
    return kept ? s.mul(result, kept) : result;
  }

  Values stateAt(const Token &at, Value n, Value v) {
    Values indices{at.sequence, at.head};
    llvm::append_range(indices, form.stateAt(n, v));
    return indices;
  }

  // v, or what the delta rule leaves of it.
  Value written(const Token &at, Value state) {
    Value beta = form.beta(at);
    if (!beta) {
      return fill([&](Value v) { return form.value(at, v); });
    }
    return fill([&](Value v) {
      Value known = referenceLoop(
          s.b, zero, rows, s.number(0.0), [&](Value n, ValueRange sum) {
            Value old = s.mul(s.read(state, stateAt(at, n, v)), factor(at, n));
            return Values{s.add(sum[0], s.mul(old, form.key(at, n)))};
          })[0];
      return s.mul(beta, s.sub(form.value(at, v), known));
    });
  }

  // Row n of the state: decay, write, read. `now` is the state, what is read,
  // the norm and what is read of it.
  Values row(const Token &at, Value n, Value written, ValueRange now) {
    Value decay = factor(at, n), key = form.key(at, n),
          query = form.query(at, n);
    Values next = referenceLoop(
        s.b, zero, columns, ValueRange{now[0], now[1]},
        [&](Value v, ValueRange inner) {
          Values where = stateAt(at, n, v);
          Value value = s.add(s.mul(decay, s.read(inner[0], where)),
                              s.mul(key, s.read(written, v)));
          Value read = s.add(s.read(inner[1], v), s.mul(query, value));
          return Values{s.write(value, inner[0], where),
                        s.write(read, inner[1], v)};
        });
    if (now.size() > 2) {
      Values where{at.sequence, at.head, n};
      Value value = s.add(s.mul(decay, s.read(now[2], where)), key);
      next.append(
          {s.write(value, now[2], where), s.add(now[3], s.mul(query, value))});
    }
    return next;
  }
};

/// What the forms of ops over tokens and heads share.
struct LayoutForm : TokenForm {
  Scalars s;
  IndexBuilder index;
  RowOrder order;

  LayoutForm(ImplicitLocOpBuilder &b, FloatType type, RowOrder order)
      : s{b, type}, index(b, b.getLoc()), order(order) {}

  Value headsOf(Value tensor) {
    return tensor::DimOp::create(s.b, tensor, index.constant(order.headDim));
  }
};

template <typename OpTy> RowOrder orderOf(OpTy op) {
  return {static_cast<unsigned>(op.getHeadDim()),
          static_cast<unsigned>(op.getSeqDim()), op.getLayout() == Layout::THD};
}

struct SSDForm : LayoutForm {
  SSDOp op;
  Value x, dt, a, c, k, bias, d, z, group;
  Value step; // of this token

  SSDForm(ImplicitLocOpBuilder &b, FloatType type, SSDOp op,
          function_ref<Value(Value)> source)
      : LayoutForm(b, type, orderOf(op)), op(op) {
    auto of = [&](Value value) { return value ? source(value) : value; };
    x = of(op.getX()), dt = of(op.getDt()), a = of(op.getA());
    k = of(op.getB()), c = of(op.getC()), bias = of(op.getDtBias());
    d = of(op.getD()), z = of(op.getZ());
    group = index.div(headsOf(x), headsOf(k));
  }

  void prepare(const Token &at) override {
    step = stepSize(s, s.read(dt, order.at(at, at.head)),
                    bias ? s.read(bias, at.head) : Value(), op.getSoftplus(),
                    op.getDtLimit());
  }
  Value query(const Token &at, Value n) override {
    return s.read(c, order.at(at, index.div(at.head, group), n));
  }
  Value key(const Token &at, Value n) override {
    return s.read(k, order.at(at, index.div(at.head, group), n));
  }
  Value decay(const Token &at, Value n) override {
    return s.mul(step, s.read(a, at.head));
  }
  Value value(const Token &at, Value v) override {
    return s.mul(step, s.read(x, order.at(at, at.head, v)));
  }
  Value output(const Token &at, Value v, Value read, Value sum) override {
    if (d) {
      bool ofHead = cast<ShapedType>(d.getType()).getRank() == 1;
      Value skip =
          s.read(d, ofHead ? ValueRange{at.head} : ValueRange{at.head, v});
      read = s.add(read, s.mul(skip, s.read(x, order.at(at, at.head, v))));
    }
    return z ? s.mul(read, s.silu(s.read(z, order.at(at, at.head, v)))) : read;
  }
  Values stateAt(Value n, Value v) override { return {v, n}; }
};

struct LinearAttentionForm : LayoutForm {
  LinearAttentionOp op;
  Value q, k, v, logDecay, rate, group;

  LinearAttentionForm(ImplicitLocOpBuilder &b, FloatType type,
                      LinearAttentionOp op, function_ref<Value(Value)> source)
      : LayoutForm(b, type, orderOf(op)), op(op) {
    q = source(op.getQ()), k = source(op.getK()), v = source(op.getV());
    logDecay = op.getDecay() ? source(op.getDecay()) : Value();
    rate = op.getBeta() ? source(op.getBeta()) : Value();
    group = index.div(headsOf(v), headsOf(k));
  }

  // elu(x) + 1: x + 1, or e^x below 0.
  Value feature(Value x) {
    return op.getElu1()
               ? s.select(s.isAbove(x, 0.0), s.add(x, s.number(1.0)), s.exp(x))
               : x;
  }
  Value query(const Token &at, Value n) override {
    return feature(s.read(q, order.at(at, index.div(at.head, group), n)));
  }
  Value key(const Token &at, Value n) override {
    return feature(s.read(k, order.at(at, index.div(at.head, group), n)));
  }
  Value decay(const Token &at, Value n) override {
    if (!logDecay) {
      return Value();
    }
    if (cast<ShapedType>(logDecay.getType()).getRank() == 1) {
      return s.read(logDecay, at.head);
    }
    return s.read(logDecay, op.hasKeyDecay() ? order.at(at, at.head, n)
                                             : order.at(at, at.head));
  }
  Value value(const Token &at, Value e) override {
    return s.read(v, order.at(at, at.head, e));
  }
  Value beta(const Token &at) override {
    return rate ? s.read(rate, order.at(at, at.head)) : Value();
  }
  Value output(const Token &at, Value e, Value read, Value sum) override {
    if (sum) {
      return s.div(read,
                   s.add(sum, s.number(op.getEpsilon().convertToDouble())));
    }
    return op.getScale()
               ? s.mul(read, s.number(op.getScale()->convertToDouble()))
               : read;
  }
};

} // namespace

Value reference::startOf(Scalars &s, Value state,
                         ArrayRef<OpFoldResult> sizes) {
  ImplicitLocOpBuilder &b = s.b;
  SmallVector<OpFoldResult> shape =
      state ? tensor::getMixedSizes(b, b.getLoc(), state)
            : SmallVector<OpFoldResult>(sizes);
  Value init = tensor::EmptyOp::create(b, shape, s.type);
  if (!state) {
    return linalg::FillOp::create(b, s.number(0.0), init).getResult(0);
  }
  int64_t rank = static_cast<int64_t>(shape.size());
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{init.getType()}, state, init, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               ImplicitLocOpBuilder ib(loc, inner);
               linalg::YieldOp::create(
                   ib, ReferenceForm::convert(ib, args[0], s.type));
             })
      .getResult(0);
}

static Value lastSize(IndexBuilder &index, ImplicitLocOpBuilder &b,
                      Value value) {
  int64_t rank = cast<ShapedType>(value.getType()).getRank();
  return tensor::DimOp::create(b, value, index.constant(rank - 1));
}

// Recurrences over heads with a matrix each.
template <typename OpTy, typename Form>
static Values runMatrix(ImplicitLocOpBuilder &b, OpTy op, FloatType type,
                        Form &form, Value values,
                        function_ref<Value(Value)> source, Value destination,
                        bool valuesFirst) {
  ReferenceScan scan(b, type, form.order, values, op.getCuSeqlens(),
                     op.getSeqIds());
  Value rows = lastSize(scan.index, b, form.k);
  Value columns = lastSize(scan.index, b, values);
  SmallVector<OpFoldResult> shape{scan.sequences, scan.heads, rows, columns};
  if (valuesFirst) {
    std::swap(shape[2], shape[3]);
  }
  Value state = op.getState() ? source(op.getState()) : Value();
  Values carried{destination, startOf(scan.s, state, shape)};
  if constexpr (std::is_same_v<OpTy, LinearAttentionOp>) {
    if (op.getNormalized()) {
      Value norm = op.getNorm() ? source(op.getNorm()) : Value();
      carried.push_back(startOf(scan.s, norm, ArrayRef(shape).take_front(3)));
    }
  }
  Values results = scan.run(carried, MatrixStep(scan, form, rows, columns));
  results.truncate(op.getOuts().size());
  return results;
}

Values buildReferenceRecurrence(ImplicitLocOpBuilder &b, Operation *op,
                                FloatType type,
                                function_ref<Value(Value)> source,
                                Value destination) {
  if (auto ssd = dyn_cast<SSDOp>(op)) {
    SSDForm form(b, type, ssd, source);
    return runMatrix(b, ssd, type, form, form.x, source, destination,
                     /*valuesFirst=*/true);
  }
  if (auto linear = dyn_cast<LinearAttentionOp>(op)) {
    LinearAttentionForm form(b, type, linear, source);
    return runMatrix(b, linear, type, form, form.v, source, destination,
                     /*valuesFirst=*/false);
  }
  if (auto step = dyn_cast<SSMStepOp>(op)) {
    return buildStep(b, step, type, source, destination);
  }
  if (auto conv = dyn_cast<CausalConv1dOp>(op)) {
    return buildCausalConv(b, conv, type, source, destination);
  }
  return buildChannelScan(b, cast<SSMScanOp>(op), type, source, destination);
}

} // namespace attn
