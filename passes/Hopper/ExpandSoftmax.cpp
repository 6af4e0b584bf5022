//===- ExpandSoftmax.cpp - strategies of the online softmax ---------------===//
// The reference r of a row is - unit max, so p = 2^(unit x + r). Speculation
// keeps it, and with it the row maximum and its shuffles off the path: the sum
// of a thread's own probabilities says afterwards whether they were good. If
// not, the warp computes them again from the scores, which are still there.
// A row that has seen no key has r = +inf, which makes p inf or NaN: the same
// test finds it.
//===----------------------------------------------------------------------===//

#include "../NVGPU/WarpBuilder.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDSOFTMAXPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::warpgroup;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The largest sum of a thread and step that does no harm: probabilities are
// rounded to the type of P, sums and accumulators are f32.
double sumLimit(Type element) {
  if (element.getIntOrFloatBitWidth() == 8) {
    return 448; // the largest number
  }
  return element.isF16() ? 0x1p15 : 0x1p40;
}

// A probability of the row maximum, as a power of 2. Of 8 bits the least ones
// would be lost; with 2^3, equal probabilities of a whole step stay below the
// limit.
double topExponent(Type element) {
  return element.getIntOrFloatBitWidth() == 8 ? 3 : 0;
}

class Expansion {
public:
  Expansion(OpBuilder &builder, SoftmaxOp op)
      : builder(builder), warp(builder, op.getLoc()), op(op), loc(op.getLoc()) {
  }

  using Results = SmallVector<Value, 4>; // p, reference, sum, acc

  Results run() {
    double number = op.getUnit().convertToDouble();
    unit = warp.f(number);
    negativeUnit = warp.f(-number);
    if (op.getFactor()) {
      unit = warp.fmul(op.getFactor(), unit);
      negativeUnit = warp.fmul(op.getFactor(), negativeUnit);
    }
    bool speculative = op.getStrategy() == SoftmaxStrategy::Speculative;
    bool guesses = speculative && op.getP().getType().getElement().isBF16();
    return choose(
        op.getFirst(), [&] { return guesses ? guess() : restart(); },
        [&] { return speculative ? speculate() : update(); });
  }

private:
  OpBuilder &builder;
  WarpBuilder warp;
  SoftmaxOp op;
  Location loc;
  Value unit, negativeUnit;

  Results choose(Value condition, llvm::function_ref<Results()> then,
                 llvm::function_ref<Results()> otherwise) {
    auto choice = scf::IfOp::create(builder, loc, op.getResultTypes(),
                                    condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(builder, loc, then());
    builder.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(builder, loc, otherwise());
    return Results(choice.getResults());
  }

  Value each(ValueRange inputs, Type result,
             llvm::function_ref<Value(ValueRange)> body) {
    auto elements = ElementsOp::create(builder, loc, result, inputs);
    SmallVector<Type> types;
    for (Type type : inputs.getTypes()) {
      types.push_back(elementType(type));
    }
    types.append(2, warp.i32());
    OpBuilder::InsertionGuard guard(builder);
    Block *block =
        builder.createBlock(&elements.getBody(), {}, types,
                            SmallVector<Location>(types.size(), loc));
    YieldOp::create(builder, loc, ValueRange{body(block->getArguments())});
    return elements.getResult(0);
  }

  // Whether some element of a warp is so.
  Value any(ValueRange inputs, llvm::function_ref<Value(ValueRange)> body) {
    Type flags =
        PartialRowsType::get(builder.getContext(), builder.getI1Type());
    return AnyOp::create(builder, loc, builder.getI1Type(),
                         each(inputs, flags, body));
  }
  Value is(arith::CmpFPredicate predicate, Value x, double limit) {
    return arith::CmpFOp::create(builder, loc, predicate, x, warp.f(limit));
  }

  // - unit max of the scores of a row, plus the exponent of the maximum.
  Value referenceOfScores() {
    Value own = ReduceOp::create(builder, loc, op.getSum().getType(),
                                 ReductionKind::Max, op.getScores());
    Value row = JoinOp::create(builder, loc, op.getReference().getType(),
                               ReductionKind::Max, own);
    double top = topExponent(op.getP().getType().getElement());
    return each(row, row.getType(), [&](ValueRange in) {
      Value reference = warp.fmul(in[0], negativeUnit);
      return top == 0 ? reference : warp.fadd(reference, warp.f(top));
    });
  }

  Value probabilities(Value reference) {
    return each(
        {op.getScores(), reference}, op.getScores().getType(),
        [&](ValueRange in) { return warp.exp2(warp.fma(in[0], unit, in[1])); });
  }

  // 0 for a row that has seen no key: its probabilities are 2^-inf.
  Value finite(Value reference) {
    return each(reference, reference.getType(), [&](ValueRange in) {
      return warp.select(warp.isEqual(in[0], warp.f(kInfinity)), warp.f(0),
                         in[0]);
    });
  }

  Value sum(Value probabilities) {
    return ReduceOp::create(builder, loc, op.getSum().getType(),
                            ReductionKind::Add, probabilities);
  }
  Value pack(Value probabilities) {
    return PackOp::create(builder, loc, op.getP().getType(), probabilities);
  }

  // The first step of a tile: nothing to scale.
  Results restart() {
    Value reference = referenceOfScores();
    Value p = probabilities(finite(reference));
    Value acc = SplatOp::create(builder, loc, op.getAcc().getType(), warp.f(0));
    Value total = sum(p);
    return {pack(p), reference, total, acc};
  }

  // The first step as if its row maxima were 0, which is as good as these where
  // the sum of a row is far from what its terms cannot be.
  Results guess() {
    Value reference =
        SplatOp::create(builder, loc, op.getReference().getType(), warp.f(0));
    Value p = probabilities(reference);
    Value own = sum(p), packed = pack(p);
    Value row = JoinOp::create(builder, loc, op.getReference().getType(),
                               ReductionKind::Add, own);
    double limit = sumLimit(op.getP().getType().getElement());
    Value failed = any({own, row}, [&](ValueRange in) {
      using P = arith::CmpFPredicate;
      return warp.either(is(P::UGE, in[0], limit),
                         is(P::OLT, in[1], 1 / limit));
    });
    Value acc = SplatOp::create(builder, loc, op.getAcc().getType(), warp.f(0));
    return choose(
        failed, [&] { return restart(); },
        [&] { return Results{packed, reference, own, acc}; });
  }

  // The reference follows the maximum, the state follows the reference.
  Results update() {
    Value reference = each(
        {referenceOfScores(), op.getReference()}, op.getReference().getType(),
        [&](ValueRange in) {
          return LLVM::MinNumOp::create(builder, loc, in[0], in[1]).getResult();
        });
    Value base = finite(reference);
    Value factor =
        each({base, op.getReference()}, base.getType(),
             [&](ValueRange in) { return warp.exp2(warp.fsub(in[0], in[1])); });
    Value p = probabilities(base);
    Value total =
        each({op.getSum(), factor, sum(p)}, op.getSum().getType(),
             [&](ValueRange in) { return warp.fma(in[0], in[1], in[2]); });
    Value acc = each({op.getAcc(), factor}, op.getAcc().getType(),
                     [&](ValueRange in) { return warp.fmul(in[0], in[1]); });
    return {pack(p), reference, total, acc};
  }

  Results speculate() {
    Value p = probabilities(op.getReference());
    Value own = sum(p);
    Value packed = pack(p);
    double limit = sumLimit(op.getP().getType().getElement());
    Value failed = any(own, [&](ValueRange in) {
      // NaN is no less than anything.
      return is(arith::CmpFPredicate::UGE, in[0], limit);
    });
    // In front of the branch: LLVM would move conversions behind it to a block
    // that does anything.
    Value total = each({op.getSum(), own}, own.getType(),
                       [&](ValueRange in) { return warp.fadd(in[0], in[1]); });
    return choose(
        failed, [&] { return update(); },
        [&] { return Results{packed, op.getReference(), total, op.getAcc()}; });
  }
};

struct ExpandSoftmaxPass
    : public attn::impl::ExpandSoftmaxPassBase<ExpandSoftmaxPass> {
  using ExpandSoftmaxPassBase::ExpandSoftmaxPassBase;

  void runOnOperation() override {
    SmallVector<SoftmaxOp> ops;
    getOperation()->walk([&](SoftmaxOp op) { ops.push_back(op); });
    for (SoftmaxOp op : ops) {
      OpBuilder builder(op);
      op->replaceAllUsesWith(Expansion(builder, op).run());
      op.erase();
    }
  }
};

} // namespace
