//===- QuantToPoints.cpp - codes and scales, point by point ---------------===//
// A thread has a scale, and reads all elements that share it; or a byte of
// codes. Scales whose elements are no box have no such thread.
//===----------------------------------------------------------------------===//

#include "QuantToPoints.h"
#include "PointBuilder.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

using Values = SmallVector<Value>;

class QuantBuilder : public PointBuilder {
public:
  QuantBuilder(Operation *op, Type code, Packing packing, bool isSigned)
      : PointBuilder(op), code(code), packing(packing), isSigned(isSigned) {}

  Type code; // of the codes
  Packing packing;
  bool isSigned;

  Type f32() { return b.getF32Type(); }
  Type i32() { return b.getI32Type(); }
  Value number(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
  }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(
        b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  template <typename OpTy> Value op(Value x, Value y) {
    return OpTy::create(b, x, y);
  }
  Value bitcast(Value x, Type type) {
    return x.getType() == type
               ? x
               : arith::BitcastOp::create(b, type, x).getResult();
  }

  /// x / by, rounded once: a quotient by a constant would become a product
  /// (ExpandGPUMath.cpp). Source: P. Markstein's theorem, by the remainder.
  Value divide(Value x, double by) {
    Value inverse = number(1.0F / static_cast<float>(by));
    Value quotient = op<arith::MulFOp>(x, inverse);
    Value rest = math::FmaOp::create(b, quotient, number(-by), x);
    Value exact = math::FmaOp::create(b, rest, inverse, quotient);
    Value isFinite =
        arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, rest, rest);
    return select(isFinite, exact, quotient);
  }

  double largest() const {
    if (isa<Float8E4M3FNType>(code)) {
      return 448;
    }
    if (isa<Float8E5M2Type>(code)) {
      return 57344;
    }
    int bits = packing == Packing::Int4 ? 4 : 8;
    return isSigned ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
  }
  double least() const {
    return isa<FloatType>(code) || isSigned ? -largest() : 0;
  }

  /// Byte `n` of the row of `point`, as i32.
  Value byte(Value codes, ValueRange point, Value n) {
    Values at(point);
    at.back() = n;
    return arith::ExtUIOp::create(b, i32(),
                                  bitcast(read(codes, at), b.getI8Type()));
  }
  Value asSigned(Value bits, int64_t count) {
    Value half = integer(int64_t(1) << (count - 1));
    return op<arith::SubIOp>(op<arith::XOrIOp>(bits, half), half);
  }
  Value toFloat(Value x) { return arith::SIToFPOp::create(b, f32(), x); }

  // The exponent and mantissa of e4m3 at the place of those of f16 are the
  // number by 2^8; e5m2 is the first byte of f16.
  Value fromFloat8(Value bits) {
    Type i16 = b.getI16Type();
    auto half = [&](Value wide) {
      Value narrow = arith::TruncIOp::create(b, i16, wide);
      return convert(bitcast(narrow, b.getF16Type()), f32());
    };
    if (isa<Float8E5M2Type>(code)) {
      return half(op<arith::ShLIOp>(bits, integer(8)));
    }
    Value rest = op<arith::AndIOp>(bits, integer(0x7f));
    Value sign =
        op<arith::ShLIOp>(op<arith::AndIOp>(bits, integer(0x80)), integer(8));
    Value isNaN =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rest, integer(0x7f));
    Value magnitude =
        select(isNaN, integer(0x7e00), op<arith::ShLIOp>(rest, integer(7)));
    return op<arith::MulFOp>(half(op<arith::OrIOp>(sign, magnitude)),
                             number(256));
  }

  /// (the number of the element at `point`, the scale in its row or null).
  std::pair<Value, Value> decode(Value codes, ValueRange point) {
    Value d = point.back();
    auto at = [&](Value n) { return byte(codes, point, n); };
    auto nibble = [&](Value n, Value isHigh) {
      Value x = at(n);
      return select(isHigh, op<arith::ShRUIOp>(x, integer(4)),
                    op<arith::AndIOp>(x, integer(15)));
    };
    auto innerScale = [&](Value start) {
      Value bits = op<arith::OrIOp>(
          at(start), op<arith::ShLIOp>(at(index.add(start, 1)), integer(8)));
      Value narrow = arith::TruncIOp::create(b, b.getI16Type(), bits);
      return convert(bitcast(narrow, b.getF16Type()), f32());
    };
    auto block = [&] { return index.div(d, 32); };
    auto within = [&] { return index.sub(d, index.mul(block(), 32)); };
    switch (packing) {
    case Packing::Plain: {
      Value bits = at(d);
      Value x = isa<FloatType>(code)
                    ? fromFloat8(bits)
                    : toFloat(isSigned ? asSigned(bits, 8) : bits);
      return {x, Value()};
    }
    case Packing::Int4: {
      Value pair = index.div(d, 2);
      Value x = nibble(pair, less(index.mul(pair, 2), d));
      return {toFloat(isSigned ? asSigned(x, 4) : x), Value()};
    }
    case Packing::Q8_0: {
      Value start = index.mul(block(), 34);
      Value x = at(index.add(index.add(start, 2), within()));
      return {toFloat(asSigned(x, 8)), innerScale(start)};
    }
    case Packing::Q4_0: {
      Value start = index.mul(block(), 18), n = within();
      Value isHigh = less(index.constant(15), n);
      n = select(isHigh, index.add(n, -16), n);
      Value x = nibble(index.add(index.add(start, 2), n), isHigh);
      return {toFloat(op<arith::SubIOp>(x, integer(8))), innerScale(start)};
    }
    }
    llvm_unreachable("unknown packing");
  }

  // Source: F. Giesen's "half to float done quick" and its inverse. Numbers are
  // finite and within range.
  Value toFloat8(Value x) {
    int64_t mantissa = isa<Float8E4M3FNType>(code) ? 3 : 2;
    int64_t shift = 23 - mantissa, bias = (1 << (6 - mantissa)) - 1;
    Value bits = bitcast(x, i32());
    Value sign =
        op<arith::AndIOp>(op<arith::ShRUIOp>(bits, integer(24)), integer(0x80));
    bits = op<arith::AndIOp>(bits, integer(0x7fffffff));
    int64_t magic = (127 + 24 - bias - mantissa) << 23;
    Value sum =
        op<arith::AddFOp>(bitcast(bits, f32()), bitcast(integer(magic), f32()));
    Value subnormal = op<arith::SubIOp>(bitcast(sum, i32()), integer(magic));
    Value odd =
        op<arith::AndIOp>(op<arith::ShRUIOp>(bits, integer(shift)), integer(1));
    int64_t rebias = (127 - bias) << 23, half = (int64_t(1) << (shift - 1)) - 1;
    Value normal =
        op<arith::AddIOp>(op<arith::AddIOp>(bits, integer(half - rebias)), odd);
    normal = op<arith::ShRUIOp>(normal, integer(shift));
    Value small = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, bits,
                                        integer(rebias + (int64_t(1) << 23)));
    return op<arith::OrIOp>(sign, select(small, subnormal, normal));
  }

  /// The code (i32) of a quotient.
  Value encode(Value x) {
    x = op<arith::MinNumFOp>(x, number(largest()));
    x = op<arith::MaxNumFOp>(x, number(least()));
    if (isa<FloatType>(code)) {
      return toFloat8(x);
    }
    return arith::FPToSIOp::create(b, i32(), math::RoundEvenOp::create(b, x));
  }

  Values mapped(AffineMap map, ValueRange point, ValueRange symbols) {
    Values operands(point);
    operands.append(symbols.begin(), symbols.end());
    return *affine::expandAffineMap(b, b.getLoc(), map, operands);
  }

  /// The elements of `x` whose scale is at `at`, folded from `init` on.
  FailureOr<Value> fold(Value x, AffineMap map, ValueRange at, Value init,
                        function_ref<Value(Value, Value)> join) {
    SmallVector<OpFoldResult> sizes = sizesOf(x);
    Values first, count;
    for (unsigned d = 0; d < map.getNumDims(); ++d) {
      AffineExpr dim = getAffineDimExpr(d, map.getContext());
      Value start = index.constant(0), many = index.value(sizes[d]);
      bool found = false;
      for (auto [n, expr] : llvm::enumerate(map.getResults())) {
        if (!expr.isFunctionOfDim(d)) {
          continue;
        }
        auto quotient = dyn_cast<AffineBinaryOpExpr>(expr);
        auto by = quotient && expr.getKind() == AffineExprKind::FloorDiv &&
                          quotient.getLHS() == dim
                      ? dyn_cast<AffineConstantExpr>(quotient.getRHS())
                      : AffineConstantExpr();
        if (found || (expr != dim && !by)) {
          return failure();
        }
        found = true;
        if (!by) {
          start = at[n];
          many = index.constant(1);
          continue;
        }
        start = index.mul(at[n], by.getValue());
        many = index.min(index.sub(many, start), index.constant(by.getValue()));
      }
      first.push_back(start);
      count.push_back(many);
    }
    Values point;
    std::function<Value(Value)> nest = [&](Value state) -> Value {
      size_t d = point.size();
      if (d == first.size()) {
        return join(state, convert(read(x, point), f32()));
      }
      if (getConstantIntValue(count[d]) == 1) {
        point.push_back(first[d]);
        Value next = nest(state);
        point.pop_back();
        return next;
      }
      return loop(count[d], state, [&](Value n, Value carried) {
        point.push_back(index.add(first[d], n));
        Value next = nest(carried);
        point.pop_back();
        return next;
      });
    };
    return nest(init);
  }
};

} // namespace

LogicalResult quantizeToPoints(KVQuantizeOp op) {
  bool hasZero = static_cast<bool>(op.getZeroBuffer());
  Type code = cast<ShapedType>(op.getCodes().getType()).getElementType();
  QuantBuilder p(op, code, op.getPacking(), !hasZero);
  Value scale = op.getScale(), zero = op.getZero(), x = op.getX();
  AffineMap map = op.getMap();
  bool isBox = true;
  auto fold = [&](ValueRange at, double init,
                  function_ref<Value(Value, Value)> join) {
    FailureOr<Value> made = p.fold(x, map, at, p.number(init), join);
    isBox = isBox && succeeded(made);
    return succeeded(made) ? *made : p.number(0);
  };
  if (op.makesScales()) {
    double infinity = std::numeric_limits<double>::infinity();
    if (hasZero) {
      zero = p.forEachElement(op.getZeroBuffer(), [&](ValueRange at) {
        return fold(at, infinity, [&](Value least, Value element) {
          return p.op<arith::MinNumFOp>(least, element);
        });
      });
    }
    scale = p.forEachElement(op.getScaleBuffer(), [&](ValueRange at) {
      Value range =
          fold(at, hasZero ? -infinity : 0, [&](Value most, Value element) {
            Value size = hasZero
                             ? element
                             : math::AbsFOp::create(p.b, element).getResult();
            return p.op<arith::MaxNumFOp>(most, size);
          });
      if (hasZero) {
        range = p.op<arith::SubFOp>(range, p.read(zero, at));
      }
      return p.op<arith::MaxNumFOp>(p.divide(range, p.largest()),
                                    p.number(1e-6));
    });
  }
  bool halves = op.getPacking() == Packing::Int4;
  Value codes = p.forEachElement(op.getCodes(), [&](ValueRange point) {
    Value made;
    for (int64_t n = 0; n < (halves ? 2 : 1); ++n) {
      Values at(point);
      if (halves) {
        at.back() = p.index.add(p.index.mul(at.back(), 2), n);
      }
      Values to = p.mapped(map, at, {});
      Value element = p.convert(p.read(x, at), p.f32());
      if (hasZero) {
        element =
            p.op<arith::SubFOp>(element, p.convert(p.read(zero, to), p.f32()));
      }
      Value bits = p.encode(
          p.op<arith::DivFOp>(element, p.convert(p.read(scale, to), p.f32())));
      if (halves) {
        bits = p.op<arith::ShLIOp>(p.op<arith::AndIOp>(bits, p.integer(15)),
                                   p.integer(4 * n));
      }
      made = made ? p.op<arith::OrIOp>(made, bits) : bits;
    }
    Value byte = arith::TruncIOp::create(p.b, p.b.getI8Type(), made);
    return p.bitcast(byte, code);
  });
  if (!isBox) {
    return op.emitOpError("whose scales are no groups of elements has no "
                          "lowering for GPUs");
  }
  Values results{codes};
  if (op.makesScales()) {
    results.push_back(scale);
    if (hasZero) {
      results.push_back(zero);
    }
  }
  p.rewriter.replaceOp(op, results);
  return success();
}

LogicalResult dequantizeToPoints(KVDequantizeOp op) {
  if (op->use_empty()) { // attention reads the codes
    op.erase();
    return success();
  }
  Type code = cast<ShapedType>(op.getCodes().getType()).getElementType();
  Type type = cast<ShapedType>(op.getOut().getType()).getElementType();
  if (type.isF64()) {
    return op.emitOpError("to f64 has no lowering for GPUs");
  }
  QuantBuilder p(op, code, op.getPacking(), !op.getZero());
  Value made = p.forEachElement(op.getOut(), [&](ValueRange point) {
    auto [x, scale] = p.decode(op.getCodes(), point);
    Values at;
    if (!scale) {
      at = p.mapped(*op.getMap(), point, op.getMapSymbols());
      scale = p.convert(p.read(op.getScale(), at), p.f32());
    }
    if (op.getZero()) {
      Value zero = p.convert(p.read(op.getZero(), at), p.f32());
      x = math::FmaOp::create(p.b, x, scale, zero);
    } else {
      x = p.op<arith::MulFOp>(x, scale);
    }
    return p.convert(x, type);
  });
  p.rewriter.replaceOp(op, made);
  return success();
}

} // namespace attn
