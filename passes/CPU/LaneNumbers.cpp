//===- LaneNumbers.cpp - real or complex numbers in lanes -----------------===//

#include "LaneNumbers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn {

Value NumberBuilder::negated(Value x) { return lb.sub(lb.constant(0.0), x); }

Value NumberBuilder::div(Value x, Value y) {
  return arith::DivFOp::create(lb.b, lb.loc, x, y);
}

Number NumberBuilder::scaled(Number x, Value by) {
  return {lb.mul(x.re, by), x.im ? lb.mul(x.im, by) : Value()};
}

Number NumberBuilder::add(Number x, Number y) {
  return {lb.add(x.re, y.re), x.im ? lb.add(x.im, y.im) : Value()};
}

Number NumberBuilder::plusOne(Number x) {
  return {lb.add(x.re, lb.constant(1.0)), x.im};
}

Number NumberBuilder::mul(Number x, Number y) {
  if (!x.im) {
    return {lb.mul(x.re, y.re), Value()};
  }
  return {lb.fma(negated(x.im), y.im, lb.mul(x.re, y.re)),
          lb.fma(x.re, y.im, lb.mul(x.im, y.re))};
}

Number NumberBuilder::conj(Number x) {
  return {x.re, x.im ? negated(x.im) : Value()};
}

Number NumberBuilder::inverse(Number x) {
  if (!x.im) {
    return {div(lb.constant(1.0), x.re), Value()};
  }
  Value size = lb.fma(x.re, x.re, lb.mul(x.im, x.im));
  return scaled(conj(x), div(lb.constant(1.0), size));
}

Value NumberBuilder::accumulate(Number x, Number y, Value sum) {
  if (!x.im) {
    return lb.fma(x.re, y.re, sum);
  }
  Value half = lb.fma(negated(x.im), y.im, lb.mul(x.re, y.re));
  return lb.fma(half, lb.constant(2.0), sum);
}

std::pair<Number, Number> NumberBuilder::held(Number x, Value size, Value above,
                                              Value cosHalf, Value sinHalf) {
  Value one = lb.constant(1.0), none = lb.constant(0.0);
  Value twice = lb.mul(lb.constant(2.0), lb.mul(sinHalf, sinHalf));
  Value cos = lb.sub(one, twice);
  Value sin = lb.mul(lb.constant(2.0), lb.mul(sinHalf, cosHalf));
  Number exp{lb.mul(size, cos), lb.mul(size, sin)};
  if (!above) {
    return {exp, Number()};
  }
  // e^(a + bi) - 1 = (e^a - 1) cos b - 2 sin^2(b / 2) + e^a sin(b) i.
  Number less{lb.sub(lb.mul(above, cos), twice), exp.im};
  Number weight = mul(less, inverse(x));
  auto isZero = [&](Value y) -> Value {
    return arith::CmpFOp::create(lb.b, lb.loc, arith::CmpFPredicate::OEQ, y,
                                 none);
  };
  auto select = [&](Value condition, Value y, Value z) -> Value {
    return arith::SelectOp::create(lb.b, lb.loc, condition, y, z);
  };
  Value isNone =
      arith::AndIOp::create(lb.b, lb.loc, isZero(x.re), isZero(x.im));
  return {exp,
          {select(isNone, one, weight.re), select(isNone, none, weight.im)}};
}

} // namespace attn
