//===- RecurrenceTiler.cpp - what the tilings of recurrences share --------===//

#include "RecurrenceTiler.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;

namespace attn {

//===----------------------------------------------------------------------===//
// ElementBuilder
//===----------------------------------------------------------------------===//

Value ElementBuilder::number(double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}
Value ElementBuilder::add(Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value ElementBuilder::sub(Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value ElementBuilder::mul(Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value ElementBuilder::div(Value x, Value y) {
  return arith::DivFOp::create(b, x, y);
}
Value ElementBuilder::max(Value x, Value y) {
  return arith::MaximumFOp::create(b, x, y);
}
Value ElementBuilder::min(Value x, Value y) {
  return arith::MinimumFOp::create(b, x, y);
}
Value ElementBuilder::exp(Value x) { return math::ExpOp::create(b, x); }
Value ElementBuilder::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, condition, x, y);
}
Value ElementBuilder::isAbove(Value x, double bound) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, number(bound));
}

Value ElementBuilder::softplus(Value x) {
  // ln u * e / (u - 1) with u = 1 + e: the rounding of u cancels.
  Value e = exp(min(x, number(20.0)));
  Value u = add(number(1.0), e), d = sub(u, number(1.0));
  Value ln = math::LogOp::create(b, u);
  Value small = select(isAbove(d, 0.0), mul(ln, div(e, d)), e);
  return select(isAbove(x, 20.0), x, small);
}

Value ElementBuilder::expm1(Value x) {
  // (u - 1) x / ln u with u = e^x: the rounding of u cancels here too.
  Value u = exp(x), d = sub(u, number(1.0));
  Value ln = math::LogOp::create(b, u);
  Value isOne =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, ln, number(0.0));
  Value isNone =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, d, number(-1.0));
  return select(isOne, x, select(isNone, d, mul(d, div(x, ln))));
}

Value ElementBuilder::silu(Value x) {
  return div(x, add(number(1.0), exp(sub(number(0.0), x))));
}

ElementBuilder::Complex ElementBuilder::mul(Complex x, Complex y) {
  if (!x.im) {
    return {mul(x.re, y.re), Value()};
  }
  return {sub(mul(x.re, y.re), mul(x.im, y.im)),
          add(mul(x.re, y.im), mul(x.im, y.re))};
}

ElementBuilder::Complex ElementBuilder::exp(Complex x) {
  Value size = exp(x.re);
  if (!x.im) {
    return {size, Value()};
  }
  return {mul(size, math::CosOp::create(b, x.im)),
          mul(size, math::SinOp::create(b, x.im))};
}

ElementBuilder::Complex ElementBuilder::held(Complex x) {
  auto isZero = [&](Value y) -> Value {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, y, number(0.0));
  };
  Value above = expm1(x.re);
  if (!x.im) {
    return {select(isZero(x.re), number(1.0), div(above, x.re)), Value()};
  }
  // e^(a + bi) - 1 = (e^a - 1) cos b - 2 sin^2(b / 2) + e^a sin(b) i.
  Value half = math::SinOp::create(b, mul(x.im, number(0.5)));
  Value cos = math::CosOp::create(b, x.im), sin = math::SinOp::create(b, x.im);
  Complex less{sub(mul(above, cos), mul(number(2.0), mul(half, half))),
               mul(exp(x.re), sin)};
  Value size = add(mul(x.re, x.re), mul(x.im, x.im));
  Complex inverse{div(x.re, size), sub(number(0.0), div(x.im, size))};
  Complex result = mul(less, inverse);
  Value none = arith::AndIOp::create(b, isZero(x.re), isZero(x.im));
  return {select(none, number(1.0), result.re),
          select(none, number(0.0), result.im)};
}

Value ElementBuilder::stepSize(Value dt, Value bias, bool softplus,
                               std::optional<ArrayRef<double>> limit) {
  if (bias) {
    dt = add(dt, bias);
  }
  if (softplus) {
    dt = this->softplus(dt);
  }
  return limit ? min(max(dt, number((*limit)[0])), number((*limit)[1])) : dt;
}

Value ElementBuilder::convert(Value value, Type to) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  unsigned width = to.getIntOrFloatBitWidth();
  if (value.getType() == to) {
    return value;
  }
  if (from == width) { // bf16 and f16 meet in f32
    value = arith::ExtFOp::create(b, b.getF32Type(), value);
    from = 32;
  }
  return from < width ? arith::ExtFOp::create(b, to, value).getResult()
                      : arith::TruncFOp::create(b, to, value).getResult();
}

//===----------------------------------------------------------------------===//
// RecurrenceTiler
//===----------------------------------------------------------------------===//

RecurrenceTiler::Slice RecurrenceTiler::slice(Value from, Sizes offsets,
                                              Sizes sizes,
                                              ArrayRef<unsigned> kept) {
  SmallVector<int64_t> shape;
  for (unsigned d : kept) {
    shape.push_back(
        getConstantIntValue(sizes[d]).value_or(ShapedType::kDynamic));
  }
  auto type = RankedTensorType::get(
      shape, cast<ShapedType>(from.getType()).getElementType());
  SmallVector<OpFoldResult> strides(sizes.size(), one());
  Value part =
      tensor::ExtractSliceOp::create(b, type, from, offsets, sizes, strides);
  return {part, std::move(offsets), std::move(sizes)};
}

Value RecurrenceTiler::insert(Value part, Value into, const Slice &at) {
  SmallVector<OpFoldResult> strides(at.sizes.size(), one());
  return tensor::InsertSliceOp::create(b, part, into, at.offsets, at.sizes,
                                       strides);
}

Value RecurrenceTiler::workspace(ArrayRef<int64_t> shape) {
  // Unlike tensors of nothing, allocations of one shape stay two.
  return bufferization::AllocTensorOp::create(
      b, RankedTensorType::get(shape, type), ValueRange());
}

Value RecurrenceTiler::rowsOf(Value workspace, Value count) {
  ArrayRef<int64_t> shape = cast<ShapedType>(workspace.getType()).getShape();
  Sizes sizes{getAsOpFoldResult(count)};
  SmallVector<unsigned> kept{0};
  for (unsigned d = 1; d < shape.size(); ++d) {
    sizes.push_back(b.getIndexAttr(shape[d]));
    kept.push_back(d);
  }
  return slice(workspace, Sizes(shape.size(), zero()), sizes, kept).tensor;
}

Value RecurrenceTiler::zeros(Value workspace) {
  Type element = cast<ShapedType>(workspace.getType()).getElementType();
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  return linalg::FillOp::create(b, zero, workspace).getResult(0);
}

Value RecurrenceTiler::scalar(Value tensor, ValueRange at) {
  ElementBuilder e{b, type};
  return e.convert(tensor::ExtractOp::create(b, tensor, at), type);
}

Value RecurrenceTiler::elementwise(
    ValueRange ins, ArrayRef<AffineMap> maps, Value out,
    function_ref<Value(ElementBuilder &, ValueRange)> body) {
  auto outType = cast<RankedTensorType>(out.getType());
  int64_t rank = outType.getRank();
  SmallVector<AffineMap> all(maps);
  all.push_back(b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{outType}, ins, out, all, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               ElementBuilder e{ImplicitLocOpBuilder(loc, inner), type};
               Values wide;
               for (Value arg : args.drop_back()) {
                 wide.push_back(isa<FloatType>(arg.getType())
                                    ? e.convert(arg, type)
                                    : arg);
               }
               Value result = body(e, wide);
               linalg::YieldOp::create(
                   e.b, e.convert(result, outType.getElementType()));
             })
      .getResult(0);
}

Value RecurrenceTiler::elementwise(
    ValueRange ins, Value out,
    function_ref<Value(ElementBuilder &, ValueRange)> body) {
  int64_t rank = cast<ShapedType>(out.getType()).getRank();
  SmallVector<AffineMap> maps(ins.size(), b.getMultiDimIdentityMap(rank));
  return elementwise(ins, maps, out, body);
}

Value RecurrenceTiler::copy(Value from, AffineMap map, Value to) {
  return elementwise(from, map, to,
                     [](ElementBuilder &, ValueRange args) { return args[0]; });
}

Value RecurrenceTiler::keepsState(ElementBuilder &e, Value seqIds,
                                  const TokenChunk &chunk) {
  IndexBuilder at(e.b, e.b.getLoc());
  Value token = at.add(chunk.first, linalg::IndexOp::create(e.b, 0));
  auto id = [&](Value token) -> Value {
    return tensor::ExtractOp::create(e.b, seqIds,
                                     ValueRange{chunk.batch, token});
  };
  Value before = at.max(at.add(token, -1), chunk.begin);
  return arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, id(token),
                               id(before));
}

Value RecurrenceTiler::clearedDecay(Value decay, Value seqIds,
                                    const TokenChunk &chunk) {
  return elementwise(decay, decay, [&](ElementBuilder &e, ValueRange args) {
    return e.select(keepsState(e, seqIds, chunk), args[0],
                    e.number(-std::numeric_limits<double>::infinity()));
  });
}

Value RecurrenceTiler::keptTokens(Value into, Value seqIds,
                                  const TokenChunk &chunk) {
  return elementwise({}, into, [&](ElementBuilder &e, ValueRange) {
    return e.select(keepsState(e, seqIds, chunk), e.number(1.0), e.number(0.0));
  });
}

// (0, 1), 2, ...
static SmallVector<ReassociationIndices> tokenGroups(int64_t rank) {
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t d = 2; d <= rank; ++d) {
    groups.push_back({d});
  }
  return groups;
}

Value RecurrenceTiler::withToken(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin() + 1, 1);
  Sizes sizes = tensor::getMixedSizes(b, b.getLoc(), value);
  sizes.insert(sizes.begin() + 1, one());
  return tensor::ExpandShapeOp::create(b, type.clone(shape), value,
                                       tokenGroups(type.getRank()), sizes);
}

Value RecurrenceTiler::withoutToken(Value value, Type type) {
  return tensor::CollapseShapeOp::create(
      b, type, value, tokenGroups(cast<RankedTensorType>(type).getRank()));
}

std::pair<Value, Value> RecurrenceTiler::slotOf(Value slots, Value sequence,
                                                Value state) {
  Value none = index.constant(0);
  Value slot = arith::IndexCastOp::create(
      b, b.getIndexType(), tensor::ExtractOp::create(b, slots, sequence));
  Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, slot,
                                       tensor::DimOp::create(b, state, none));
  return {exists, arith::SelectOp::create(b, exists, slot, none)};
}

RecurrenceTiler::Values RecurrenceTiler::inSlot(Value exists,
                                                ArrayRef<Value> parts,
                                                function_ref<Values()> scan) {
  auto branch = scf::IfOp::create(b, ValueRange(parts).getTypes(), exists,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, scan());
  b.setInsertionPointToStart(branch.elseBlock());
  Values same(parts);
  same[0] = zeros(parts[0]);
  scf::YieldOp::create(b, same);
  return Values(branch.getResults());
}

std::pair<Value, Value> RecurrenceTiler::range(Value cuSeqlens, Value sequence,
                                               Value tokens) {
  if (!cuSeqlens) {
    return {index.constant(0), tokens};
  }
  auto bound = [&](Value n) -> Value {
    return arith::IndexCastOp::create(
        b, b.getIndexType(), tensor::ExtractOp::create(b, cuSeqlens, n));
  };
  Value first = bound(sequence);
  return {first, bound(index.add(sequence, 1))};
}

RecurrenceTiler::Values
RecurrenceTiler::chunks(Value first, Value end, int64_t step, ValueRange inits,
                        function_ref<Values(Value, Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, first, end, index.constant(step), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value token = loop.getInductionVar();
  Value count = index.min(index.constant(step), index.sub(end, token));
  scf::YieldOp::create(b, body(token, count, loop.getRegionIterArgs()));
  return Values(loop.getResults());
}

RecurrenceTiler::Values
RecurrenceTiler::forall(ArrayRef<OpFoldResult> grid, ValueRange outs,
                        function_ref<void(ValueRange, ValueRange,
                                          SmallVectorImpl<Slice> &, Values &)>
                            body) {
  auto loop = scf::ForallOp::create(b, grid, outs, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Slice> slices;
  Values values;
  body(loop.getInductionVars(), loop.getRegionIterArgs(), slices, values);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [part, value, out] :
       llvm::zip_equal(slices, values, loop.getRegionIterArgs())) {
    SmallVector<OpFoldResult> strides(part.sizes.size(), one());
    tensor::ParallelInsertSliceOp::create(b, value, out, part.offsets,
                                          part.sizes, strides);
  }
  return Values(loop.getResults());
}

} // namespace attn
