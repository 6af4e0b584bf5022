//===- ReferenceNumbers.h - real and complex scalars of references --------===//

#ifndef ATTN_PASSES_GRAPH_REFERENCENUMBERS_H
#define ATTN_PASSES_GRAPH_REFERENCENUMBERS_H

#include "ReferenceScan.h"

namespace attn::reference {

/// A complex number, or a real one without an imaginary part.
struct Number {
  Value re, im;
};

/// Arithmetic on them; in memory a complex number has a last dimension of 2,
/// and stands for itself and its conjugate.
struct Numbers {
  Scalars &s;
  IndexBuilder &index;
  bool complex;

  Number read(Value tensor, Values at) {
    if (!complex) {
      return {s.read(tensor, at), Value()};
    }
    at.push_back(index.constant(0));
    Value re = s.read(tensor, at);
    at.back() = index.constant(1);
    return {re, s.read(tensor, at)};
  }
  Value write(Number x, Value tensor, Values at) {
    if (!x.im) {
      return s.write(x.re, tensor, at);
    }
    at.push_back(index.constant(0));
    tensor = s.write(x.re, tensor, at);
    at.back() = index.constant(1);
    return s.write(x.im, tensor, at);
  }
  Number one() { return {s.number(1.0), complex ? s.number(0.0) : Value()}; }
  Number scaled(Number x, Value by) {
    return {s.mul(x.re, by), x.im ? s.mul(x.im, by) : Value()};
  }
  Number add(Number x, Number y) {
    return {s.add(x.re, y.re), x.im ? s.add(x.im, y.im) : Value()};
  }
  Number sub(Number x, Number y) {
    return {s.sub(x.re, y.re), x.im ? s.sub(x.im, y.im) : Value()};
  }
  Number mul(Number x, Number y) {
    if (!x.im) {
      return scaled(y, x.re);
    }
    if (!y.im) {
      return scaled(x, y.re);
    }
    return {s.sub(s.mul(x.re, y.re), s.mul(x.im, y.im)),
            s.add(s.mul(x.re, y.im), s.mul(x.im, y.re))};
  }
  Number conj(Number x) {
    return {x.re, x.im ? s.sub(s.number(0.0), x.im) : Value()};
  }
  Number inverse(Number x) {
    if (!x.im) {
      return {s.div(s.number(1.0), x.re), Value()};
    }
    Value size = s.add(s.mul(x.re, x.re), s.mul(x.im, x.im));
    Number c = conj(x);
    return {s.div(c.re, size), s.div(c.im, size)};
  }
  Number exp(Number x) {
    Value size = s.exp(x.re);
    if (!x.im) {
      return {size, Value()};
    }
    return {s.mul(size, math::CosOp::create(s.b, x.im)),
            s.mul(size, math::SinOp::create(s.b, x.im))};
  }
  /// (e^x - 1) / x, 1 for 0. e^(a + bi) - 1 is
  /// (e^a - 1) cos b - 2 sin^2(b / 2) + e^a sin(b) i.
  Number held(Number x) {
    Value one = math::ExpM1Op::create(s.b, x.re);
    auto isZero = [&](Value y) -> Value {
      return arith::CmpFOp::create(s.b, arith::CmpFPredicate::OEQ, y,
                                   s.number(0.0));
    };
    if (!x.im) {
      return {s.select(isZero(x.re), s.number(1.0), s.div(one, x.re)), Value()};
    }
    Value half = math::SinOp::create(s.b, s.mul(x.im, s.number(0.5)));
    Value cos = math::CosOp::create(s.b, x.im);
    Number above{
        s.sub(s.mul(one, cos), s.mul(s.number(2.0), s.mul(half, half))),
        s.mul(s.exp(x.re), math::SinOp::create(s.b, x.im))};
    Number result = mul(above, inverse(x));
    Value none = arith::AndIOp::create(s.b, isZero(x.re), isZero(x.im));
    return {s.select(none, s.number(1.0), result.re),
            s.select(none, s.number(0.0), result.im)};
  }
  /// What `x` and its conjugate sum up to.
  Value total(Number x) { return x.im ? s.mul(x.re, s.number(2.0)) : x.re; }
};

} // namespace attn::reference

#endif // ATTN_PASSES_GRAPH_REFERENCENUMBERS_H
