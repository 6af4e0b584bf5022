//===- ExpandGPUMath.cpp - functions of the math dialect for NVPTX --------===//
// f32: ex2, lg2 and sqrt are instructions; exp, log and tanh are made of them.
// f64 has none: exp2 is a polynomial, and log one step of Halley's iteration
// from the f32 value; cos and sin are series. The rest are upstream's
// polynomials.
//===----------------------------------------------------------------------===//

#include "../Trigonometry.h"
#include "WarpBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDGPUMATHPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// 2^x in f64 to an ulp or two: 2^n times a polynomial in the rest, |r| <= 1/2.
Value exp2Double(WarpBuilder &w, Value x) {
  Type type = w.builder.getF64Type(), i64 = w.builder.getI64Type();
  auto constant = [&](double value) { return w.f(value, type); };
  // Below, the result is 0; -inf too.
  Value clamped = w.fmax(x, constant(-1080.0));
  clamped = arith::MinNumFOp::create(w.builder, w.loc, clamped, constant(1024));
  Value whole = math::RoundEvenOp::create(w.builder, w.loc, clamped);
  Value rest = w.fmul(w.fsub(clamped, whole), constant(llvm::numbers::ln2));
  double factorial[14] = {1};
  for (int i = 1; i < 14; ++i) {
    factorial[i] = factorial[i - 1] * i;
  }
  Value sum = constant(1 / factorial[13]);
  for (int i = 12; i >= 0; --i) {
    sum = w.fma(sum, rest, constant(1 / factorial[i]));
  }
  // 2^n as two factors, so that neither leaves the range of exponents.
  Value n = arith::FPToSIOp::create(w.builder, w.loc, i64, whole);
  auto wide = [&](int64_t value) {
    return arith::ConstantIntOp::create(w.builder, w.loc, value, 64);
  };
  Value half = arith::ShRSIOp::create(w.builder, w.loc, n, wide(1));
  Value other = arith::SubIOp::create(w.builder, w.loc, n, half);
  for (Value part : {half, other}) {
    Value biased = arith::AddIOp::create(w.builder, w.loc, part, wide(1023));
    Value bits = arith::ShLIOp::create(w.builder, w.loc, biased, wide(52));
    sum = w.fmul(sum, arith::BitcastOp::create(w.builder, w.loc, type, bits));
  }
  // NaN stays.
  Value same =
      arith::CmpFOp::create(w.builder, w.loc, arith::CmpFPredicate::ORD, x, x);
  return w.select(same, sum, x);
}

Value exp2Of(WarpBuilder &w, Value x) {
  return x.getType().isF32() ? w.exp2(x) : exp2Double(w, x);
}

Value logDouble(WarpBuilder &w, Value x) {
  Type type = w.builder.getF64Type();
  Value guess = w.fmul(w.convert(w.log2(w.convert(x, w.f32())), type),
                       w.f(llvm::numbers::ln2, type));
  Value back = exp2Double(w, w.fmul(guess, w.f(llvm::numbers::log2e, type)));
  Value step =
      arith::DivFOp::create(w.builder, w.loc, w.fsub(x, back), w.fadd(x, back));
  Value better = w.fma(step, w.f(2, type), guess);
  // 0 and infinity have their logarithm already.
  Value special = arith::CmpFOp::create(
      w.builder, w.loc, arith::CmpFPredicate::UNE, better, better);
  return w.select(special, guess, better);
}

// tanh x = x P(x^2) / Q(x^2) for |x| <= 8, where it is 1 to 2e-7: a minimax
// approximation of 1.5e-7, relative also where x is small. One reciprocal
// beside multiply-adds: exponentials are what attention has least room for.
Value tanhSingle(WarpBuilder &w, Value x) {
  constexpr double above[] = {0.9999998542710948, 0.12925662167913227,
                              0.002951022930384609, 1.1428414234768855e-05};
  constexpr double below[] = {1.0, 0.46258877744353544, 0.023815550650354903,
                              0.0002386690486634104, 2.4592079016595025e-07};
  // NaN stays.
  Value t = arith::MaximumFOp::create(w.builder, w.loc, x, w.f(-8.0));
  t = arith::MinimumFOp::create(w.builder, w.loc, t, w.f(8.0));
  Value square = w.fmul(t, t);
  auto polynomial = [&](ArrayRef<double> factors) {
    Value sum = w.f(factors.back());
    for (double factor : llvm::reverse(factors.drop_back())) {
      sum = w.fma(sum, square, w.f(factor));
    }
    return sum;
  };
  return w.fmul(w.fmul(t, polynomial(above)), w.rcp(polynomial(below)));
}

// tanh x = 1 - 2 / (1 + e^2x), of |x|; small x by a series, which loses
// nothing.
Value tanhDouble(WarpBuilder &w, Value x) {
  Type type = x.getType();
  auto constant = [&](double value) { return w.f(value, type); };
  Value size = math::AbsFOp::create(w.builder, w.loc, x);
  Value power = exp2Double(w, w.fmul(size, constant(2 * llvm::numbers::log2e)));
  Value below = w.fadd(power, constant(1));
  Value inverse = arith::DivFOp::create(w.builder, w.loc, constant(1), below);
  Value large = w.fma(inverse, constant(-2), constant(1));
  Value square = w.fmul(x, x);
  // x - x^3/3 + 2x^5/15 - 17x^7/315 + 62x^9/2835
  Value series = constant(62.0 / 2835);
  for (double factor : {-17.0 / 315, 2.0 / 15, -1.0 / 3, 1.0}) {
    series = w.fma(series, square, constant(factor));
  }
  Value small = w.fmul(size, series);
  Value isSmall = arith::CmpFOp::create(
      w.builder, w.loc, arith::CmpFPredicate::OLT, size, constant(0.004));
  return math::CopySignOp::create(w.builder, w.loc,
                                  w.select(isSmall, small, large), x);
}

// atan |x|, of 1/|x| where |x| > 1; two or three times the half of the angle,
// atan t = 2 atan(t / (1 + sqrt(1 + t^2))), and the series of what is left.
Value atanOf(WarpBuilder &w, Value x) {
  Type type = x.getType();
  int halvings = type.isF32() ? 2 : 3, terms = type.isF32() ? 6 : 10;
  auto constant = [&](double value) { return w.f(value, type); };
  Value one = constant(1), size = math::AbsFOp::create(w.builder, w.loc, x);
  Value beyond = arith::CmpFOp::create(w.builder, w.loc,
                                       arith::CmpFPredicate::OGT, size, one);
  auto quotient = [&](Value a, Value b) {
    return arith::DivFOp::create(w.builder, w.loc, a, b).getResult();
  };
  Value t = quotient(w.select(beyond, one, size), w.select(beyond, size, one));
  for (int i = 0; i < halvings; ++i) {
    Value root =
        math::SqrtOp::create(w.builder, w.loc, w.fma(t, t, one)).getResult();
    t = quotient(t, w.fadd(one, root));
  }
  Value square = w.fmul(t, t), series = constant(0);
  for (int i = terms - 1; i >= 0; --i) {
    series =
        w.fma(series, square, constant((i % 2 ? -1.0 : 1.0) / (2 * i + 1)));
  }
  Value angle = w.fmul(w.fmul(t, series), constant(1 << halvings));
  angle =
      w.select(beyond, w.fsub(constant(llvm::numbers::pi / 2), angle), angle);
  return math::CopySignOp::create(w.builder, w.loc, angle, x);
}

struct ExpandGPUMathPass
    : public attn::impl::ExpandGPUMathPassBase<ExpandGPUMathPass> {

  // x / c as a product: an exact quotient is a call.
  static Value divide(WarpBuilder &w, arith::DivFOp op) {
    FloatAttr divisor;
    if (!op.getType().isF32() ||
        !matchPattern(op.getRhs(), m_Constant(&divisor))) {
      return Value();
    }
    APFloat inverse(1.0f);
    inverse.divide(divisor.getValue(), APFloat::rmNearestTiesToEven);
    if (!inverse.isNormal()) {
      return Value();
    }
    Value left = op.getLhs();
    // A factor of it, as of the scale of scores, is one more rounding less.
    auto product = left.getDefiningOp<arith::MulFOp>();
    FloatAttr factor;
    if (product && product.getType().isF32() &&
        matchPattern(product.getRhs(), m_Constant(&factor))) {
      inverse.multiply(factor.getValue(), APFloat::rmNearestTiesToEven);
      left = product.getLhs();
    }
    return w.fmul(left, w.f(inverse.convertToFloat()));
  }

  Value expand(Operation *op) {
    if (op->getNumOperands() == 0 || op->getNumResults() != 1) {
      return Value();
    }
    OpBuilder builder(op);
    WarpBuilder w(builder, op->getLoc());
    Type type = op->getResult(0).getType();
    if (!type.isF32() && !type.isF64()) {
      return Value();
    }
    if (auto quotient = dyn_cast<arith::DivFOp>(op)) {
      return divide(w, quotient);
    }
    Value x = op->getOperand(0);
    auto scaled = [&](Value value, double factor) {
      return w.fmul(value, w.f(factor, type));
    };
    auto log = [&] {
      return type.isF32() ? scaled(w.log2(x), llvm::numbers::ln2)
                          : logDouble(w, x);
    };
    if (isa<math::ExpOp>(op)) {
      return exp2Of(w, scaled(x, llvm::numbers::log2e));
    }
    if (isa<math::Exp2Op>(op)) {
      return exp2Of(w, x);
    }
    if (isa<math::LogOp>(op)) {
      return log();
    }
    if (isa<math::Log2Op>(op)) {
      return type.isF32() ? w.log2(x) : scaled(log(), llvm::numbers::log2e);
    }
    if (isa<math::AtanOp>(op)) {
      return atanOf(w, x);
    }
    if (auto tanh = dyn_cast<math::TanhOp>(op)) {
      if (!type.isF32()) {
        return tanhDouble(w, x);
      }
      // An instruction, with 11 bits.
      return arith::bitEnumContainsAll(tanh.getFastmath(),
                                       arith::FastMathFlags::afn)
                 ? LLVM::TanhOp::create(builder, op->getLoc(), x,
                                        LLVM::FastmathFlags::afn)
                       .getResult()
                 : tanhSingle(w, x);
    }
    if (type.isF64() && isa<math::CosOp, math::SinOp>(op)) {
      auto [cos, sin] = Trigonometry(builder, op->getLoc(), type).cosSin(x);
      return isa<math::CosOp>(op) ? cos : sin;
    }
    return Value();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    MathPolynomialApproximationOptions options;
    options.enableAvx2 = false;
    // Before our own, for the functions that these do not have.
    SmallVector<Operation *> ops;
    auto collect = [&] {
      ops.clear();
      getOperation().walk([&](Operation *op) {
        if (isa<math::MathDialect>(op->getDialect()) ||
            isa<arith::DivFOp>(op)) {
          ops.push_back(op);
        }
      });
    };
    collect();
    for (Operation *op : ops) {
      if (Value value = expand(op)) {
        op->getResult(0).replaceAllUsesWith(value);
        op->erase();
      }
    }
    populateMathPolynomialApproximationPatterns(patterns, options);
    // Only these: maxima and minima are instructions.
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(
            getOperation(), std::move(patterns),
            GreedyRewriteConfig().enableFolding(false).enableConstantCSE(
                false)))) {
      return signalPassFailure();
    }
    // What is left has an instruction, or is an error here rather than a symbol
    // that nothing defines.
    collect();
    for (Operation *op : ops) {
      if (!isa<arith::DivFOp, math::FmaOp, math::SqrtOp, math::AbsFOp,
               math::AbsIOp, math::CopySignOp, math::FloorOp, math::CeilOp,
               math::TruncOp, math::RoundEvenOp, math::RoundOp, math::CtPopOp,
               math::CountLeadingZerosOp, math::CountTrailingZerosOp,
               math::RsqrtOp>(op)) {
        op->emitOpError("has no lowering for GPUs");
        return signalPassFailure();
      }
    }
  }
};

} // namespace
