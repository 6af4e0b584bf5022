//===- ReferenceMaterialised.cpp - attention with all scores in memory ----===//
// The textbook form as linalg ops: scores, softmax over keys, values. For
// reading and for small tests; it needs n x n elements for each head. The
// ragged layout is taken as one matrix of all tokens by all tokens in which
// only the pairs of one sequence are visible.
//===----------------------------------------------------------------------===//

#include "ReferenceForm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace attn;

namespace {

using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

class Materialiser {
public:
  Materialiser(ImplicitLocOpBuilder &b, const ReferenceForm &form)
      : b(b), form(form), op(form.op), rows(form.rowSizes(b)) {
    keys = tensor::getMixedSize(b, b.getLoc(), form.k, op.getSeqDim());
    elements = tensor::getMixedSize(b, b.getLoc(), form.v, op.getSizeDim());
  }

  SmallVector<Value> build() {
    Value scores = buildScores(buildProducts());
    Value start = filled(rows, form.infinity(b));
    if (form.sink) {
      start = generic(rows.size(), {}, {}, empty(rows), rowMap(rows.size()), 0,
                      [&](ImplicitLocOpBuilder &b, ValueRange) {
                        return form.read(b, form.sink, headOf(b));
                      });
    }
    unsigned space = rows.size() + 1;
    AffineMap all = b.getMultiDimIdentityMap(space), row = rowMap(space);
    Value max = generic(
        space, scores, all, start, row, 1,
        [&](ImplicitLocOpBuilder &b, ValueRange args) {
          return arith::MaximumFOp::create(b, args[0], args[1]).getResult();
        });
    Value weights =
        generic(space, {scores, max}, {all, row}, empty(withLast(keys)), all, 0,
                [&](ImplicitLocOpBuilder &b, ValueRange args) {
                  return form.weight(b, args[0], args[1]);
                });
    Value zero = form.constant(b, 0.0);
    Value first = filled(rows, zero);
    if (form.sink) {
      first = generic(rows.size(), max, rowMap(rows.size()), empty(rows),
                      rowMap(rows.size()), 0,
                      [&](ImplicitLocOpBuilder &b, ValueRange args) {
                        Value sink = form.read(b, form.sink, headOf(b));
                        return form.weight(b, sink, args[0]);
                      });
    }
    Value sum =
        generic(space, weights, all, first, row, 1,
                [&](ImplicitLocOpBuilder &b, ValueRange args) {
                  return arith::AddFOp::create(b, args[0], args[1]).getResult();
                });
    SmallVector<Value> results{buildOutput(weights, sum)};
    if (op.getLse()) {
      AffineMap map = rowMap(rows.size());
      results.push_back(
          generic(rows.size(), {max, sum}, {map, map}, empty(rows), map, 0,
                  [&](ImplicitLocOpBuilder &b, ValueRange args) {
                    Value lse = arith::AddFOp::create(
                        b, args[0], math::LogOp::create(b, args[1]));
                    return ifNone(b, args[1], form.infinity(b), lse);
                  }));
    }
    return results;
  }

private:
  ImplicitLocOpBuilder &b;
  const ReferenceForm &form;
  AttentionOp op;
  SmallVector<OpFoldResult> rows;
  OpFoldResult keys, elements;

  SmallVector<OpFoldResult> withLast(OpFoldResult size) {
    SmallVector<OpFoldResult> sizes(rows);
    sizes.push_back(size);
    return sizes;
  }
  Value empty(ArrayRef<OpFoldResult> sizes) {
    return tensor::EmptyOp::create(b, sizes, form.type);
  }
  Value filled(ArrayRef<OpFoldResult> sizes, Value value) {
    return linalg::FillOp::create(b, value, empty(sizes)).getResult(0);
  }
  // The row dimensions of a space that starts with them.
  AffineMap rowMap(unsigned space) {
    return AffineMap::getMultiDimIdentityMap(space, b.getContext())
        .getMajorSubMap(rows.size());
  }
  static Value iv(ImplicitLocOpBuilder &b, unsigned dim) {
    return linalg::IndexOp::create(b, dim);
  }
  Value headOf(ImplicitLocOpBuilder &b) { return iv(b, rows.size() - 2); }

  // The row of the current point of a generic, whose rows come first.
  ReferenceRow rowOf(ImplicitLocOpBuilder &b) {
    SmallVector<Value> ivs;
    for (unsigned d = 0; d < rows.size(); ++d) {
      ivs.push_back(iv(b, d));
    }
    return form.row(b, ivs);
  }

  Value ifNone(ImplicitLocOpBuilder &b, Value total, Value then, Value other) {
    Value none = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, total,
                                       form.constant(b, 0.0));
    return arith::SelectOp::create(b, none, then, other);
  }

  Value generic(unsigned space, ValueRange inputs, ArrayRef<AffineMap> maps,
                Value init, AffineMap initMap, unsigned reductions, Body body) {
    SmallVector<AffineMap> all(maps);
    all.push_back(initMap);
    SmallVector<utils::IteratorType> iterators(space,
                                               utils::IteratorType::parallel);
    for (unsigned d = space - reductions; d < space; ++d) {
      iterators[d] = utils::IteratorType::reduction;
    }
    return linalg::GenericOp::create(
               b, TypeRange{init.getType()}, inputs, init, all, iterators,
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 linalg::YieldOp::create(ib, body(ib, args));
               })
        .getResult(0);
  }

  // rows x keys x d: <q, k> before the scale, for hidden pairs too.
  Value buildProducts() {
    unsigned space = rows.size() + 2;
    AffineMap out = AffineMap::getMultiDimIdentityMap(space, b.getContext())
                        .getMajorSubMap(space - 1);
    // The space needs an operand that has its d: q, whose order the layout
    // decides. k is read by hand, since its head may not be affine in h.
    AffineExpr batch, head, token;
    bindRows(batch, head, token);
    AffineMap query =
        layoutMap(space, batch, head, token, b.getAffineDimExpr(space - 1));
    return generic(
        space, form.q, query, filled(withLast(keys), form.constant(b, 0.0)),
        out, 1, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          ReferenceRow row = rowOf(b);
          Value key = form.read(b, form.k,
                                form.at(row.batch, row.keyHead,
                                        iv(b, space - 2), iv(b, space - 1)));
          Value product = arith::MulFOp::create(
              b, ReferenceForm::convert(b, args[0], form.type), key);
          return arith::AddFOp::create(b, args[1], product);
        });
  }

  Value buildScores(Value products) {
    unsigned space = rows.size() + 1;
    AffineMap all = b.getMultiDimIdentityMap(space);
    return generic(
        space, products, all, empty(withLast(keys)), all, 0,
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          ReferenceRow row = rowOf(b);
          Value j = arith::SubIOp::create(b, iv(b, space - 1), row.firstKey);
          Value inside =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ult, j, row.keys);
          if (Value visible = form.visible(b, row, j)) {
            inside = arith::AndIOp::create(b, inside, visible);
          }
          if (op.getScore().empty()) {
            return arith::SelectOp::create(
                b, inside, form.score(b, row, j, args[0]), form.infinity(b));
          }
          // Captured tensors need not have an element for a hidden pair.
          auto branch = scf::IfOp::create(b, TypeRange(Type(form.type)), inside,
                                          /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(branch.thenBlock());
          scf::YieldOp::create(b, form.score(b, row, j, args[0]));
          b.setInsertionPointToStart(branch.elseBlock());
          scf::YieldOp::create(b, form.infinity(b));
          return branch.getResult(0);
        });
  }

  Value buildOutput(Value weights, Value sum) {
    // rows x e x keys
    unsigned space = rows.size() + 2;
    SmallVector<AffineExpr> exprs;
    for (unsigned d = 0; d < rows.size(); ++d) {
      exprs.push_back(b.getAffineDimExpr(d));
    }
    exprs.push_back(b.getAffineDimExpr(space - 1));
    AffineMap weightMap = AffineMap::get(space, 0, exprs, b.getContext());
    AffineExpr batch, head, token;
    bindRows(batch, head, token);
    AffineExpr e = b.getAffineDimExpr(rows.size());
    AffineMap outMap = layoutMap(space, batch, head, token, e);
    SmallVector<OpFoldResult> sizes = outputSizes();
    Value acc = generic(
        space, weights, weightMap, filled(sizes, form.constant(b, 0.0)), outMap,
        1, [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          ReferenceRow row = rowOf(b);
          Value value =
              form.read(b, form.v,
                        form.at(row.batch, row.keyHead, iv(b, space - 1),
                                iv(b, rows.size())));
          // What a hidden key holds must not matter, so not even by 0 * NaN.
          Value product = ifNone(b, args[0], form.constant(b, 0.0),
                                 arith::MulFOp::create(b, args[0], value));
          return arith::AddFOp::create(b, args[1], product);
        });
    unsigned outSpace = rows.size() + 1;
    AffineMap map = layoutMap(outSpace, batch, head, token, e);
    return generic(outSpace, {acc, sum}, {map, rowMap(outSpace)}, empty(sizes),
                   map, 0,
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     return ifNone(b, args[1], form.constant(b, 0.0),
                                   arith::DivFOp::create(b, args[0], args[1]));
                   });
  }

  void bindRows(AffineExpr &batch, AffineExpr &head, AffineExpr &token) {
    unsigned count = rows.size();
    batch = b.getAffineDimExpr(0);
    head = b.getAffineDimExpr(count - 2);
    token = b.getAffineDimExpr(count - 1);
  }

  AffineMap layoutMap(unsigned space, AffineExpr batch, AffineExpr head,
                      AffineExpr token, AffineExpr element) {
    SmallVector<AffineExpr> exprs;
    switch (op.getLayout()) {
    case Layout::BHSD:
      exprs = {batch, head, token, element};
      break;
    case Layout::BSHD:
      exprs = {batch, token, head, element};
      break;
    case Layout::THD:
      exprs = {token, head, element};
      break;
    }
    return AffineMap::get(space, 0, exprs, b.getContext());
  }

  SmallVector<OpFoldResult> outputSizes() {
    OpFoldResult batch = form.isRagged() ? OpFoldResult() : rows[0];
    return form.at(batch, rows[rows.size() - 2], rows.back(), elements);
  }
};

} // namespace

SmallVector<Value> attn::buildMaterialisedAttention(ImplicitLocOpBuilder &b,
                                                    const ReferenceForm &form) {
  return Materialiser(b, form).build();
}
