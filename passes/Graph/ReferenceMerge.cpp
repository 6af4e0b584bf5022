//===- ReferenceMerge.cpp - merges of attention over parts of the keys ----===//

#include "ReferenceRows.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn::reference {

using Values = SmallVector<Value>;

Values buildMerge(ImplicitLocOpBuilder &b, MergeStatesOp op, FloatType type,
                  function_ref<Value(Value)> source, ValueRange destinations) {
  Value parts = source(op.getParts()), partLse = source(op.getPartLse());
  Value zero = zeroIndex(b);
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  };
  auto read = [&](Value tensor, Value first, ValueRange rest) {
    Values indices{first};
    llvm::append_range(indices, rest);
    return ReferenceForm::convert(
        b, tensor::ExtractOp::create(b, tensor, indices), type);
  };
  double infinite = -std::numeric_limits<double>::infinity();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), parts);
  Value count = getValueOrCreateConstantIndexOp(b, b.getLoc(), sizes.front());
  OpFoldResult elements = sizes.back();
  Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), elements);
  auto rows = ArrayRef<OpFoldResult>(sizes).drop_front().drop_back();

  auto body = [&](ValueRange ivs, ValueRange dest,
                  SmallVectorImpl<RowSlice> &slices, Values &results) {
    auto hidden = [&](Value lse) -> Value {
      return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, lse,
                                   constant(infinite));
    };
    auto weigh = [&](Value lse, Value max) -> Value {
      Value e = math::ExpOp::create(b, arith::SubFOp::create(b, lse, max));
      return arith::SelectOp::create(b, hidden(lse), constant(0.0), e);
    };
    Value sink;
    if (op.getSink()) {
      sink = read(source(op.getSink()), op.getHead(), {});
    }
    Value max = referenceLoop(b, zero, count, sink ? sink : constant(infinite),
                              [&](Value s, ValueRange carried) {
                                return Values{arith::MaximumFOp::create(
                                    b, carried[0], read(partLse, s, ivs))};
                              })[0];
    Value start = sink ? weigh(sink, max) : constant(0.0);
    Values sums = referenceLoop(
        b, zero, count, {zeros(b, elements, type), start},
        [&](Value s, ValueRange carried) {
          Value lse = read(partLse, s, ivs);
          auto branch = scf::IfOp::create(b, carried.getTypes(), hidden(lse),
                                          /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, carried);
          b.setInsertionPointToStart(branch.elseBlock());
          Value weight = weigh(lse, max);
          Value acc = referenceLoop(
              b, zero, size, carried[0], [&](Value e, ValueRange inner) {
                Values at(ivs);
                at.push_back(e);
                Value old = tensor::ExtractOp::create(b, inner[0], e);
                return Values{tensor::InsertOp::create(
                    b, multiplyAdd(b, weight, read(parts, s, at), old),
                    inner[0], e)};
              })[0];
          Value sum = arith::AddFOp::create(b, carried[1], weight);
          scf::YieldOp::create(b, ValueRange{acc, sum});
          return llvm::to_vector_of<Value>(branch.getResults());
        });
    Normaliser normal(b, sums[1], max);
    OpFoldResult one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets = getAsOpFoldResult(ivs);
    SmallVector<OpFoldResult> ones(ivs.size(), one);
    if (dest.size() > 1) {
      slices.emplace_back(b, dest[1], offsets, ones, std::nullopt);
    }
    offsets.push_back(b.getIndexAttr(0));
    ones.push_back(elements);
    slices.insert(slices.begin(),
                  RowSlice(b, dest[0], offsets, ones, ivs.size()));
    results.push_back(
        writeRow(b, sums[0], normal.factor, normal.none, slices[0].tensor));
    if (dest.size() > 1) {
      Value lse = ReferenceForm::convert(
          b, normal.lse, cast<ShapedType>(dest[1].getType()).getElementType());
      results.push_back(
          tensor::InsertOp::create(b, lse, slices[1].tensor, ValueRange()));
    }
  };
  return forall(b, rows, destinations, body);
}

} // namespace attn::reference
