//===- ReferenceStep.cpp - one token of a state space by definition -------===//
// A step is a sequence of one token, on states that are taken from their slots
// and put back there.
//===----------------------------------------------------------------------===//

#include "ReferenceRecurrence.h"
#include "ReferenceScan.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attn::reference {

namespace {

class Step {
public:
  Step(ImplicitLocOpBuilder &b, SSMStepOp op, FloatType type,
       function_ref<Value(Value)> source)
      : s{b, type}, b(b), index(b, b.getLoc()), op(op), source(source) {}

  Values build(Value destination) {
    Value pool = startOf(s, source(op.getState()), {});
    Value state = gather(pool);
    Value out = withToken(destination);
    Operation *scan =
        op.hasHeads() ? scanOfHeads(out, state) : scanOfChannels(out, state);
    Values results = buildReferenceRecurrence(
        b, scan, s.type, [](Value value) { return value; }, out);
    scan->erase();
    return scatter(results[0], results[1], destination, pool);
  }

private:
  Scalars s;
  ImplicitLocOpBuilder &b;
  IndexBuilder index;
  SSMStepOp op;
  function_ref<Value(Value)> source;

  // A dimension of 1 behind the batch.
  Value withToken(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.insert(shape.begin() + 1, 1);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), value);
    sizes.insert(sizes.begin() + 1, b.getIndexAttr(1));
    SmallVector<ReassociationIndices> groups{{0, 1}};
    for (int64_t d = 2; d <= type.getRank(); ++d) {
      groups.push_back({d});
    }
    return tensor::ExpandShapeOp::create(b, type.clone(shape), value, groups,
                                         sizes);
  }
  Value token(Value value) {
    return value ? withToken(source(value)) : Value();
  }
  Value whole(Value value) { return value ? source(value) : Value(); }

  Operation *scanOfHeads(Value out, Value state) {
    Values outs{out, state};
    return SSDOp::create(
        b, ValueRange(outs).getTypes(), token(op.getX()), token(op.getDt()),
        whole(op.getA()), token(op.getB()), token(op.getC()),
        whole(op.getDtBias()), whole(op.getSkip()), token(op.getZ()), Value(),
        Value(), outs, LayoutAttr::get(b.getContext(), Layout::BSHD),
        op.getSoftplusAttr(), op.getDtLimitAttr(), UnitAttr(), IntegerAttr());
  }
  Operation *scanOfChannels(Value out, Value state) {
    Values outs{out, state};
    return SSMScanOp::create(
        b, ValueRange(outs).getTypes(), token(op.getX()), token(op.getDt()),
        whole(op.getA()), token(op.getB()), token(op.getC()),
        whole(op.getDtBias()), whole(op.getSkip()), token(op.getZ()), Value(),
        Value(), outs, op.getSoftplusAttr(), op.getDtLimitAttr(), UnitAttr(),
        UnitAttr(), UnitAttr());
  }

  // Whether sequence `n` has a slot of `pool`, and which.
  std::pair<Value, Value> slot(Value n, Value pool) {
    if (!op.getSlots()) {
      return {arith::ConstantOp::create(b, b.getBoolAttr(true)), n};
    }
    Value at = arith::IndexCastOp::create(
        b, b.getIndexType(), tensor::ExtractOp::create(b, op.getSlots(), n));
    Value exists = arith::CmpIOp::create(
        b, arith::CmpIPredicate::ult, at,
        tensor::DimOp::create(b, pool, index.constant(0)));
    return {exists, at};
  }

  Value sliceAt(Value of, Value n) {
    SmallVector<OpFoldResult> sizes, offsets, strides;
    range(of, n, offsets, sizes, strides);
    return tensor::ExtractSliceOp::create(b, of, offsets, sizes, strides);
  }
  Value insertAt(Value part, Value into, Value n) {
    SmallVector<OpFoldResult> sizes, offsets, strides;
    range(into, n, offsets, sizes, strides);
    return tensor::InsertSliceOp::create(b, part, into, offsets, sizes,
                                         strides);
  }
  void range(Value of, Value n, SmallVectorImpl<OpFoldResult> &offsets,
             SmallVectorImpl<OpFoldResult> &sizes,
             SmallVectorImpl<OpFoldResult> &strides) {
    llvm::append_range(sizes, tensor::getMixedSizes(b, b.getLoc(), of));
    sizes[0] = b.getIndexAttr(1);
    offsets.assign(sizes.size(), b.getIndexAttr(0));
    offsets[0] = n;
    strides.assign(sizes.size(), b.getIndexAttr(1));
  }

  // `then` where the sequence has a slot, else `carried`.
  Values whereSlot(Value n, Value pool, ValueRange carried,
                   function_ref<Values(Value)> then) {
    auto [exists, at] = slot(n, pool);
    auto branch = scf::IfOp::create(b, carried.getTypes(), exists, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, carried);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, then(at));
    return Values(branch.getResults());
  }

  Value zeros(ArrayRef<OpFoldResult> sizes) {
    Value init = tensor::EmptyOp::create(b, sizes, s.type);
    return linalg::FillOp::create(b, s.number(0.0), init).getResult(0);
  }

  Value gather(Value pool) {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(b, b.getLoc(), pool);
    sizes[0] = tensor::getMixedSize(b, b.getLoc(), op.getX(), 0);
    Value batch = tensor::DimOp::create(b, op.getX(), index.constant(0));
    return referenceLoop(b, index.constant(0), batch, zeros(sizes),
                         [&](Value n, ValueRange now) {
                           return whereSlot(n, pool, now, [&](Value at) {
                             return Values{
                                 insertAt(sliceAt(pool, at), now[0], n)};
                           });
                         })[0];
  }

  Values scatter(Value out, Value state, Value destination, Value pool) {
    auto type = cast<RankedTensorType>(destination.getType());
    SmallVector<ReassociationIndices> groups{{0, 1}};
    for (int64_t d = 2; d <= type.getRank(); ++d) {
      groups.push_back({d});
    }
    out = tensor::CollapseShapeOp::create(b, type, out, groups);
    Value none = zeros(tensor::getMixedSizes(b, b.getLoc(), destination));
    Value batch = tensor::DimOp::create(b, op.getX(), index.constant(0));
    return referenceLoop(b, index.constant(0), batch, {none, pool},
                         [&](Value n, ValueRange now) {
                           return whereSlot(n, pool, now, [&](Value at) {
                             return Values{
                                 insertAt(sliceAt(out, n), now[0], n),
                                 insertAt(sliceAt(state, n), now[1], at)};
                           });
                         });
  }
};

} // namespace

Values buildStep(ImplicitLocOpBuilder &b, SSMStepOp op, FloatType type,
                 function_ref<Value(Value)> source, Value destination) {
  return Step(b, op, type, source).build(destination);
}

} // namespace attn::reference
