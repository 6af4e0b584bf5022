//===- ReferenceForm.cpp - attention pair by pair -------------------------===//

#include "ReferenceForm.h"
#include "attn/Passes/EmitMask.h"
#include "attn/Passes/InlineScore.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace attn;

static Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

static Value size(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) {
  return getValueOrCreateConstantIndexOp(
      b, b.getLoc(), tensor::getMixedSize(b, b.getLoc(), tensor, dim));
}

ReferenceForm::ReferenceForm(AttentionOp op, FloatType type,
                             function_ref<Value(Value)> source)
    : op(op), type(type), q(source(op.getQ())), k(source(op.getK())),
      v(source(op.getV())),
      sink(op.getSink() ? source(op.getSink()) : Value()) {
  for (Value value : op.getCaptured()) {
    captured.push_back(source(value));
  }
  for (Value value : op.getMaskCaptured()) {
    maskCaptured.push_back(source(value));
  }
}

void ReferenceForm::prepare(ImplicitLocOpBuilder &b) {
  Value one = index(b, 1);
  // Without key heads there are no query heads either, but the division must
  // still be defined.
  Value heads = size(b, q, op.getHeadDim());
  Value keyHeads =
      arith::MaxSIOp::create(b, size(b, k, op.getKeyHeadDim()), one);
  groupSize = arith::MaxSIOp::create(
      b, arith::DivUIOp::create(b, heads, keyHeads), one);
  querySize = size(b, q, op.getSeqDim());
  keySize = size(b, k, op.getKeySeqDim());
  if (op.isPaged()) {
    pageSize = arith::MaxSIOp::create(b, keySize, one);
    keySize =
        arith::MulIOp::create(b, keySize, size(b, op.getBlockTables(), 1));
  }
  if (std::optional<double> known = op.getStaticScale()) {
    scale = constant(b, *known);
    return;
  }
  Value elements = arith::MaxSIOp::create(b, size(b, q, op.getSizeDim()), one);
  Value count = arith::SIToFPOp::create(
      b, type, arith::IndexCastOp::create(b, b.getI64Type(), elements));
  scale = arith::DivFOp::create(b, constant(b, 1.0),
                                math::SqrtOp::create(b, count));
}

SmallVector<OpFoldResult>
ReferenceForm::rowSizes(ImplicitLocOpBuilder &b) const {
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim : {op.getBatchDim(), op.getHeadDim(), op.getSeqDim()}) {
    if (dim >= 0) {
      sizes.push_back(tensor::getMixedSize(b, b.getLoc(), q, dim));
    }
  }
  return sizes;
}

ReferenceRow ReferenceForm::row(ImplicitLocOpBuilder &b,
                                ValueRange indices) const {
  ReferenceRow row;
  row.head = indices[indices.size() - 2];
  row.token = indices.back();
  row.keyHead = arith::DivUIOp::create(b, row.head, groupSize);
  Value zero = index(b, 0);
  Value i = row.token, rows = querySize;
  auto readLength = [&]() -> Value {
    Value length = readIndex(b, op.getKvLens(), row.batch);
    return arith::MinSIOp::create(b, keySize,
                                  arith::MaxSIOp::create(b, length, zero));
  };
  if (!isRagged()) {
    row.batch = indices[0];
    row.firstKey = zero;
    row.keys = op.getKvLens() ? readLength() : keySize;
  } else {
    // The last sequence that starts at or before the token has it, since empty
    // sequences start where the next one does.
    Value one = index(b, 1);
    Value starts = op.getCuSeqlensQ();
    Value sequences = arith::SubIOp::create(b, size(b, starts, 0), one);
    auto found = referenceLoop(
        b, one, sequences, ValueRange{zero}, [&](Value n, ValueRange carried) {
          Value start = readIndex(b, starts, n);
          Value after = arith::CmpIOp::create(b, arith::CmpIPredicate::sle,
                                              start, row.token);
          return SmallVector<Value>{
              arith::SelectOp::create(b, after, n, carried[0])};
        });
    row.batch = found[0];
    Value next = arith::AddIOp::create(b, row.batch, one);
    Value first = readIndex(b, starts, row.batch);
    Value last = readIndex(b, starts, next);
    rows = arith::SubIOp::create(b, last, first);
    i = arith::SubIOp::create(b, row.token, first);
    Value keys;
    if (op.isPaged()) {
      row.firstKey = zero;
      keys = readLength();
    } else {
      row.firstKey = readIndex(b, op.getCuSeqlensK(), row.batch);
      keys = arith::SubIOp::create(b, readIndex(b, op.getCuSeqlensK(), next),
                                   row.firstKey);
    }
    // A token of no sequence sees nothing.
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, i, rows);
    row.keys = arith::SelectOp::create(b, inside, keys, zero);
  }
  Value offset = op.getOffset();
  if (!offset) {
    offset = arith::SubIOp::create(b, row.keys, rows);
  }
  row.position = arith::AddIOp::create(b, i, offset);
  return row;
}

SmallVector<OpFoldResult> ReferenceForm::at(OpFoldResult batch,
                                            OpFoldResult head,
                                            OpFoldResult sequence,
                                            OpFoldResult element) const {
  switch (op.getLayout()) {
  case Layout::BHSD:
    return {batch, head, sequence, element};
  case Layout::BSHD:
    return {batch, sequence, head, element};
  case Layout::THD:
    return {sequence, head, element};
  }
  return {};
}

SmallVector<Value> ReferenceForm::at(Value batch, Value head, Value sequence,
                                     Value element) const {
  SmallVector<Value> values;
  for (OpFoldResult value : at(OpFoldResult(batch), OpFoldResult(head),
                               OpFoldResult(sequence), OpFoldResult(element))) {
    values.push_back(cast<Value>(value));
  }
  return values;
}

SmallVector<Value> ReferenceForm::keyRow(ImplicitLocOpBuilder &b,
                                         const ReferenceRow &row,
                                         Value j) const {
  if (op.isPaged()) {
    Value number = arith::DivUIOp::create(b, j, pageSize);
    Value slot = arith::RemUIOp::create(b, j, pageSize);
    Value entry = tensor::ExtractOp::create(b, op.getBlockTables(),
                                            ValueRange{row.batch, number});
    Value page = arith::IndexCastOp::create(b, b.getIndexType(), entry);
    return op.getKeyHeadDim() == 1
               ? SmallVector<Value>{page, row.keyHead, slot}
               : SmallVector<Value>{page, slot, row.keyHead};
  }
  Value key = arith::AddIOp::create(b, row.firstKey, j);
  SmallVector<Value> indices = at(row.batch, row.keyHead, key, key);
  indices.pop_back();
  return indices;
}

Value ReferenceForm::visible(ImplicitLocOpBuilder &b, const ReferenceRow &row,
                             Value j) const {
  Value visible;
  if (op.getMask()) {
    visible =
        emitMask(b, b.getLoc(), op.getMask()->getMaskSet(),
                 {row.batch, row.head, row.position, j, op.getMaskSymbols()});
  }
  if (op.getMaskRegion().empty()) {
    return visible;
  }
  // Pairs that the attribute hides may have no element to read, so that an
  // index is kept inside of the tensor.
  Value shown = inlineRegion(b, op.getMaskRegion(), {}, maskCaptured,
                             op.getMaskMaps(), row, j);
  return visible ? arith::AndIOp::create(b, visible, shown).getResult() : shown;
}

Value ReferenceForm::score(ImplicitLocOpBuilder &b, const ReferenceRow &row,
                           Value j, Value product) const {
  Value x = arith::MulFOp::create(b, product, scale);
  return op.getScore().empty() ? x
                               : inlineRegion(b, op.getScore(), x, captured,
                                              op.getCapturedMaps(), row, j);
}

Value ReferenceForm::inlineRegion(ImplicitLocOpBuilder &b, Region &region,
                                  ValueRange leading, ValueRange captured,
                                  ArrayAttr maps, const ReferenceRow &row,
                                  Value j) const {
  SmallVector<Value> point{row.batch, row.head, row.position, j};
  SmallVector<Value> arguments(leading);
  for (auto [tensor, attr] : llvm::zip_equal(captured, maps)) {
    auto indices = *affine::expandAffineMap(
        b, b.getLoc(), cast<AffineMapAttr>(attr).getValue(), point);
    for (auto [dim, at] : llvm::enumerate(indices)) {
      Value last = arith::SubIOp::create(b, size(b, tensor, dim), index(b, 1));
      at = arith::MaxSIOp::create(b, arith::MinSIOp::create(b, at, last),
                                  index(b, 0));
    }
    arguments.push_back(read(b, tensor, indices));
  }
  llvm::append_range(arguments, point);
  return inlineScore(b, b.getLoc(), region, arguments, type);
}

Value ReferenceForm::weight(ImplicitLocOpBuilder &b, Value y, Value max) const {
  // max is y or more, so where it is -inf, y is too.
  Value e = math::ExpOp::create(b, arith::SubFOp::create(b, y, max));
  return arith::SelectOp::create(b, isInfinity(b, y), constant(b, 0.0), e);
}

Value ReferenceForm::constant(ImplicitLocOpBuilder &b, double value) const {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

Value ReferenceForm::infinity(ImplicitLocOpBuilder &b) const {
  return constant(b, -std::numeric_limits<double>::infinity());
}

Value ReferenceForm::isInfinity(ImplicitLocOpBuilder &b, Value y) const {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, y, infinity(b));
}

Value ReferenceForm::read(ImplicitLocOpBuilder &b, Value tensor,
                          ValueRange indices) const {
  Value element = tensor::ExtractOp::create(b, tensor, indices);
  return isa<FloatType>(element.getType()) ? convert(b, element, type)
                                           : element;
}

Value ReferenceForm::readIndex(ImplicitLocOpBuilder &b, Value tensor,
                               Value position) const {
  Value element = tensor::ExtractOp::create(b, tensor, position);
  return arith::IndexCastOp::create(b, b.getIndexType(), element);
}

Value ReferenceForm::convert(ImplicitLocOpBuilder &b, Value value, Type to) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  if (from < to.getIntOrFloatBitWidth()) {
    return arith::ExtFOp::create(b, to, value);
  }
  if (from > to.getIntOrFloatBitWidth()) {
    return arith::TruncFOp::create(b, to, value);
  }
  return value;
}

SmallVector<Value>
attn::referenceLoop(ImplicitLocOpBuilder &b, Value lower, Value upper,
                    ValueRange inits,
                    function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, lower, upper, index(b, 1), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!inits.empty()) {
    scf::YieldOp::create(b, next);
  }
  return llvm::to_vector_of<Value>(loop.getResults());
}
