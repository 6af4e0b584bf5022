//===- ReferenceRows.cpp - rows of results of the reference ---------------===//

#include "ReferenceRows.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn::reference {

using Values = SmallVector<Value>;

Value zeroIndex(ImplicitLocOpBuilder &b) {
  return arith::ConstantIndexOp::create(b, 0);
}

Value multiplyAdd(ImplicitLocOpBuilder &b, Value lhs, Value rhs, Value addend) {
  auto flags = arith::FastMathFlagsAttr::get(
      b.getContext(),
      arith::FastMathFlags::reassoc | arith::FastMathFlags::contract);
  Value product = arith::MulFOp::create(b, lhs, rhs, flags);
  return arith::AddFOp::create(b, addend, product, flags);
}

Value empty(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> sizes, Type type) {
  return tensor::EmptyOp::create(b, sizes, type);
}

Value zeros(ImplicitLocOpBuilder &b, OpFoldResult elements, Type type) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return linalg::FillOp::create(b, zero, ValueRange{empty(b, elements, type)})
      .getResult(0);
}

RowSlice::RowSlice(ImplicitLocOpBuilder &b, Value destination,
                   ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                   std::optional<unsigned> kept)
    : offsets(offsets), sizes(sizes),
      strides(offsets.size(), b.getIndexAttr(1)) {
  SmallVector<int64_t> shape;
  if (kept) {
    auto [size, dynamic] = decomposeMixedValues({sizes[*kept]});
    shape = size;
  }
  auto type = RankedTensorType::get(
      shape, cast<ShapedType>(destination.getType()).getElementType());
  tensor = tensor::ExtractSliceOp::create(b, type, destination, offsets, sizes,
                                          strides);
}

void RowSlice::insert(ImplicitLocOpBuilder &b, Value result,
                      Value destination) {
  tensor::ParallelInsertSliceOp::create(b, result, destination, offsets, sizes,
                                        strides);
}

Values
forall(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> sizes,
       ValueRange destinations,
       function_ref<void(ValueRange ivs, ValueRange destinations,
                         SmallVectorImpl<RowSlice> &slices, Values &results)>
           body) {
  SmallVector<OpFoldResult> bounds(sizes);
  if (bounds.empty()) {
    bounds.push_back(b.getIndexAttr(1));
  }
  auto loop = scf::ForallOp::create(b, bounds, destinations, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<RowSlice> slices;
  Values results;
  body(ValueRange(loop.getInductionVars()).take_front(sizes.size()),
       loop.getRegionIterArgs(), slices, results);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [slice, result, destination] :
       llvm::zip_equal(slices, results, loop.getRegionIterArgs())) {
    slice.insert(b, result, destination);
  }
  return llvm::to_vector_of<Value>(loop.getResults());
}

Value writeRow(ImplicitLocOpBuilder &b, Value acc, Value factor, Value none,
               Value destination) {
  Value size = tensor::DimOp::create(b, destination, zeroIndex(b));
  Type to = cast<ShapedType>(destination.getType()).getElementType();
  return referenceLoop(
      b, zeroIndex(b), size, destination, [&](Value e, ValueRange carried) {
        Value element = tensor::ExtractOp::create(b, acc, e);
        Value zero =
            arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
        Value scaled = arith::SelectOp::create(
            b, none, zero, arith::MulFOp::create(b, element, factor));
        return Values{tensor::InsertOp::create(
            b, ReferenceForm::convert(b, scaled, to), carried[0], e)};
      })[0];
}

Normaliser::Normaliser(ImplicitLocOpBuilder &b, Value total, Value max) {
  Type type = total.getType();
  Value zero = arith::ConstantOp::create(b, b.getFloatAttr(type, 0.0));
  Value one = arith::ConstantOp::create(b, b.getFloatAttr(type, 1.0));
  Value infinity = arith::ConstantOp::create(
      b, b.getFloatAttr(type, -std::numeric_limits<double>::infinity()));
  none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total, zero);
  factor = arith::DivFOp::create(b, one, total);
  lse = arith::SelectOp::create(
      b, none, infinity,
      arith::AddFOp::create(b, max, math::LogOp::create(b, total)));
}

} // namespace attn::reference
