//===- ReferenceRecurrence.cpp - recurrences token by token ---------------===//
// Every recurrence writes out its definition: decay, write, read, one element
// of the state at a time. What is special to an op is what it makes of a token
// (`TokenForm`).
//===----------------------------------------------------------------------===//

#include "ReferenceRecurrence.h"
#include "ReferenceScan.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <limits>

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
  /// Emits what all rows share, in front of them. `carried` is state of the
  /// form itself, and becomes the next one; `kept` is as in `ReferenceScan`.
  virtual void prepare(const Token &at, Value kept, Values &carried) {}
};

/// A token of a recurrence whose state is a matrix of `rows` x `columns`.
class MatrixStep {
public:
  MatrixStep(ReferenceScan &scan, TokenForm &form, Value rows, Value columns,
             bool hasNorm)
      : s(scan.s), scan(scan), form(form), index(scan.index), rows(rows),
        columns(columns), zero(index.constant(0)), hasNorm(hasNorm) {}

  // `carried` is out, the state, a norm, and state of the form.
  Values operator()(const Token &at, ValueRange carried) {
    ImplicitLocOpBuilder &b = s.b;
    kept = scan.kept(at);
    Values ofForm(carried.drop_front(hasNorm ? 3 : 2));
    form.prepare(at, kept, ofForm);
    Value written = this->written(at, carried[1]);
    Value reads = fill([&](Value v) { return s.number(0.0); });
    Values state{carried[1], reads};
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
    llvm::append_range(results, ofForm);
    return results;
  }

private:
  Scalars &s;
  ReferenceScan &scan;
  TokenForm &form;
  IndexBuilder &index;
  Value rows, columns, zero, kept;
  bool hasNorm;

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

  void prepare(const Token &at, Value kept, Values &carried) override {
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

/// Random features: what is carried is the largest exponent of the keys so far.
struct FavorForm : LinearAttentionForm {
  Value w, rows, size;           // M x D
  Value queries, keys, logScale; // of this token

  FavorForm(ImplicitLocOpBuilder &b, FloatType type, LinearAttentionOp op,
            function_ref<Value(Value)> source)
      : LinearAttentionForm(b, type, op, source), w(source(op.getFavor())) {
    rows = tensor::DimOp::create(b, w, index.constant(0));
    size = tensor::DimOp::create(b, w, index.constant(1));
  }

  void prepare(const Token &at, Value kept, Values &carried) override {
    auto [ofQuery, mostOfQuery] = exponents(q, at);
    queries = features(ofQuery, mostOfQuery);
    auto [ofKey, mostOfKey] = exponents(k, at);
    Values where{at.sequence, at.head};
    Value before = s.read(carried[0], where);
    if (kept) {
      Value isCleared = arith::CmpFOp::create(s.b, arith::CmpFPredicate::OEQ,
                                              kept, s.number(0.0));
      double infinity = std::numeric_limits<double>::infinity();
      before = s.select(isCleared, s.number(-infinity), before);
    }
    Value now = s.max(before, mostOfKey);
    keys = features(ofKey, now);
    logScale = s.sub(before, now);
    carried[0] = s.write(now, carried[0], where);
  }
  Value query(const Token &at, Value n) override { return s.read(queries, n); }
  Value key(const Token &at, Value n) override { return s.read(keys, n); }
  Value decay(const Token &at, Value n) override { return logScale; }

private:
  Value asFloat(Value count) {
    Value wide = arith::IndexCastOp::create(s.b, s.b.getI64Type(), count);
    return arith::SIToFPOp::create(s.b, s.type, wide);
  }
  Value root(Value x) { return math::SqrtOp::create(s.b, x); }
  Value sum(Value count, function_ref<Value(Value)> element) {
    return referenceLoop(s.b, index.constant(0), count, s.number(0.0),
                         [&](Value i, ValueRange now) {
                           return Values{s.add(now[0], element(i))};
                         })[0];
  }

  // w x' - |x'|^2 / 2 of each feature, and the largest one.
  std::pair<Value, Value> exponents(Value x, const Token &at) {
    Value scale = s.div(s.number(1.0), root(root(asFloat(size))));
    auto element = [&](Value d) {
      Value head = index.div(at.head, group);
      return s.mul(s.read(x, order.at(at, head, d)), scale);
    };
    Value half = s.mul(s.number(0.5), sum(size, [&](Value d) {
                         return s.mul(element(d), element(d));
                       }));
    Value empty =
        tensor::EmptyOp::create(s.b, ArrayRef<OpFoldResult>{rows}, s.type);
    double infinity = std::numeric_limits<double>::infinity();
    Values all = referenceLoop(
        s.b, index.constant(0), rows, ValueRange{empty, s.number(-infinity)},
        [&](Value i, ValueRange now) {
          Value dot = sum(size, [&](Value d) {
            return s.mul(s.read(w, {i, d}), element(d));
          });
          Value exponent = s.sub(dot, half);
          return Values{s.write(exponent, now[0], i), s.max(now[1], exponent)};
        });
    return {all[0], all[1]};
  }

  Value features(Value exponents, Value most) {
    Value factor = s.div(s.number(1.0), root(asFloat(rows)));
    Value epsilon = s.number(op.getFeatureEpsilon().convertToDouble());
    return referenceLoop(
        s.b, index.constant(0), rows, exponents, [&](Value i, ValueRange now) {
          Value f = s.exp(s.sub(s.read(now[0], i), most));
          return Values{s.write(s.mul(factor, s.add(f, epsilon)), now[0], i)};
        })[0];
  }
};

} // namespace

Value reference::startOf(Scalars &s, Value state, ArrayRef<OpFoldResult> sizes,
                         double none) {
  ImplicitLocOpBuilder &b = s.b;
  SmallVector<OpFoldResult> shape =
      state ? tensor::getMixedSizes(b, b.getLoc(), state)
            : SmallVector<OpFoldResult>(sizes);
  Value init = tensor::EmptyOp::create(b, shape, s.type);
  if (!state) {
    return linalg::FillOp::create(b, s.number(none), init).getResult(0);
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
  if constexpr (std::is_same_v<Form, FavorForm>) {
    rows = form.rows;
  }
  Value columns = lastSize(scan.index, b, values);
  SmallVector<OpFoldResult> shape{scan.sequences, scan.heads, rows, columns};
  if (valuesFirst) {
    std::swap(shape[2], shape[3]);
  }
  Value state = op.getState() ? source(op.getState()) : Value();
  Values carried{destination, startOf(scan.s, state, shape)};
  bool hasNorm = false;
  if constexpr (std::is_same_v<OpTy, LinearAttentionOp>) {
    hasNorm = op.getNormalized();
    if (hasNorm) {
      Value norm = op.getNorm() ? source(op.getNorm()) : Value();
      carried.push_back(startOf(scan.s, norm, ArrayRef(shape).take_front(3)));
    }
    if (op.getFavor()) {
      Value most = op.getMax() ? source(op.getMax()) : Value();
      carried.push_back(startOf(scan.s, most, ArrayRef(shape).take_front(2),
                                -std::numeric_limits<double>::infinity()));
    }
  }
  Values results =
      scan.run(carried, MatrixStep(scan, form, rows, columns, hasNorm));
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
  auto linear = dyn_cast<LinearAttentionOp>(op);
  if (linear && linear.getFavor()) {
    FavorForm form(b, type, linear, source);
    return runMatrix(b, linear, type, form, form.v, source, destination,
                     /*valuesFirst=*/false);
  }
  if (linear) {
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
  if (auto kernel = dyn_cast<S4KernelOp>(op)) {
    return buildS4Kernel(b, kernel, source, destination);
  }
  if (auto conv = dyn_cast<FFTConvOp>(op)) {
    return buildFFTConv(b, conv, type, source, destination);
  }
  if (auto project = dyn_cast<LinformerProjectOp>(op)) {
    return buildLinformer(b, project, type, source, destination);
  }
  return buildChannelScan(b, cast<SSMScanOp>(op), type, source, destination);
}

} // namespace attn
