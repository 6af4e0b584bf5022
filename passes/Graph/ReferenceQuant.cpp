//===- ReferenceQuant.cpp - codes of few bits by definition ---------------===//

#include "ReferenceQuant.h"
#include "ReferenceForm.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

/// A float of 8 bits: `mantissa` of them behind the exponent.
struct Float8 {
  int64_t mantissa, bias;
  explicit Float8(Type type)
      : mantissa(isa<Float8E4M3FNType>(type) ? 3 : 2),
        bias(mantissa == 3 ? 7 : 15) {}
};

class ReferenceQuant {
public:
  explicit ReferenceQuant(ImplicitLocOpBuilder &b)
      : b(b), index(b, b.getLoc()) {}

  Value integer(int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  Value number(double value, Type type) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }
  Value isEqual(Value x, int64_t y) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, integer(y));
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, condition, x, y);
  }
  template <typename OpTy> Value op(Value x, Value y) {
    return OpTy::create(b, x, y);
  }

  // 2^n of an i64 that is the exponent of a normal f64.
  Value power(Value n) {
    Value bits =
        op<arith::ShLIOp>(op<arith::AddIOp>(n, integer(1023)), integer(52));
    return arith::BitcastOp::create(b, b.getF64Type(), bits);
  }

  // Bits [0, 8) of an element of `tensor`, an i64.
  Value byte(Value tensor, ValueRange at) {
    Value x = tensor::ExtractOp::create(b, tensor, at);
    if (!x.getType().isInteger(8)) {
      x = arith::BitcastOp::create(b, b.getI8Type(), x);
    }
    return arith::ExtUIOp::create(b, b.getI64Type(), x);
  }

  Value fromFloat8(Value bits, Float8 form) {
    Value fraction = op<arith::AndIOp>(bits, integer((1 << form.mantissa) - 1));
    Value exponent =
        op<arith::AndIOp>(op<arith::ShRUIOp>(bits, integer(form.mantissa)),
                          integer((1 << (7 - form.mantissa)) - 1));
    Value isSmall = isEqual(exponent, 0);
    Value significand =
        select(isSmall, fraction,
               op<arith::AddIOp>(fraction, integer(1 << form.mantissa)));
    Value place = op<arith::SubIOp>(select(isSmall, integer(1), exponent),
                                    integer(form.bias + form.mantissa));
    Value x = op<arith::MulFOp>(
        arith::SIToFPOp::create(b, b.getF64Type(), significand), power(place));
    Value rest = op<arith::AndIOp>(bits, integer(0x7f));
    Value nan = number(std::numeric_limits<double>::quiet_NaN(), x.getType());
    if (form.mantissa == 3) {
      x = select(isEqual(rest, 0x7f), nan, x);
    } else {
      Value infinity =
          number(std::numeric_limits<double>::infinity(), x.getType());
      x = select(isEqual(exponent, 31),
                 select(isEqual(fraction, 0), infinity, nan), x);
    }
    return select(isEqual(op<arith::ShRUIOp>(bits, integer(7)), 1),
                  arith::NegFOp::create(b, x), x);
  }

  // A finite f64 within range, rounded to even; an i64.
  Value toFloat8(Value x, Float8 form) {
    Value bits = arith::BitcastOp::create(b, b.getI64Type(), x);
    Value negative = op<arith::ShRUIOp>(bits, integer(63));
    Value exponent = op<arith::AndIOp>(op<arith::ShRUIOp>(bits, integer(52)),
                                       integer(0x7ff));
    exponent = op<arith::MaxSIOp>(op<arith::SubIOp>(exponent, integer(1023)),
                                  integer(1 - form.bias));
    Value scaled = op<arith::MulFOp>(
        math::AbsFOp::create(b, x),
        power(op<arith::SubIOp>(integer(form.mantissa), exponent)));
    Value significand = arith::FPToSIOp::create(
        b, b.getI64Type(), math::RoundEvenOp::create(b, scaled));
    Value high =
        op<arith::ShLIOp>(op<arith::AddIOp>(exponent, integer(form.bias - 1)),
                          integer(form.mantissa));
    return op<arith::OrIOp>(op<arith::AddIOp>(high, significand),
                            op<arith::ShLIOp>(negative, integer(7)));
  }

  Value asSigned(Value bits, int64_t count) {
    Value half = integer(int64_t(1) << (count - 1));
    return op<arith::SubIOp>(op<arith::XOrIOp>(bits, half), half);
  }

  // (the number of an element, the scale in its row or null), of f64.
  std::pair<Value, Value> decode(Value codes, ValueRange point, Packing packing,
                                 bool isSigned) {
    Values at(point);
    Value d = point.back();
    auto toDouble = [&](Value x) -> Value {
      return arith::SIToFPOp::create(b, b.getF64Type(), x);
    };
    auto byteAt = [&](Value n) {
      at.back() = n;
      return byte(codes, at);
    };
    auto nibble = [&](Value n, Value isHigh) {
      Value x = byteAt(n);
      return select(isHigh, op<arith::ShRUIOp>(x, integer(4)),
                    op<arith::AndIOp>(x, integer(15)));
    };
    auto isAtLeast = [&](Value x, int64_t y) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::uge, x,
                                   index.constant(y));
    };
    Type element = cast<ShapedType>(codes.getType()).getElementType();
    Value block = index.div(d, 32);
    Value within = index.sub(d, index.mul(block, 32));
    auto scaleAt = [&](Value start) -> Value {
      Value bits = op<arith::OrIOp>(
          op<arith::ShLIOp>(byteAt(index.add(start, 1)), integer(8)),
          byteAt(start));
      Value half = arith::BitcastOp::create(
          b, b.getF16Type(), arith::TruncIOp::create(b, b.getI16Type(), bits));
      return arith::ExtFOp::create(b, b.getF64Type(), half);
    };
    switch (packing) {
    case Packing::Plain: {
      Value bits = byteAt(d);
      if (isa<FloatType>(element)) {
        return {fromFloat8(bits, Float8(element)), Value()};
      }
      return {toDouble(isSigned ? asSigned(bits, 8) : bits), Value()};
    }
    case Packing::Int4: {
      Value pair = index.div(d, 2);
      Value x = nibble(pair, isAtLeast(index.sub(d, index.mul(pair, 2)), 1));
      return {toDouble(isSigned ? asSigned(x, 4) : x), Value()};
    }
    case Packing::Q8_0: {
      Value start = index.mul(block, 34);
      Value x = asSigned(byteAt(index.add(index.add(start, 2), within)), 8);
      return {toDouble(x), scaleAt(start)};
    }
    case Packing::Q4_0: {
      Value start = index.mul(block, 18), isHigh = isAtLeast(within, 16);
      Value n = select(isHigh, index.add(within, -16), within);
      Value x = nibble(index.add(index.add(start, 2), n), isHigh);
      return {toDouble(op<arith::SubIOp>(x, integer(8))), scaleAt(start)};
    }
    }
    llvm_unreachable("unknown packing");
  }

  // Loops over all points of `shape`, carrying `inits`.
  Values eachPoint(Value shape, ValueRange inits,
                   function_ref<Values(ValueRange, ValueRange)> body) {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), shape);
    Values point;
    std::function<Values(ValueRange)> nest = [&](ValueRange carried) {
      if (point.size() == sizes.size()) {
        return body(point, carried);
      }
      return referenceLoop(b, index.constant(0),
                           index.value(sizes[point.size()]), carried,
                           [&](Value iv, ValueRange inner) {
                             point.push_back(iv);
                             Values next = nest(inner);
                             point.pop_back();
                             return next;
                           });
    };
    return nest(inits);
  }

  Value emptyLike(Value shape, Type element) {
    return tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), shape), element);
  }
  Value filled(Value shape, double value) {
    Value empty = emptyLike(shape, b.getF32Type());
    return linalg::FillOp::create(b, number(value, b.getF32Type()), empty)
        .getResult(0);
  }
  Values mapped(AffineMap map, ValueRange point, ValueRange symbols) {
    Values operands(point);
    operands.append(symbols.begin(), symbols.end());
    return *affine::expandAffineMap(b, b.getLoc(), map, operands);
  }
  Value read(Value tensor, ValueRange at, Type type) {
    return ReferenceForm::convert(b, tensor::ExtractOp::create(b, tensor, at),
                                  type);
  }
  Value insert(Value x, Value tensor, ValueRange at) {
    return tensor::InsertOp::create(b, x, tensor, at);
  }

  ImplicitLocOpBuilder &b;
  IndexBuilder index;
};

double largestCode(Type element, Packing packing, bool isSigned) {
  if (isa<Float8E4M3FNType>(element)) {
    return 448;
  }
  if (isa<Float8E5M2Type>(element)) {
    return 57344;
  }
  int bits = packing == Packing::Int4 ? 4 : 8;
  return isSigned ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
}

} // namespace

Value buildReferenceDequantize(ImplicitLocOpBuilder &b, KVDequantizeOp op,
                               FloatType type,
                               function_ref<Value(Value)> source) {
  ReferenceQuant quant(b);
  Value codes = source(op.getCodes());
  return quant.eachPoint(
      op.getOut(), quant.emptyLike(op.getOut(), type),
      [&](ValueRange point, ValueRange carried) -> Values {
        auto [x, scale] =
            quant.decode(codes, point, op.getPacking(), !op.getZero());
        Values at;
        if (!scale) {
          at = quant.mapped(*op.getMap(), point, op.getMapSymbols());
          scale = quant.read(source(op.getScale()), at, b.getF64Type());
        }
        x = quant.op<arith::MulFOp>(x, scale);
        if (op.getZero()) {
          x = quant.op<arith::AddFOp>(
              x, quant.read(source(op.getZero()), at, b.getF64Type()));
        }
        return {quant.insert(ReferenceForm::convert(b, x, type), carried[0],
                             point)};
      })[0];
}

SmallVector<Value> buildReferenceQuantize(ImplicitLocOpBuilder &b,
                                          KVQuantizeOp op,
                                          function_ref<Value(Value)> source) {
  ReferenceQuant quant(b);
  Type f32 = b.getF32Type(), f64 = b.getF64Type();
  Type given = cast<ShapedType>(op.getX().getType()).getElementType();
  Type element = cast<ShapedType>(op.getCodes().getType()).getElementType();
  bool hasZero = static_cast<bool>(op.getZeroBuffer());
  double most = largestCode(element, op.getPacking(), !hasZero);
  double least = isa<FloatType>(element) || !hasZero ? -most : 0;
  // What is quantized is what the operand holds, whatever made it.
  auto readX = [&](ValueRange point) {
    return ReferenceForm::convert(
        b, quant.read(source(op.getX()), point, given), f32);
  };
  auto at = [&](ValueRange point) {
    return quant.mapped(op.getMap(), point, {});
  };
  Value scale, zero;
  if (op.makesScales()) {
    double infinity = std::numeric_limits<double>::infinity();
    Value high = quant.filled(op.getScaleBuffer(), hasZero ? -infinity : 0);
    Value low = quant.filled(op.getScaleBuffer(), infinity);
    Values ends = quant.eachPoint(
        op.getX(), {high, low}, [&](ValueRange point, ValueRange carried) {
          Value x = readX(point);
          Values to = at(point);
          Value size = hasZero ? x : math::AbsFOp::create(b, x).getResult();
          Value larger =
              quant.op<arith::MaxNumFOp>(quant.read(carried[0], to, f32), size);
          Value smaller =
              quant.op<arith::MinNumFOp>(quant.read(carried[1], to, f32), x);
          return Values{quant.insert(larger, carried[0], to),
                        quant.insert(smaller, carried[1], to)};
        });
    zero = hasZero ? ends[1] : Value();
    scale = quant.eachPoint(
        op.getScaleBuffer(), quant.emptyLike(op.getScaleBuffer(), f32),
        [&](ValueRange point, ValueRange carried) -> Values {
          Value range = quant.read(ends[0], point, f32);
          if (hasZero) {
            range =
                quant.op<arith::SubFOp>(range, quant.read(zero, point, f32));
          }
          Value made = quant.op<arith::MaxNumFOp>(
              quant.op<arith::DivFOp>(range, quant.number(most, f32)),
              quant.number(1e-6, f32));
          return {quant.insert(made, carried[0], point)};
        })[0];
  } else {
    scale = source(op.getScale());
    zero = hasZero ? source(op.getZero()) : Value();
  }
  bool isInt4 = op.getPacking() == Packing::Int4;
  Value none = arith::ConstantOp::create(
      b, element.isInteger() ? TypedAttr(b.getIntegerAttr(element, 0))
                             : TypedAttr(b.getFloatAttr(element, 0.0)));
  Value codes =
      linalg::FillOp::create(b, none, quant.emptyLike(op.getCodes(), element))
          .getResult(0);
  codes = quant.eachPoint(
      op.getX(), codes, [&](ValueRange point, ValueRange carried) -> Values {
        Values to = at(point), where(point);
        Value x = readX(point);
        if (zero) {
          x = quant.op<arith::SubFOp>(x, quant.read(zero, to, f32));
        }
        x = quant.op<arith::DivFOp>(x, quant.read(scale, to, f32));
        x = quant.op<arith::MaxNumFOp>(
            quant.op<arith::MinNumFOp>(x, quant.number(most, f32)),
            quant.number(least, f32));
        x = arith::ExtFOp::create(b, f64, x);
        Value code =
            isa<FloatType>(element)
                ? quant.toFloat8(x, Float8(element))
                : arith::FPToSIOp::create(b, b.getI64Type(),
                                          math::RoundEvenOp::create(b, x))
                      .getResult();
        if (isInt4) {
          Value pair = quant.index.div(point.back(), 2);
          Value isHigh =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                    quant.index.mul(pair, 2), point.back());
          where.back() = pair;
          code = quant.op<arith::AndIOp>(code, quant.integer(15));
          code =
              quant.select(isHigh,
                           quant.op<arith::OrIOp>(
                               quant.byte(carried[0], where),
                               quant.op<arith::ShLIOp>(code, quant.integer(4))),
                           code);
        }
        Value stored = arith::TruncIOp::create(b, b.getI8Type(), code);
        if (!element.isInteger()) {
          stored = arith::BitcastOp::create(b, element, stored);
        }
        return {quant.insert(stored, carried[0], where)};
      })[0];
  Values results{codes};
  if (op.makesScales()) {
    results.push_back(scale);
    if (zero) {
      results.push_back(zero);
    }
  }
  return results;
}

} // namespace attn
