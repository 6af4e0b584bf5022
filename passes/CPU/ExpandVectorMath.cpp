//===- ExpandVectorMath.cpp - exponentials on vectors as polynomials ------===//
// exp2(x) = 2^r * p(f), r = round(x), f = x - r in [-1/2, 1/2]. In f32 p is the
// minimax polynomial of degree 5 with p(0) = 1 (relative error 9.2e-8 before
// rounding), in f64 the Taylor polynomial of degree 13 (4e-18). 2^0 must be 1:
// it scales the state at every step that finds no new maximum.
// AVX-512 has f = x - floor(x) as one instruction, and the scaling by
// 2^floor(x) as another; there p is the minimax polynomial on [0, 1) in f32
// (8.3e-8).
//===----------------------------------------------------------------------===//

#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDVECTORMATHPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

namespace {

/// Builds arithmetic on values of one vector type.
struct VectorMath {
  OpBuilder &b;
  Location loc;
  VectorType type;

  Value constant(double value) const {
    return arith::ConstantOp::create(
        b, loc,
        SplatElementsAttr::get(
            type, Attribute(b.getFloatAttr(type.getElementType(), value))));
  }
  Value integer(VectorType ints, int64_t value) const {
    return arith::ConstantOp::create(
        b, loc,
        SplatElementsAttr::get(
            ints, Attribute(b.getIntegerAttr(ints.getElementType(), value))));
  }
  Value add(Value x, Value y) const {
    return arith::AddFOp::create(b, loc, x, y);
  }
  Value sub(Value x, Value y) const {
    return arith::SubFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) const {
    return arith::MulFOp::create(b, loc, x, y);
  }
  Value fma(Value x, Value y, Value z) const {
    return vector::FMAOp::create(b, loc, x, y, z);
  }
  // `bound` where it is on the `predicate` side of x, else x; NaN stays.
  Value clamp(arith::CmpFPredicate predicate, Value bound, Value x) const {
    Value beyond = arith::CmpFOp::create(b, loc, predicate, bound, x);
    return arith::SelectOp::create(b, loc, beyond, bound, x);
  }
  // Whether x is not below `low`, and x kept within [low, high]; NaN stays, and
  // counts as not below.
  std::pair<Value, Value> bound(Value x, double low, double high) const {
    Value least = constant(low), most = constant(high);
    Value keep =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UGE, x, least);
    x = clamp(arith::CmpFPredicate::OGT, least, x);
    return {keep, clamp(arith::CmpFPredicate::OLT, most, x)};
  }
};

Value polynomial(const VectorMath &m, ArrayRef<double> coefficients, Value x) {
  Value result = m.constant(coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back())) {
    result = m.fma(result, x, m.constant(c));
  }
  return result;
}

Value exp2Mantissa(const VectorMath &m, Value fraction) {
  static const double kSingle[] = {1.0,
                                   0.6931469775243914,
                                   0.24022242037559643,
                                   0.055507338506458816,
                                   0.009671514832131557,
                                   0.0013264694885616849};
  if (m.type.getElementType().isF32()) {
    return polynomial(m, kSingle, fraction);
  }
  SmallVector<double> taylor;
  double term = 1.0;
  for (int k = 0; k <= 13; ++k) {
    taylor.push_back(term);
    term *= 0.69314718055994530942 / (k + 1);
  }
  return polynomial(m, taylor, fraction);
}

// The ends of the range of p * 2^r. `Exact`: at the lower one p >= 1, at the
// upper one p = 1, so that the exponents of p and r add up to a normal number
// or to infinity. `Rounded`: p may be on the other side of 1.
enum class Range { Exact, Rounded };

// p * 2^floor(x), or 0 where `keep` is false: one instruction for 512 bits.
Value scaleByFloor(const VectorMath &m, Value p, Value x, Value keep) {
  Type i32 = m.b.getI32Type();
  Type maskType = m.b.getIntegerType(m.type.getNumElements());
  Value mask = vector::BitCastOp::create(m.b, m.loc,
                                         VectorType::get({1}, maskType), keep);
  mask = vector::ExtractOp::create(m.b, m.loc, mask, 0);
  Value current =
      LLVM::ConstantOp::create(m.b, m.loc, i32, m.b.getI32IntegerAttr(4));
  const char *name = m.type.getElementType().isF32()
                         ? "llvm.x86.avx512.mask.scalef.ps.512"
                         : "llvm.x86.avx512.mask.scalef.pd.512";
  return LLVM::CallIntrinsicOp::create(
             m.b, m.loc, m.type, m.b.getStringAttr(name),
             ValueRange{p, x, m.constant(0.0), mask, current})
      .getResult(0);
}

bool isWhole512(VectorType type) {
  return type.getNumElements() * type.getElementTypeBitWidth() == 512;
}

// p * 2^r for an integral r, or 0 where `keep` is false.
Value scale(const VectorMath &m, Value p, Value r, Value keep, Range range,
            bool avx512) {
  bool single = m.type.getElementType().isF32();
  if (avx512 && isWhole512(m.type)) {
    return scaleByFloor(m, p, r, keep);
  }
  unsigned width = single ? 32 : 64, mantissa = single ? 23 : 52;
  int64_t bias = single ? 127 : 1023;
  auto ints = VectorType::get(m.type.getShape(), m.b.getIntegerType(width));
  // Of NaN x86 makes the least integer, whose last bits are 0: NaN stays.
  Value exponent = arith::FPToSIOp::create(m.b, m.loc, ints, r);
  if (range == Range::Exact) {
    Value bits = arith::AddIOp::create(
        m.b, m.loc, arith::BitcastOp::create(m.b, m.loc, ints, p),
        arith::ShLIOp::create(m.b, m.loc, exponent, m.integer(ints, mantissa)));
    p = arith::BitcastOp::create(m.b, m.loc, m.type, bits);
    return arith::SelectOp::create(m.b, m.loc, keep, p, m.constant(0.0));
  }
  // In two halves, each a normal power of two: one would overflow at the ends
  // of the range.
  Value half = arith::ShRSIOp::create(m.b, m.loc, exponent, m.integer(ints, 1));
  Value rest = arith::SubIOp::create(m.b, m.loc, exponent, half);
  for (Value part : {half, rest}) {
    Value biased =
        arith::AddIOp::create(m.b, m.loc, part, m.integer(ints, bias));
    Value bits =
        arith::ShLIOp::create(m.b, m.loc, biased, m.integer(ints, mantissa));
    p = m.mul(p, arith::BitcastOp::create(m.b, m.loc, m.type, bits));
  }
  return arith::SelectOp::create(m.b, m.loc, keep, p, m.constant(0.0));
}

// Of 16 floats, with the instructions of AVX-512: x - floor(x) is 0 of
// infinities, so that nothing has to be kept within bounds.
Value emitExp2OfFloor(const VectorMath &m, Value x) {
  static const double kPolynomial[] = {1.0,
                                       0.6931513154107983,
                                       0.2401644175026079,
                                       0.05580001331002506,
                                       0.00901690787402474,
                                       0.0018671815096571731};
  Value keep = arith::CmpFOp::create(m.b, m.loc, arith::CmpFPredicate::UGE, x,
                                     m.constant(-126));
  auto integer = [&](Type type, int64_t value) {
    return LLVM::ConstantOp::create(m.b, m.loc, type,
                                    m.b.getIntegerAttr(type, value));
  };
  Type i32 = m.b.getI32Type(), i16 = m.b.getIntegerType(16);
  constexpr int64_t kFloorQuietly = 9, kCurrentRounding = 4;
  Value fraction =
      LLVM::CallIntrinsicOp::create(
          m.b, m.loc, m.type,
          m.b.getStringAttr("llvm.x86.avx512.mask.reduce.ps.512"),
          ValueRange{x, integer(i32, kFloorQuietly), m.constant(0.0),
                     integer(i16, -1), integer(i32, kCurrentRounding)})
          .getResult(0);
  return scaleByFloor(m, polynomial(m, kPolynomial, fraction), x, keep);
}

Value emitExp2(const VectorMath &m, Value x, bool avx512) {
  bool single = m.type.getElementType().isF32();
  if (avx512 && single && isWhole512(m.type)) {
    return emitExp2OfFloor(m, x);
  }
  // What is below the normal numbers becomes 0 by selection: to compute it
  // would take a microcode assist an element, and masked scores are all of that
  // kind. Above, the result is infinite from 2^128 (2^1024) on.
  auto [keep, bounded] = m.bound(x, single ? -126 : -1022, single ? 128 : 1024);
  Value r = math::RoundEvenOp::create(m.b, m.loc, bounded);
  return scale(m, exp2Mantissa(m, m.sub(bounded, r)), r, keep, Range::Exact,
               avx512);
}

// e^x = 2^r * 2^(t log2 e), t = x - r ln 2. The first part of ln 2 has so few
// bits that its product with r is exact, with or without FMA.
Value emitExp(const VectorMath &m, Value x, bool avx512) {
  bool single = m.type.getElementType().isF32();
  constexpr double kLog2E = 1.4426950408889634074;
  double head = single ? 0.693359375 : 6.93147180369123816490e-01;
  double tail = single ? -2.12194440054690583e-4 : 1.90821492927058770002e-10;
  // The first number from 2^-126 (2^-1022) on, and 129 (1025) ln 2.
  auto [keep, bounded] =
      m.bound(x, single ? -87.336540222167969 : -708.3964185322641,
              single ? 89.415985107421875 : 710.47586007394391);
  Value r =
      math::RoundEvenOp::create(m.b, m.loc, m.mul(bounded, m.constant(kLog2E)));
  Value t = m.fma(r, m.constant(-head), bounded);
  t = m.fma(r, m.constant(-tail), t);
  Value p = exp2Mantissa(m, m.mul(t, m.constant(kLog2E)));
  return scale(m, p, r, keep, Range::Rounded, avx512);
}

bool isExpanded(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && !vector.isScalable() &&
         (vector.getElementType().isF32() || vector.getElementType().isF64());
}

struct ExpandExp2 : public OpRewritePattern<math::Exp2Op> {
  ExpandExp2(MLIRContext *context, bool avx512)
      : OpRewritePattern(context), avx512(avx512) {}
  LogicalResult matchAndRewrite(math::Exp2Op op,
                                PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType())) {
      return rewriter.notifyMatchFailure(op, "not a vector of f32 or f64");
    }
    VectorMath m{rewriter, op.getLoc(), cast<VectorType>(op.getType())};
    rewriter.replaceOp(op, emitExp2(m, op.getOperand(), avx512));
    return success();
  }
  bool avx512;
};

struct ExpandExp : public OpRewritePattern<math::ExpOp> {
  ExpandExp(MLIRContext *context, bool avx512)
      : OpRewritePattern(context), avx512(avx512) {}
  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType())) {
      return rewriter.notifyMatchFailure(op, "not a vector of f32 or f64");
    }
    VectorMath m{rewriter, op.getLoc(), cast<VectorType>(op.getType())};
    rewriter.replaceOp(op, emitExp(m, op.getOperand(), avx512));
    return success();
  }
  bool avx512;
};

// tanh(x) = 1 - 2 / (e^2x + 1), and its odd series near 0 where that cancels.
struct ExpandTanh : public OpRewritePattern<math::TanhOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::TanhOp op,
                                PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType())) {
      return rewriter.notifyMatchFailure(op, "not a vector of f32 or f64");
    }
    VectorMath m{rewriter, op.getLoc(), cast<VectorType>(op.getType())};
    bool single = m.type.getElementType().isF32();
    Value x = op.getOperand();
    // Plain 2^(2x log2 e): its rounding vanishes where tanh is flat, and the
    // series serves where it is not.
    constexpr double kTwoLog2E = 2.8853900817779268147;
    Value e = math::Exp2Op::create(m.b, m.loc, m.mul(x, m.constant(kTwoLog2E)));
    Value one = m.constant(1.0);
    Value large = m.sub(
        one, arith::DivFOp::create(m.b, m.loc, m.constant(2.0), m.add(e, one)));
    static const double kSeries[] = {1.0,
                                     -1.0 / 3,
                                     2.0 / 15,
                                     -17.0 / 315,
                                     62.0 / 2835,
                                     -1382.0 / 155925,
                                     21844.0 / 6081075,
                                     -929569.0 / 638512875,
                                     6404582.0 / 10854718875};
    ArrayRef<double> odd(kSeries);
    odd = single ? odd.take_front(5) : odd;
    Value small = m.mul(x, polynomial(m, odd, m.mul(x, x)));
    Value magnitude = math::AbsFOp::create(m.b, m.loc, x);
    Value near =
        arith::CmpFOp::create(m.b, m.loc, arith::CmpFPredicate::OLT, magnitude,
                              m.constant(single ? 0.25 : 0.1));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, near, small, large);
    return success();
  }
};

// ln x = e ln 2 + ln f with f in [sqrt(1/2), sqrt(2)): atanh series of
// s = (f - 1) / (f + 1).
struct ExpandLog : public OpRewritePattern<math::LogOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::LogOp op,
                                PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType())) {
      return rewriter.notifyMatchFailure(op, "not a vector of f32 or f64");
    }
    VectorMath m{rewriter, op.getLoc(), cast<VectorType>(op.getType())};
    OpBuilder &b = m.b;
    Location loc = m.loc;
    bool single = m.type.getElementType().isF32();
    unsigned width = single ? 32 : 64, mantissa = single ? 23 : 52;
    auto ints = VectorType::get(m.type.getShape(), b.getIntegerType(width));
    double infinity = std::numeric_limits<double>::infinity();
    double smallest = single ? 1.17549435e-38 : 2.2250738585072014e-308;
    Value x = op.getOperand();
    // Subnormal numbers are scaled up to normal ones.
    Value tiny = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x,
                                       m.constant(smallest));
    double lift = std::ldexp(1.0, mantissa + 2);
    Value normal =
        arith::SelectOp::create(b, loc, tiny, m.mul(x, m.constant(lift)), x);
    Value bits = arith::BitcastOp::create(b, loc, ints, normal);
    // The bits above those of sqrt(1/2) are e; those of f follow.
    int64_t root = single ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
    Value shifted = arith::SubIOp::create(b, loc, bits, m.integer(ints, root));
    Value exponent =
        arith::ShRSIOp::create(b, loc, shifted, m.integer(ints, mantissa));
    Value fraction = arith::BitcastOp::create(
        b, loc, m.type,
        arith::SubIOp::create(
            b, loc, bits,
            arith::ShLIOp::create(b, loc, exponent,
                                  m.integer(ints, mantissa))));
    Value e = arith::SIToFPOp::create(b, loc, m.type, exponent);
    e = arith::SelectOp::create(b, loc, tiny,
                                m.sub(e, m.constant(mantissa + 2)), e);
    Value one = m.constant(1.0);
    Value s = arith::DivFOp::create(b, loc, m.sub(fraction, one),
                                    m.add(fraction, one));
    SmallVector<double> series; // 2 / (2k + 1)
    for (int k = 0; k < (single ? 6 : 12); ++k) {
      series.push_back(2.0 / (2 * k + 1));
    }
    Value logFraction = m.mul(s, polynomial(m, series, m.mul(s, s)));
    Value result = m.fma(e, m.constant(0.69314718055994530942), logFraction);
    // 0, infinity, and what has no logarithm.
    auto choose = [&](arith::CmpFPredicate predicate, double bound,
                      Value value) {
      Value is = arith::CmpFOp::create(b, loc, predicate, x, m.constant(bound));
      result = arith::SelectOp::create(b, loc, is, value, result);
    };
    choose(arith::CmpFPredicate::OEQ, 0.0, m.constant(-infinity));
    choose(arith::CmpFPredicate::OEQ, infinity, m.constant(infinity));
    choose(arith::CmpFPredicate::ULT, 0.0,
           m.constant(std::numeric_limits<double>::quiet_NaN()));
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ExpandVectorMathPass
    : public attn::impl::ExpandVectorMathPassBase<ExpandVectorMathPass> {
  using ExpandVectorMathPassBase::ExpandVectorMathPassBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandExp, ExpandExp2>(&getContext(), avx512);
    patterns.add<ExpandLog, ExpandTanh>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      signalPassFailure();
    }
  }
};

} // namespace
