//===- ReferencePositions.cpp - rotary positions from their definition ----===//
// One linalg.generic that computes each element on its own, by cos and sin of
// f64 from the math library.
//===----------------------------------------------------------------------===//

#include "ReferencePositions.h"
#include "ReferenceForm.h"
#include "attn/Passes/EmitFrequencies.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {

/// The arithmetic of one element at `indices` of the result.
struct RopeElement {
  ImplicitLocOpBuilder &b;
  RopeOp op;
  FloatType type;
  Value x;
  const Frequencies &frequencies;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value isBelow(Value value, int64_t bound) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, value,
                                 index(bound));
  }
  Value select(Value condition, Value then, Value otherwise) {
    return arith::SelectOp::create(b, condition, then, otherwise);
  }
  Value read(Value tensor, ValueRange at) {
    return tensor::ExtractOp::create(b, tensor, at);
  }

  Value position(ValueRange indices) {
    Value token = indices[op.getSeqDim()];
    if (op.getPositions()) {
      Value batch =
          op.getLayout() == Layout::THD ? index(0) : Value(indices[0]);
      return arith::IndexCastOp::create(
          b, b.getIndexType(), read(op.getPositions(), {batch, token}));
    }
    return op.getOffset() ? arith::AddIOp::create(b, op.getOffset(), token)
                          : token;
  }

  // cos and sin of pair `i`, with the magnitude.
  std::pair<Value, Value> cosSin(Value position, Value i) {
    auto convert = [&](Value value) {
      return ReferenceForm::convert(b, value, type);
    };
    if (op.getCos()) {
      IndexBuilder clamp(b, b.getLoc());
      Value rows = tensor::DimOp::create(b, op.getCos(), index(0));
      Value row = clamp.clamp(position, index(0), clamp.add(rows, -1));
      return {convert(read(op.getCos(), {row, i})),
              convert(read(op.getSin(), {row, i}))};
    }
    Value row = frequencies.kept ? select(isBelow(position, *frequencies.kept),
                                          index(0), index(1))
                                 : index(0);
    Value turns = arith::SIToFPOp::create(
        b, b.getF64Type(),
        arith::IndexCastOp::create(b, b.getI64Type(), position));
    Value angle =
        arith::MulFOp::create(b, turns, read(frequencies.values, {row, i}));
    Value magnitude =
        arith::ConstantOp::create(b, b.getF64FloatAttr(frequencies.magnitude));
    auto scaled = [&](Value value) {
      return convert(arith::MulFOp::create(b, value, magnitude));
    };
    return {scaled(math::CosOp::create(b, angle)),
            scaled(math::SinOp::create(b, angle))};
  }

  Value compute(ValueRange indices) {
    int64_t rotary = op.getRotarySize(), half = rotary / 2;
    Value d = indices[op.getSizeDim()];
    Value turns = isBelow(d, rotary);
    // Elements that do not turn compute something, and drop it.
    Value kept = select(turns, d, index(0)), i, partner, isFirst;
    if (op.getPairs() == RopePairs::NeoX) {
      isFirst = isBelow(kept, half);
      i = arith::RemUIOp::create(b, kept, index(half));
      partner = arith::RemUIOp::create(
          b, arith::AddIOp::create(b, kept, index(half)), index(rotary));
    } else {
      Value odd = arith::RemUIOp::create(b, kept, index(2));
      isFirst = isBelow(odd, 1);
      i = arith::DivUIOp::create(b, kept, index(2));
      partner = select(isFirst, arith::AddIOp::create(b, kept, index(1)),
                       arith::SubIOp::create(b, kept, index(1)));
    }
    auto [cos, sin] = cosSin(position(indices), i);
    SmallVector<Value> other(indices);
    other[op.getSizeDim()] = partner;
    Value mine = ReferenceForm::convert(b, read(x, indices), type);
    Value theirs = ReferenceForm::convert(b, read(x, other), type);
    sin = select(isFirst, arith::NegFOp::create(b, sin), sin);
    Value turned = arith::AddFOp::create(b, arith::MulFOp::create(b, mine, cos),
                                         arith::MulFOp::create(b, theirs, sin));
    return select(turns, turned, mine);
  }
};

} // namespace

Value buildReferenceRope(ImplicitLocOpBuilder &b, RopeOp op, FloatType type,
                         function_ref<Value(Value)> source, Value destination) {
  Frequencies frequencies;
  if (!op.getCos()) {
    frequencies = emitFrequencies(b, op);
  }
  Value x = source(op.getX());
  int64_t rank = cast<ShapedType>(x.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{destination.getType()}, ValueRange{}, destination,
             b.getMultiDimIdentityMap(rank), iterators,
             [&](OpBuilder &builder, Location loc, ValueRange) {
               ImplicitLocOpBuilder inner(loc, builder);
               SmallVector<Value> indices;
               for (int64_t d = 0; d < rank; ++d) {
                 indices.push_back(linalg::IndexOp::create(inner, d));
               }
               RopeElement element{inner, op, type, x, frequencies};
               linalg::YieldOp::create(inner, element.compute(indices));
             })
      .getResult(0);
}

} // namespace attn
