//===- ReferenceStreamed.cpp - attention row by row -----------------------===//

#include "ReferenceRows.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn::reference {

using Values = SmallVector<Value>;

namespace {

class StreamedAttention {
public:
  StreamedAttention(ImplicitLocOpBuilder &b, const ReferenceForm &form)
      : b(b), form(form), op(form.op) {}

  Values build(ValueRange destinations) {
    return forall(
        b, form.rowSizes(b), destinations,
        [&](ValueRange ivs, ValueRange dest, SmallVectorImpl<RowSlice> &slices,
            Values &results) { buildRow(ivs, dest, slices, results); });
  }

private:
  ImplicitLocOpBuilder &b;
  const ReferenceForm &form;
  AttentionOp op;

  void buildRow(ValueRange ivs, ValueRange destinations,
                SmallVectorImpl<RowSlice> &slices, Values &results) {
    ReferenceRow row = form.row(b, ivs);
    Value sink;
    if (form.sink) {
      sink = form.read(b, form.sink, row.head);
    }
    auto [scores, max] = scoreRow(row, sink ? sink : form.infinity(b));
    Value total = sink ? form.weight(b, sink, max) : form.constant(b, 0.0);
    auto [acc, sum] = sumRow(row, scores, max, total);
    Normaliser normal(b, sum, max);

    OpFoldResult one = b.getIndexAttr(1);
    OpFoldResult head(row.head), token(row.token);
    OpFoldResult batch =
        form.isRagged() ? OpFoldResult() : OpFoldResult(row.batch);
    OpFoldResult elements =
        tensor::getMixedSize(b, b.getLoc(), form.v, op.getKeySizeDim());
    slices.emplace_back(b, destinations[0],
                        form.at(batch, head, token, b.getIndexAttr(0)),
                        form.at(one, one, one, elements), op.getSizeDim());
    results.push_back(
        writeRow(b, acc, normal.factor, normal.none, slices[0].tensor));
    if (destinations.size() > 1) {
      SmallVector<OpFoldResult> ones(ivs.size(), one);
      slices.emplace_back(b, destinations[1], getAsOpFoldResult(ivs), ones,
                          std::nullopt);
      Value lse = ReferenceForm::convert(
          b, normal.lse,
          cast<ShapedType>(destinations[1].getType()).getElementType());
      results.push_back(
          tensor::InsertOp::create(b, lse, slices[1].tensor, ValueRange()));
    }
  }

  // The scores of a row, -inf where hidden, and their maximum.
  std::pair<Value, Value> scoreRow(const ReferenceRow &row, Value start) {
    Value zero = zeroIndex(b);
    OpFoldResult mixed =
        tensor::getMixedSize(b, b.getLoc(), form.q, op.getSizeDim());
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed);
    // The query is converted once a row rather than once a pair.
    Value query = referenceLoop(
        b, zero, size, empty(b, mixed, form.type),
        [&](Value d, ValueRange carried) {
          Value element =
              form.read(b, form.q, form.at(row.batch, row.head, row.token, d));
          return Values{tensor::InsertOp::create(b, element, carried[0], d)};
        })[0];
    auto pair = [&](Value j) {
      Values key = form.keyRow(b, row, j);
      Value product =
          referenceLoop(b, zero, size, form.constant(b, 0.0),
                        [&](Value d, ValueRange carried) {
                          Value lhs = tensor::ExtractOp::create(b, query, d);
                          Values at(key);
                          at.push_back(d);
                          Value rhs = form.read(b, form.k, at);
                          return Values{multiplyAdd(b, lhs, rhs, carried[0])};
                        })[0];
      return form.score(b, row, j, product);
    };
    Value scores = empty(b, OpFoldResult(row.keys), form.type);
    Values result = referenceLoop(
        b, zero, row.keys, {scores, start}, [&](Value j, ValueRange carried) {
          Value y;
          if (Value visible = form.visible(b, row, j)) {
            auto branch = scf::IfOp::create(b, TypeRange(Type(form.type)),
                                            visible, /*withElseRegion=*/true);
            OpBuilder::InsertionGuard guard(b);
            b.setInsertionPointToStart(branch.thenBlock());
            scf::YieldOp::create(b, pair(j));
            b.setInsertionPointToStart(branch.elseBlock());
            scf::YieldOp::create(b, form.infinity(b));
            y = branch.getResult(0);
          } else {
            y = pair(j);
          }
          return Values{tensor::InsertOp::create(b, y, carried[0], j),
                        arith::MaximumFOp::create(b, carried[1], y)};
        });
    return {result[0], result[1]};
  }

  // The weighted values of a row and the sum of the weights.
  std::pair<Value, Value> sumRow(const ReferenceRow &row, Value scores,
                                 Value max, Value total) {
    Value zero = zeroIndex(b);
    OpFoldResult mixed =
        tensor::getMixedSize(b, b.getLoc(), form.v, op.getKeySizeDim());
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed);
    Values result = referenceLoop(
        b, zero, row.keys, {zeros(b, mixed, form.type), total},
        [&](Value j, ValueRange carried) {
          Value y = tensor::ExtractOp::create(b, scores, j);
          // What a hidden key holds must not matter, so it is not read.
          auto branch =
              scf::IfOp::create(b, carried.getTypes(), form.isInfinity(b, y),
                                /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, carried);
          b.setInsertionPointToStart(branch.elseBlock());
          Value weight = form.weight(b, y, max);
          Values key = form.keyRow(b, row, j);
          Value acc = referenceLoop(
              b, zero, size, carried[0], [&](Value e, ValueRange inner) {
                Values at(key);
                at.push_back(e);
                Value value = form.read(b, form.v, at);
                Value old = tensor::ExtractOp::create(b, inner[0], e);
                return Values{tensor::InsertOp::create(
                    b, multiplyAdd(b, weight, value, old), inner[0], e)};
              })[0];
          Value sum = arith::AddFOp::create(b, carried[1], weight);
          scf::YieldOp::create(b, ValueRange{acc, sum});
          return llvm::to_vector_of<Value>(branch.getResults());
        });
    return {result[0], result[1]};
  }
};

} // namespace

Values buildStreamedAttention(ImplicitLocOpBuilder &b,
                              const ReferenceForm &form,
                              ValueRange destinations) {
  return StreamedAttention(b, form).build(destinations);
}

} // namespace attn::reference
