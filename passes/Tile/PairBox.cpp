//===- PairBox.cpp - a mask region on all pairs of a box at once ----------===//

#include "PairBox.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace attn {

//===----------------------------------------------------------------------===//
// Small things
//===----------------------------------------------------------------------===//

static unsigned bitsOf(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

Value BoxEvaluator::all(ArrayRef<Value> conditions) {
  Value result = conditions.front();
  for (Value condition : conditions.drop_front()) {
    result = b.createOrFold<arith::AndIOp>(loc, result, condition);
  }
  return result;
}

Value BoxEvaluator::any(ArrayRef<Value> conditions) {
  Value result = conditions.front();
  for (Value condition : conditions.drop_front()) {
    result = b.createOrFold<arith::OrIOp>(loc, result, condition);
  }
  return result;
}

Value BoxEvaluator::no(Value condition) {
  Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  return b.createOrFold<arith::XOrIOp>(loc, condition, yes);
}

Value BoxEvaluator::less(Value x, Value y, bool orEqual) {
  if (isa<FloatType>(x.getType())) {
    return arith::CmpFOp::create(
        b, loc, orEqual ? arith::CmpFPredicate::OLE : arith::CmpFPredicate::OLT,
        x, y);
  }
  return b.createOrFold<arith::CmpIOp>(
      loc, orEqual ? arith::CmpIPredicate::sle : arith::CmpIPredicate::slt, x,
      y);
}

Value BoxEvaluator::equal(Value x, Value y) {
  if (isa<FloatType>(x.getType())) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, y);
  }
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, y);
}

Value BoxEvaluator::choose(Value test, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, test, x, y);
}

Value BoxEvaluator::toIndex(Value element) {
  if (element.getType().isIndex()) {
    return element;
  }
  // An i1 of 1 is 1, not -1.
  if (element.getType().isInteger(1)) {
    return b.createOrFold<arith::IndexCastUIOp>(loc, b.getIndexType(), element);
  }
  return b.createOrFold<arith::IndexCastOp>(loc, b.getIndexType(), element);
}

Range BoxEvaluator::condition(Value can, Value cannot) {
  Range range;
  range.can = can;
  range.cannot = cannot;
  return range;
}

Range BoxEvaluator::unknown(Type type) {
  if (!type.isInteger(1)) {
    return Range();
  }
  Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  return condition(yes, yes);
}

Range BoxEvaluator::constant(int64_t value) {
  Range range = point(index.constant(value));
  range.ones = range.maybe = range.lo;
  range.bits = 1;
  while (range.bits < 64 && (value >> (range.bits - 1)) != 0 &&
         (value >> (range.bits - 1)) != -1) {
    ++range.bits;
  }
  return range;
}

// An i1 as 0 or 1.
Range BoxEvaluator::toInteger(Range test) {
  Value zero = index.constant(0), one = index.constant(1);
  Range range =
      span(choose(test.cannot, zero, one), choose(test.can, one, zero));
  range.bits = 2;
  return range;
}

// `range` in `type`, to which arithmetic wraps.
Range BoxEvaluator::fit(Range range, Type type) {
  unsigned width = bitsOf(type);
  if (!range.lo || range.bits <= std::min(width, 62u)) {
    return range;
  }
  if (width >= 62 || range.bits > 62) {
    return Range();
  }
  Value least = index.constant(-(int64_t(1) << (width - 1)));
  Value largest = index.constant((int64_t(1) << (width - 1)) - 1);
  Value fits =
      all({less(least, range.lo, true), less(range.hi, largest, true)});
  Range result;
  result.lo = choose(fits, range.lo, least);
  result.hi = choose(fits, range.hi, largest);
  result.bits = width;
  return result;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Range BoxEvaluator::add(Range x, Range y, bool subtract) {
  if (!x.lo || !y.lo || std::max(x.bits, y.bits) > 60) {
    return Range();
  }
  Range range;
  range.lo = subtract ? index.sub(x.lo, y.hi) : index.add(x.lo, y.lo);
  range.hi = subtract ? index.sub(x.hi, y.lo) : index.add(x.hi, y.hi);
  range.bits = std::max(x.bits, y.bits) + 1;
  return range;
}

Range BoxEvaluator::multiply(Range x, Range y) {
  if (!x.lo || !y.lo || x.bits + y.bits > 62) {
    return Range();
  }
  Value corners[] = {index.mul(x.lo, y.lo), index.mul(x.lo, y.hi),
                     index.mul(x.hi, y.lo), index.mul(x.hi, y.hi)};
  Range range;
  range.lo = range.hi = corners[0];
  for (Value corner : ArrayRef(corners).drop_front()) {
    range.lo = index.min(range.lo, corner);
    range.hi = index.max(range.hi, corner);
  }
  range.bits = x.bits + y.bits;
  return range;
}

// The constant above 0 that `range` is, or 0.
static int64_t positiveConstant(const Range &range) {
  std::optional<int64_t> value = range.lo && range.lo == range.hi
                                     ? getConstantIntValue(range.lo)
                                     : std::nullopt;
  return value && *value > 0 ? *value : 0;
}

Range BoxEvaluator::divide(Range x, Range y, bool floor) {
  int64_t divisor = positiveConstant(y);
  if (!x.lo || divisor == 0) {
    return Range();
  }
  auto quotient = [&](Value value) -> Value {
    return floor ? b.createOrFold<arith::FloorDivSIOp>(loc, value,
                                                       index.constant(divisor))
                 : b.createOrFold<arith::DivSIOp>(loc, value,
                                                  index.constant(divisor));
  };
  Range range = x;
  range.ones = range.maybe = Value();
  range.lo = quotient(x.lo);
  range.hi = x.lo == x.hi ? range.lo : quotient(x.hi);
  return range;
}

// x - floor(x / c) c with `nonNegative`, else with the sign of x.
Range BoxEvaluator::remainder(Range x, Range y, bool nonNegative) {
  int64_t divisor = positiveConstant(y);
  if (!x.lo || divisor == 0) {
    return Range();
  }
  Range least = divide(x, y, /*floor=*/true);
  Value one = equal(least.lo, least.hi);
  Value start = index.mul(least.lo, divisor);
  Value largest = index.constant(divisor - 1);
  Range range;
  range.lo = choose(one, index.sub(x.lo, start), index.constant(0));
  range.hi = choose(one, index.sub(x.hi, start), largest);
  range.bits = x.bits;
  if (!nonNegative) {
    Value negative = less(x.lo, index.constant(0), false);
    range.lo = choose(negative, index.constant(1 - divisor), range.lo);
    range.hi = choose(negative, largest, range.hi);
  }
  return range;
}

// and, or, xor of integers, by their bits.
Range BoxEvaluator::logical(Operation &op, Range x, Range y) {
  Value zero = index.constant(0), full = index.constant(-1);
  auto known = [&](Range &range) {
    if (range.ones) {
      return;
    }
    range.ones = zero;
    range.maybe = full;
  };
  known(x);
  known(y);
  auto make = [&](auto tag, Value lhs, Value rhs) -> Value {
    return b.createOrFold<decltype(tag)>(loc, lhs, rhs);
  };
  Range range;
  if (isa<arith::AndIOp>(op)) {
    range.ones = make(arith::AndIOp(), x.ones, y.ones);
    range.maybe = make(arith::AndIOp(), x.maybe, y.maybe);
  } else if (isa<arith::OrIOp>(op)) {
    range.ones = make(arith::OrIOp(), x.ones, y.ones);
    range.maybe = make(arith::OrIOp(), x.maybe, y.maybe);
  } else {
    return Range();
  }
  // Without a sign, a number lies between the two.
  Value positive = less(zero, range.maybe, true);
  range.lo = choose(positive, range.ones,
                    index.constant(std::numeric_limits<int64_t>::min()));
  range.hi = choose(positive, range.maybe,
                    index.constant(std::numeric_limits<int64_t>::max()));
  return range;
}

// `value` shifted right by any number: what is all ones or nothing stays so.
Range BoxEvaluator::shift(Range value, bool arithmetic) {
  if (!value.ones) {
    return Range();
  }
  Value zero = index.constant(0), full = index.constant(-1);
  Value none = equal(value.maybe, zero), whole = equal(value.ones, full);
  Range range;
  range.ones = choose(whole, arithmetic ? full : index.constant(1), zero);
  range.maybe = choose(none, zero, full);
  range.lo =
      choose(none, zero, index.constant(std::numeric_limits<int64_t>::min()));
  range.hi =
      choose(none, zero, index.constant(std::numeric_limits<int64_t>::max()));
  return range;
}

Range BoxEvaluator::select(Range test, Range x, Range y) {
  if (x.can && y.can) {
    return condition(
        any({all({test.can, x.can}), all({test.cannot, y.can})}),
        any({all({test.can, x.cannot}), all({test.cannot, y.cannot})}));
  }
  if (!x.lo || !y.lo || isa<FloatType>(x.lo.getType())) {
    return Range();
  }
  // One of them where the test is decided, else both.
  Range range;
  range.lo =
      choose(test.can, choose(test.cannot, index.min(x.lo, y.lo), x.lo), y.lo);
  range.hi =
      choose(test.can, choose(test.cannot, index.max(x.hi, y.hi), x.hi), y.hi);
  range.bits = std::max(x.bits, y.bits);
  return range;
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

Range BoxEvaluator::compare(arith::CmpIPredicate predicate, Range x, Range y) {
  using P = arith::CmpIPredicate;
  if (x.can || y.can) {
    x = x.can ? toInteger(x) : x;
    y = y.can ? toInteger(y) : y;
  }
  if (!x.lo || !y.lo) {
    return unknown(b.getI1Type());
  }
  auto isLess = [&](const Range &lhs, const Range &rhs, bool orEqual) {
    return condition(less(lhs.lo, rhs.hi, orEqual),
                     no(less(lhs.hi, rhs.lo, orEqual)));
  };
  // As numbers without a sign, if no one of them has one.
  auto isBelow = [&](const Range &lhs, const Range &rhs, bool orEqual) {
    Range range = isLess(lhs, rhs, orEqual);
    Value zero = index.constant(0);
    Value signs = any({less(x.lo, zero, false), less(y.lo, zero, false)});
    return condition(any({range.can, signs}), any({range.cannot, signs}));
  };
  switch (predicate) {
  case P::slt:
    return isLess(x, y, false);
  case P::sle:
    return isLess(x, y, true);
  case P::sgt:
    return isLess(y, x, false);
  case P::sge:
    return isLess(y, x, true);
  case P::ult:
    return isBelow(x, y, false);
  case P::ule:
    return isBelow(x, y, true);
  case P::ugt:
    return isBelow(y, x, false);
  case P::uge:
    return isBelow(y, x, true);
  case P::eq:
  case P::ne:
    break;
  }
  Value can = all({less(x.lo, y.hi, true), less(y.lo, x.hi, true)});
  Value cannot =
      no(all({equal(x.lo, x.hi), equal(y.lo, y.hi), equal(x.lo, y.lo)}));
  return predicate == P::eq ? condition(can, cannot) : condition(cannot, can);
}

// A NaN is in the bounds, and makes no comparison certain.
Range BoxEvaluator::compare(arith::CmpFPredicate predicate, Range x, Range y) {
  using P = arith::CmpFPredicate;
  if (!x.lo || !y.lo) {
    return unknown(b.getI1Type());
  }
  auto isLess = [&](const Range &lhs, const Range &rhs, bool orEqual) {
    return condition(no(less(rhs.hi, lhs.lo, !orEqual)),
                     no(less(lhs.hi, rhs.lo, orEqual)));
  };
  Value can = no(any({less(x.hi, y.lo, false), less(y.hi, x.lo, false)}));
  Value cannot =
      no(all({equal(x.lo, x.hi), equal(y.lo, y.hi), equal(x.lo, y.lo)}));
  switch (predicate) {
  case P::OLT:
  case P::ULT:
    return isLess(x, y, false);
  case P::OLE:
  case P::ULE:
    return isLess(x, y, true);
  case P::OGT:
  case P::UGT:
    return isLess(y, x, false);
  case P::OGE:
  case P::UGE:
    return isLess(y, x, true);
  case P::OEQ:
  case P::UEQ:
    return condition(can, cannot);
  case P::ONE:
  case P::UNE:
    return condition(cannot, can);
  default:
    return unknown(b.getI1Type());
  }
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

Range BoxEvaluator::rangeOf(Value value) {
  auto found = values.find(value);
  if (found != values.end()) {
    return found->second;
  }
  // From above the region: the same for all pairs.
  Type type = value.getType();
  if (type.isInteger(1)) {
    return condition(value, no(value));
  }
  if (isa<FloatType>(type)) {
    return point(value);
  }
  if (type.isIntOrIndex() && bitsOf(type) <= 64) {
    Range range = point(toIndex(value));
    range.bits = type.isIndex() ? kPositionBits : bitsOf(type);
    return range;
  }
  return Range();
}

void BoxEvaluator::visit(Operation &op) {
  if (op.getNumResults() != 1) {
    for (Value result : op.getResults()) {
      values[result] = unknown(result.getType());
    }
    return;
  }
  Value result = op.getResult(0);
  Type type = result.getType();
  auto at = [&](unsigned n) { return rangeOf(op.getOperand(n)); };
  auto bounds = [&](function_ref<Value(Value)> map) {
    Range range = at(0);
    if (range.lo) {
      range.lo = map(range.lo);
      range.hi = map(range.hi);
    }
    range.ones = range.maybe = Value();
    return range;
  };
  bool isBool = type.isInteger(1);
  values[result] =
      llvm::TypeSwitch<Operation *, Range>(&op)
          .Case([&](arith::ConstantOp constantOp) {
            if (isBool) {
              bool set = cast<IntegerAttr>(constantOp.getValue()).getInt();
              auto make = [&](bool value) -> Value {
                return arith::ConstantOp::create(b, loc, b.getBoolAttr(value));
              };
              return condition(make(set), make(!set));
            }
            if (auto value = dyn_cast<IntegerAttr>(constantOp.getValue())) {
              return constant(value.getInt());
            }
            if (auto value = dyn_cast<FloatAttr>(constantOp.getValue())) {
              return point(arith::ConstantOp::create(b, loc, value));
            }
            return Range();
          })
          .Case<arith::IndexCastOp, arith::ExtSIOp>(
              [&](auto) { return at(0).can ? Range() : fit(at(0), type); })
          .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
              [&](auto) { return at(0).can ? toInteger(at(0)) : Range(); })
          .Case([&](arith::TruncIOp) {
            Range value = at(0);
            if (!isBool) {
              return fit(value, type);
            }
            if (!value.ones) {
              return unknown(type);
            }
            Value one = index.constant(1);
            auto low = [&](Value bits) {
              return equal(b.createOrFold<arith::AndIOp>(loc, bits, one), one);
            };
            return condition(low(value.maybe), no(low(value.ones)));
          })
          .Case<arith::AddIOp, arith::SubIOp>([&](auto) {
            return fit(add(at(0), at(1), isa<arith::SubIOp>(op)), type);
          })
          .Case(
              [&](arith::MulIOp) { return fit(multiply(at(0), at(1)), type); })
          .Case<arith::DivSIOp, arith::FloorDivSIOp>([&](auto) {
            return divide(at(0), at(1), isa<arith::FloorDivSIOp>(op));
          })
          .Case([&](arith::RemSIOp) { return remainder(at(0), at(1), false); })
          .Case<arith::AndIOp, arith::OrIOp, arith::XOrIOp>([&](auto) {
            Range x = at(0), y = at(1);
            if (!isBool) {
              return logical(op, x, y);
            }
            if (isa<arith::AndIOp>(op)) {
              return condition(all({x.can, y.can}), any({x.cannot, y.cannot}));
            }
            if (isa<arith::OrIOp>(op)) {
              return condition(any({x.can, y.can}), all({x.cannot, y.cannot}));
            }
            return condition(
                any({all({x.can, y.cannot}), all({x.cannot, y.can})}),
                any({all({x.can, y.can}), all({x.cannot, y.cannot})}));
          })
          .Case([&](arith::ShRUIOp) { return shift(at(0), false); })
          .Case([&](arith::ShRSIOp) { return shift(at(0), true); })
          .Case<arith::MinSIOp, arith::MaxSIOp>([&](auto) {
            Range x = at(0), y = at(1), range;
            if (!x.lo || !y.lo) {
              return range;
            }
            bool least = isa<arith::MinSIOp>(op);
            range.lo = least ? index.min(x.lo, y.lo) : index.max(x.lo, y.lo);
            range.hi = least ? index.min(x.hi, y.hi) : index.max(x.hi, y.hi);
            range.bits = std::max(x.bits, y.bits);
            return range;
          })
          .Case([&](arith::SelectOp) {
            return op.getOperand(0).getType().isInteger(1)
                       ? select(at(0), at(1), at(2))
                       : unknown(type);
          })
          .Case([&](arith::CmpIOp cmp) {
            return compare(cmp.getPredicate(), at(0), at(1));
          })
          .Case([&](arith::CmpFOp cmp) {
            return compare(cmp.getPredicate(), at(0), at(1));
          })
          .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) {
            return bounds([&](Value value) -> Value {
              return isa<arith::ExtFOp>(op)
                         ? arith::ExtFOp::create(b, loc, type, value)
                               .getResult()
                         : arith::TruncFOp::create(b, loc, type, value)
                               .getResult();
            });
          })
          .Case<arith::AddFOp, arith::SubFOp>([&](auto) {
            Range x = at(0), y = at(1), range;
            if (!x.lo || !y.lo) {
              return range;
            }
            bool minus = isa<arith::SubFOp>(op);
            auto sum = [&](Value u, Value v) -> Value {
              return minus ? arith::SubFOp::create(b, loc, u, v).getResult()
                           : arith::AddFOp::create(b, loc, u, v).getResult();
            };
            range.lo = sum(x.lo, minus ? y.hi : y.lo);
            range.hi = sum(x.hi, minus ? y.lo : y.hi);
            return range;
          })
          .Default([&](Operation *) { return unknown(type); });
  if (isBool && !values[result].can) {
    values[result] = unknown(type);
  }
}

Range BoxEvaluator::evaluate(Region &region, ArrayRef<Range> captured,
                             const PairBox &box) {
  values.clear();
  Block &block = region.front();
  for (auto [argument, range] : llvm::zip(block.getArguments(), captured)) {
    values[argument] = range;
  }
  for (unsigned d = 0; d < 4; ++d) {
    values[block.getArgument(captured.size() + d)] = box.dims[d];
  }
  for (Operation &op : block.without_terminator()) {
    visit(op);
  }
  return rangeOf(block.getTerminator()->getOperand(0));
}

//===----------------------------------------------------------------------===//
// Affine maps
//===----------------------------------------------------------------------===//

Range BoxEvaluator::image(AffineExpr expr, const PairBox &box) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    return box.dims[dim.getPosition()];
  }
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    return constant(value.getValue());
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Range x = image(binary.getLHS(), box), y = image(binary.getRHS(), box);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add(x, y, false);
  case AffineExprKind::Mul:
    return multiply(x, y);
  case AffineExprKind::FloorDiv:
    return divide(x, y, true);
  case AffineExprKind::CeilDiv: {
    Range up = add(x, add(y, constant(1), true), false);
    return divide(up, y, true);
  }
  case AffineExprKind::Mod:
    return remainder(x, y, true);
  default:
    return Range();
  }
}

} // namespace attn
