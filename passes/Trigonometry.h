//===- Trigonometry.h - sines of f64 as arithmetic ------------------------===//

#ifndef ATTN_PASSES_TRIGONOMETRY_H
#define ATTN_PASSES_TRIGONOMETRY_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace attn {

/// cos and sin of f64, scalars or vectors. The angle is reduced by multiples of
/// pi / 2 in two parts, exact to 1e-16 |angle|; the series leave less.
class Trigonometry {
public:
  Trigonometry(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type)
      : b(b), loc(loc), type(type) {}

  std::pair<mlir::Value, mlir::Value> cosSin(mlir::Value angle) {
    mlir::Value n = mlir::math::RoundEvenOp::create(
        b, loc, mul(angle, constant(0.63661977236758134308)));
    mlir::Value t = fma(n, constant(-1.57079632679489655800), angle);
    t = fma(n, constant(-6.12323399573676603587e-17), t);
    mlir::Value square = mul(t, t);
    static const double kCos[] = {1.0,
                                  -1.0 / 2,
                                  1.0 / 24,
                                  -1.0 / 720,
                                  1.0 / 40320,
                                  -1.0 / 3628800,
                                  1.0 / 479001600,
                                  -1.0 / 87178291200.0,
                                  1.0 / 20922789888000.0};
    static const double kSin[] = {1.0,
                                  -1.0 / 6,
                                  1.0 / 120,
                                  -1.0 / 5040,
                                  1.0 / 362880,
                                  -1.0 / 39916800,
                                  1.0 / 6227020800,
                                  -1.0 / 1307674368000.0,
                                  1.0 / 355687428096000.0};
    mlir::Value cos = series(kCos, square), sin = mul(t, series(kSin, square));
    // The quarter: n mod 4, as a float.
    mlir::Value quarter =
        sub(n, mul(mlir::math::FloorOp::create(b, loc, mul(n, constant(0.25))),
                   constant(4)));
    auto is = [&](mlir::arith::CmpFPredicate predicate,
                  double value) -> mlir::Value {
      return mlir::arith::CmpFOp::create(b, loc, predicate, quarter,
                                         constant(value));
    };
    auto either = [&](double first, double second) -> mlir::Value {
      return mlir::arith::OrIOp::create(
          b, loc, is(mlir::arith::CmpFPredicate::OEQ, first),
          is(mlir::arith::CmpFPredicate::OEQ, second));
    };
    mlir::Value swapped = either(1, 3);
    auto pick = [&](mlir::Value negative, mlir::Value odd,
                    mlir::Value even) -> mlir::Value {
      mlir::Value x = mlir::arith::SelectOp::create(b, loc, swapped, odd, even);
      return mlir::arith::SelectOp::create(
          b, loc, negative, mlir::arith::NegFOp::create(b, loc, x), x);
    };
    return {pick(either(1, 2), sin, cos), pick(either(2, 3), cos, sin)};
  }

  mlir::Value constant(double value) {
    mlir::FloatAttr scalar = b.getF64FloatAttr(value);
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type)) {
      return mlir::arith::ConstantOp::create(
          b, loc,
          mlir::SplatElementsAttr::get(vector, mlir::Attribute(scalar)));
    }
    return mlir::arith::ConstantOp::create(b, loc, scalar);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulFOp::create(b, loc, x, y);
  }

private:
  mlir::Value sub(mlir::Value x, mlir::Value y) {
    return mlir::arith::SubFOp::create(b, loc, x, y);
  }
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z) {
    return mlir::math::FmaOp::create(b, loc, x, y, z);
  }
  mlir::Value series(llvm::ArrayRef<double> coefficients, mlir::Value x) {
    mlir::Value sum = constant(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back())) {
      sum = fma(sum, x, constant(c));
    }
    return sum;
  }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Type type;
};

} // namespace attn

#endif // ATTN_PASSES_TRIGONOMETRY_H
