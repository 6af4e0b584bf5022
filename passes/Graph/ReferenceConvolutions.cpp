//===- ReferenceConvolutions.cpp - long convolutions by definition --------===//
// Impulse responses of state spaces, sums over all earlier tokens, and the
// projection of Linformer.
//===----------------------------------------------------------------------===//

#include "ReferenceNumbers.h"

#include <functional>

using namespace mlir;

namespace attn::reference {

namespace {

/// One channel of `attn.s4_kernel`.
class KernelOfChannel {
public:
  KernelOfChannel(Scalars &s, IndexBuilder &index, S4KernelOp op,
                  function_ref<Value(Value)> source)
      : s(s), index(index), op(op), numbers{s, index, op.getComplex()} {
    a = source(op.getA()), b = source(op.getB()), c = source(op.getC());
    delta = source(op.getDelta());
    p = op.getP() ? source(op.getP()) : Value();
    q = op.getQ() ? source(op.getQ()) : Value();
    rank = p ? cast<ShapedType>(p.getType()).getDimSize(1) : 0;
    states = tensor::DimOp::create(s.b, a, index.constant(1));
    zero = index.constant(0);
  }

  // Row `d` of `into`.
  Value build(Value d, Value into) {
    channel = d;
    step = s.read(delta, d);
    half = s.mul(step, s.number(0.5));
    Value taps = tensor::DimOp::create(s.b, into, index.constant(1));
    Value start =
        solved(each([&](Value n) {
                 Number input = numbers.scaled(read(b, n), step);
                 return op.getBilinear()
                            ? input
                            : numbers.mul(numbers.held(exponent(n)), input);
               }),
               none());
    return referenceLoop(
        s.b, zero, taps, ValueRange{into, start}, [&](Value l, ValueRange now) {
          Value state = now[1];
          Value tap = sum(
              [&](Value n) { return numbers.mul(read(c, n), at(state, n)); });
          return Values{s.write(tap, now[0], {d, l}), next(state)};
        })[0];
  }

private:
  Scalars &s;
  IndexBuilder &index;
  S4KernelOp op;
  Numbers numbers;
  Value a, b, c, delta, p, q, states, zero;
  int64_t rank;
  Value channel, step, half; // of this channel

  Number read(Value of, Value n) { return numbers.read(of, {channel, n}); }
  Number read(Value of, int64_t r, Value n) {
    return numbers.read(of, {channel, index.constant(r), n});
  }
  Number at(Value state, Value n) { return numbers.read(state, {n}); }
  Number exponent(Value n) { return numbers.scaled(read(a, n), step); }

  // A vector of states; made in one that is there, or in a new one.
  Value none() {
    SmallVector<OpFoldResult> shape{states};
    if (op.getComplex()) {
      shape.push_back(s.b.getIndexAttr(2));
    }
    return tensor::EmptyOp::create(s.b, shape, s.type);
  }
  Value each(Value into, function_ref<Number(Value, Value)> element) {
    return referenceLoop(s.b, zero, states, into, [&](Value n, ValueRange now) {
      return Values{numbers.write(element(n, now[0]), now[0], {n})};
    })[0];
  }
  Value each(function_ref<Number(Value)> element) {
    return each(none(), [&](Value n, Value) { return element(n); });
  }
  Value sum(function_ref<Number(Value)> element) {
    return referenceLoop(
        s.b, zero, states, s.number(0.0), [&](Value n, ValueRange now) {
          return Values{s.add(now[0], numbers.total(element(n)))};
        })[0];
  }
  // q_r^* x.
  Value read(int64_t r, Value x) {
    return sum([&](Value n) {
      return numbers.mul(numbers.conj(read(q, r, n)), at(x, n));
    });
  }
  // 1 / (1 - delta/2 a_n).
  Number diagonal(Value n) {
    return numbers.inverse(
        numbers.sub(numbers.one(), numbers.scaled(read(a, n), half)));
  }

  // (1 - delta/2 A)^-1 y by Woodbury's identity; y itself for zero-order hold.
  Value solved(Value y, Value into) {
    if (!op.getBilinear()) {
      return y;
    }
    Value z = each([&](Value n) { return numbers.mul(diagonal(n), at(y, n)); });
    SmallVector<Value> columns, w;
    for (int64_t r = 0; r < rank; ++r) {
      columns.push_back(each([&](Value n) {
        return numbers.scaled(numbers.mul(diagonal(n), read(p, r, n)), half);
      }));
    }
    if (rank > 0) {
      w = smallSolve(columns, z);
    }
    return each(into, [&](Value n, Value) {
      Number x = at(z, n);
      for (int64_t r = 0; r < rank; ++r) {
        x = numbers.sub(x, numbers.scaled(at(columns[r], n), w[r]));
      }
      return x;
    });
  }

  // (1 + q^* columns) w = q^* z.
  SmallVector<Value> smallSolve(ArrayRef<Value> columns, Value z) {
    auto entry = [&](int64_t r, int64_t k) {
      Value product = read(r, columns[k]);
      return r == k ? s.add(product, s.number(1.0)) : product;
    };
    if (rank == 1) {
      return {s.div(read(0, z), entry(0, 0))};
    }
    Value m00 = entry(0, 0), m01 = entry(0, 1), m10 = entry(1, 0),
          m11 = entry(1, 1), t0 = read(0, z), t1 = read(1, z);
    Value determinant = s.sub(s.mul(m00, m11), s.mul(m01, m10));
    return {s.div(s.sub(s.mul(m11, t0), s.mul(m01, t1)), determinant),
            s.div(s.sub(s.mul(m00, t1), s.mul(m10, t0)), determinant)};
  }

  // The state behind `x`, in its place.
  Value next(Value x) {
    if (!op.getBilinear()) {
      return each(x, [&](Value n, Value now) {
        return numbers.mul(numbers.exp(exponent(n)), at(now, n));
      });
    }
    SmallVector<Value> reads;
    for (int64_t r = 0; r < rank; ++r) {
      reads.push_back(read(r, x));
    }
    Value y = each([&](Value n) {
      Number moved = numbers.mul(read(a, n), at(x, n));
      for (int64_t r = 0; r < rank; ++r) {
        moved = numbers.sub(moved, numbers.scaled(read(p, r, n), reads[r]));
      }
      return numbers.add(at(x, n), numbers.scaled(moved, half));
    });
    return solved(y, x);
  }
};

} // namespace

Values buildS4Kernel(ImplicitLocOpBuilder &b, S4KernelOp op,
                     function_ref<Value(Value)> source, Value destination) {
  // f64 whatever the precision of others: that is how the op is defined.
  Scalars wide{b, Float64Type::get(b.getContext())};
  IndexBuilder index(b, b.getLoc());
  Value into = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), destination), wide.type);
  KernelOfChannel kernel(wide, index, op, source);
  Value channels = tensor::DimOp::create(b, into, index.constant(0));
  return referenceLoop(
      b, index.constant(0), channels, into,
      [&](Value d, ValueRange now) { return Values{kernel.build(d, now[0])}; });
}

Values buildFFTConv(ImplicitLocOpBuilder &b, FFTConvOp op, FloatType type,
                    function_ref<Value(Value)> source, Value destination) {
  Scalars s{b, type};
  Value u = source(op.getU()), k = source(op.getK());
  Value skip = op.getSkip() ? source(op.getSkip()) : Value();
  ReferenceScan scan(b, type, RowOrder{2, 1, false}, u, Value(), Value());
  IndexBuilder &index = scan.index;
  Value taps = scan.size(k, 1), zero = index.constant(0);
  return scan.run(destination, [&](const Token &at, ValueRange now) {
    Value first = index.max(index.add(index.sub(at.token, taps), 1), zero);
    Value start = skip ? s.mul(s.read(skip, at.head),
                               s.read(u, {at.batch, at.token, at.head}))
                       : s.number(0.0);
    Value y = referenceLoop(
        b, first, index.add(at.token, 1), start, [&](Value t, ValueRange sum) {
          Value tap = s.read(k, {at.head, index.sub(at.token, t)});
          return Values{
              s.add(sum[0], s.mul(tap, s.read(u, {at.batch, t, at.head})))};
        })[0];
    return Values{s.write(y, now[0], {at.batch, at.token, at.head})};
  });
}

Values buildLinformer(ImplicitLocOpBuilder &b, LinformerProjectOp op,
                      FloatType type, function_ref<Value(Value)> source,
                      Value destination) {
  Scalars s{b, type};
  IndexBuilder index(b, b.getLoc());
  Value x = source(op.getX()), e = source(op.getE());
  bool ofHeads = cast<ShapedType>(e.getType()).getRank() == 3;
  auto size = [&](Value of, int64_t d) -> Value {
    return tensor::DimOp::create(b, of, index.constant(d));
  };
  Value zero = index.constant(0);
  Value tokens = index.min(size(x, op.getSeqDim()), size(e, ofHeads ? 1 : 0));
  // (batch, head, row, element) in the order of the layout.
  auto at = [&](ArrayRef<Value> point) {
    Values indices(4);
    indices[0] = point[0], indices[3] = point[3];
    indices[op.getHeadDim()] = point[1];
    indices[op.getSeqDim()] = point[2];
    return indices;
  };
  int64_t dims[] = {0, op.getHeadDim(), op.getSeqDim(), 3};
  SmallVector<Value> point;
  std::function<Values(ValueRange)> nest = [&](ValueRange now) -> Values {
    if (point.size() < 4) {
      return referenceLoop(b, zero, size(destination, dims[point.size()]), now,
                           [&](Value iv, ValueRange inner) {
                             point.push_back(iv);
                             Values results = nest(inner);
                             point.pop_back();
                             return results;
                           });
    }
    Value sum = referenceLoop(
        b, zero, tokens, s.number(0.0), [&](Value t, ValueRange carried) {
          Values weight{t, point[2]};
          if (ofHeads) {
            weight.insert(weight.begin(), point[1]);
          }
          Value row = s.read(x, at({point[0], point[1], t, point[3]}));
          return Values{s.add(carried[0], s.mul(s.read(e, weight), row))};
        })[0];
    return {s.write(sum, now[0], at(point))};
  };
  return nest(destination);
}

} // namespace attn::reference
