//===- LowerFinalizeState.cpp - softmax state into output rows ------------===//
// Lanes are transposed back in registers, block by block; rows are scaled where
// they are. Only rows that exist are stored. Maxima are in units of log2, as
// the lowerings of attn.online_attention leave them.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "RowView.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace attn {

namespace {

class FinalizeLowering {
public:
  FinalizeLowering(OpBuilder &builder, FinalizeStateOp op,
                   const TargetDescription &target)
      : lb(builder, op.getLoc(), target,
           cast<FloatType>(
               cast<MemRefType>(op.getMax().getType()).getElementType())),
        op(op), out(lb, op.getOut(), op.getOutMap()),
        blocks(lb, out.rowSize(), out.isContiguous()),
        width(cast<MemRefType>(op.getMax().getType()).getDimSize(1)),
        asRows(op.getStateMap().isIdentity()), zero(lb.index.constant(0)) {}

  void run();

private:
  Value sinkOf(Value head);
  std::pair<Value, Value> total(Value sum, Value max, Value sink);
  void lanesPanel(Value p, Value used);
  void rowsPanel(Value p, Value used);
  void elements(Value p, Value lane, Value head, Value query, Value factor);

  LaneBuilder lb;
  FinalizeStateOp op;
  RowView out;
  VectorBlocks blocks;
  int64_t width;
  bool asRows;
  Value zero;
};

// The logit of the sink of head `head` of the tile; heads past the end, of
// rows that pad a panel, read the last one.
Value FinalizeLowering::sinkOf(Value head) {
  Value size =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getSink(), 0));
  Value at =
      lb.index.min(lb.index.add(op.getHead(), head), lb.index.add(size, -1));
  return lb.loadScalar(op.getSink(), at);
}

// What rows are multiplied by, and their lse. `sink`, if any, is one more key
// with the value 0.
std::pair<Value, Value> FinalizeLowering::total(Value sum, Value max,
                                                Value sink) {
  Value scale = lb.constant(1.0);
  if (sink) {
    Value joint = lb.max(sink, max);
    Value safe = lb.finiteMax(joint);
    scale = lb.exp(lb.sub(max, safe));
    Value extra = lb.exp(lb.sub(sink, safe));
    sum = lb.fma(sum, scale, extra);
    max = joint;
  }
  Value factor = lb.selectZero(sum, lb.constant(0.0),
                               arith::DivFOp::create(lb.b, lb.loc, scale, sum));
  if (!op.getLse()) {
    return {factor, Value()};
  }
  Value none = lb.constant(-std::numeric_limits<double>::infinity());
  Value lse = lb.add(max, math::LogOp::create(lb.b, lb.loc, sum));
  return {factor, lb.selectZero(sum, none, lse)};
}

// The elements of a row past its last whole vector.
void FinalizeLowering::elements(Value p, Value lane, Value head, Value query,
                                Value factor) {
  Type element = cast<MemRefType>(out.get().getType()).getElementType();
  lb.loop(blocks.whole, blocks.size, 1, [&](Value e) {
    SmallVector<Value> at = asRows ? SmallVector<Value>{p, lane, e}
                                   : SmallVector<Value>{p, e, lane};
    Value x = lb.scaled(lb.loadScalar(op.getAcc(), at), factor);
    memref::StoreOp::create(lb.b, lb.loc, lb.convert(x, element), out.get(),
                            out.at(head, query, e));
  });
}

void FinalizeLowering::rowsPanel(Value p, Value used) {
  lb.loop(zero, used, 1, [&](Value lane) {
    auto [head, query] = lb.row(op.getRowMap(), p, lane);
    auto [factor, lse] = total(lb.splat(lb.loadScalar(op.getSum(), {p, lane})),
                               lb.splat(lb.loadScalar(op.getMax(), {p, lane})),
                               op.getSink() ? lb.splat(sinkOf(head)) : Value());
    lb.loop(zero, blocks.whole, lb.lanes,
            [&, factor = factor, head = head, query = query](Value e) {
              lb.store(lb.scaled(lb.load(op.getAcc(), {p, lane, e}), factor),
                       out.get(), out.at(head, query, e));
            });
    if (blocks.rest) {
      elements(p, lane, head, query, lb.extract(factor, 0));
    }
    if (lse) {
      memref::StoreOp::create(lb.b, lb.loc, lb.extract(lse, 0), op.getLse(),
                              ValueRange{head, query});
    }
  });
}

void FinalizeLowering::lanesPanel(Value p, Value used) {
  Value factors = scratch(lb, op, {width});
  Value lses = op.getLse() ? scratch(lb, op, {width}) : Value();
  lb.loop(zero, lb.index.constant(width), lb.lanes, [&](Value lane) {
    Value sink;
    if (op.getSink() && op.getRowMap().getResult(0).isSymbolicOrConstant()) {
      sink = lb.splat(sinkOf(lb.row(op.getRowMap(), p, lane).first));
    } else if (op.getSink()) {
      sink = lb.constant(0.0);
      for (int64_t l = 0; l < lb.lanes; ++l) {
        Value head = lb.row(op.getRowMap(), p, lb.index.add(lane, l)).first;
        sink = vector::InsertOp::create(lb.b, lb.loc, sinkOf(head), sink, l);
      }
    }
    auto [factor, lse] = total(lb.load(op.getSum(), {p, lane}),
                               lb.load(op.getMax(), {p, lane}), sink);
    lb.store(factor, factors, lane);
    if (lse) {
      lb.store(lse, lses, lane);
    }
  });
  lb.loop(zero, used, lb.lanes, [&](Value lane) {
    SmallVector<std::pair<Value, Value>> rows;
    for (int64_t l = 0; l < lb.lanes; ++l) {
      rows.push_back(lb.row(op.getRowMap(), p, lb.index.add(lane, l)));
    }
    Value left = lb.index.sub(used, lane);
    Value factor = lb.load(factors, lane);
    lb.loop(zero, blocks.whole, lb.lanes, [&](Value e) {
      SmallVector<Value> block;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        block.push_back(lb.scaled(
            lb.load(op.getAcc(), {p, lb.index.add(e, l), lane}), factor));
      }
      block = lb.transpose(block);
      for (int64_t l = 0; l < lb.lanes; ++l) {
        Value inside =
            arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sgt, left,
                                  lb.index.constant(l));
        auto guard = scf::IfOp::create(lb.b, lb.loc, inside);
        OpBuilder::InsertionGuard insertion(lb.b);
        lb.b.setInsertionPoint(guard.thenYield());
        lb.store(block[l], out.get(), out.at(rows[l].first, rows[l].second, e));
      }
    });
  });
  if (!blocks.rest && !lses) {
    return;
  }
  lb.loop(zero, used, 1, [&](Value lane) {
    auto [head, query] = lb.row(op.getRowMap(), p, lane);
    if (blocks.rest) {
      elements(p, lane, head, query, lb.loadScalar(factors, lane));
    }
    if (lses) {
      memref::StoreOp::create(lb.b, lb.loc, lb.loadScalar(lses, lane),
                              op.getLse(), ValueRange{head, query});
    }
  });
}

void FinalizeLowering::run() {
  Value count = lb.index.mul(out.heads(), out.queries());
  Value panels =
      lb.index.value(memref::getMixedSize(lb.b, lb.loc, op.getMax(), 0));
  lb.loop(zero, panels, 1, [&](Value p) {
    // How many of its rows this panel uses.
    Value used = lb.index.min(lb.index.sub(count, lb.index.mul(p, width)),
                              lb.index.constant(width));
    asRows ? rowsPanel(p, used) : lanesPanel(p, used);
  });
}

} // namespace

LogicalResult lowerFinalizeState(FinalizeStateOp op,
                                 const TargetDescription &target) {
  auto stateType = cast<MemRefType>(op.getMax().getType());
  int64_t lanes =
      target.lanes(stateType.getElementType().getIntOrFloatBitWidth());
  AffineMap lanesMap = AffineMap::getMultiDimMapWithTargets(
      3, ArrayRef<unsigned>{0, 2, 1}, op.getContext());
  bool rows = op.getStateMap().isIdentity();
  if (stateType.getRank() != 2 || stateType.isDynamicDim(1) ||
      (!rows && (op.getStateMap() != lanesMap ||
                 stateType.getDimSize(1) % lanes != 0))) {
    return op.emitOpError("expected panels of rows, or of a multiple of ")
           << lanes << " lanes (attn-orient-tiles for the same target)";
  }
  OpBuilder builder(op);
  FinalizeLowering(builder, op, target).run();
  op.erase();
  return success();
}

} // namespace attn
