//===- EmitFrequencies.cpp - frequencies of rotary positions as values ----===//

#include "attn/Passes/EmitFrequencies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

static Value constantRows(ImplicitLocOpBuilder &b,
                          ArrayRef<std::vector<double>> rows) {
  SmallVector<double> all;
  for (const std::vector<double> &row : rows) {
    all.append(row.begin(), row.end());
  }
  auto type = RankedTensorType::get(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())},
      b.getF64Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<double>(all)));
}

// base(length)^(-2i/R), where ln base(length) = ln base + R / (R - 2) ln a and
// a = factor * max(length, original) / original - (factor - 1).
static Value dynamicNtk(ImplicitLocOpBuilder &b, RopeOp op, int64_t rotary,
                        const ref::RopeScaling &scaling) {
  Type f64 = b.getF64Type();
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
  };
  Value length = arith::SIToFPOp::create(
      b, f64, arith::IndexCastOp::create(b, b.getI64Type(), op.getLength()));
  length = arith::MaximumFOp::create(b, length, constant(scaling.original));
  Value alpha = arith::SubFOp::create(
      b,
      arith::MulFOp::create(b, length,
                            constant(scaling.factor / scaling.original)),
      constant(scaling.factor - 1));
  double power = double(rotary) / double(rotary - 2);
  Value logBase = arith::AddFOp::create(
      b, constant(std::log(op.getBase().convertToDouble())),
      arith::MulFOp::create(b, constant(power), math::LogOp::create(b, alpha)));
  std::vector<double> exponents(rotary / 2);
  for (size_t i = 0; i < exponents.size(); ++i) {
    exponents[i] = -2.0 * double(i) / double(rotary);
  }
  Value table = constantRows(b, exponents);
  Value empty = tensor::EmptyOp::create(
      b, cast<RankedTensorType>(table.getType()).getShape(), f64);
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{empty.getType()}, table, empty, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               Value product =
                   arith::MulFOp::create(inner, loc, args[0], logBase);
               Value f = math::ExpOp::create(inner, loc, product);
               linalg::YieldOp::create(inner, loc, f);
             })
      .getResult(0);
}

Frequencies emitFrequencies(ImplicitLocOpBuilder &b, RopeOp op) {
  if (op.getFrequencies()) {
    std::optional<int64_t> kept;
    if (op.getKept()) {
      kept = static_cast<int64_t>(*op.getKept());
    }
    return {op.getFrequencies(), kept, op.getMagnitude().convertToDouble()};
  }
  ref::RopeScaling scaling = op.getRopeScaling();
  int64_t rotary = op.getRotarySize();
  double base = op.getBase().convertToDouble();
  Frequencies made;
  made.magnitude = ref::ropeMagnitude(scaling);
  if (scaling.kind == ref::RopeScaling::Kind::kDynamicNtk) {
    made.values = dynamicNtk(b, op, rotary, scaling);
    return made;
  }
  auto rows = [&](double length) {
    std::vector<std::vector<double>> rows;
    if (scaling.kept > 0) {
      rows.push_back(ref::ropeFrequencies(rotary, base, {}));
      made.kept = scaling.kept;
    }
    rows.push_back(ref::ropeFrequencies(rotary, base, scaling, length));
    return constantRows(b, rows);
  };
  made.values = rows(0);
  if (scaling.needsLength()) {
    auto original = static_cast<int64_t>(scaling.original);
    Value limit = arith::ConstantIndexOp::create(b, original);
    Value isLong = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt,
                                         op.getLength(), limit);
    made.values = arith::SelectOp::create(b, isLong, rows(scaling.original + 1),
                                          made.values);
  }
  return made;
}

} // namespace attn
