//===- LowerCache.cpp - writing and reading a paged cache on vectors ------===//

#include "LowerTiles.h"
#include "RopeRows.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

static Value sizeOf(LaneBuilder &lb, Value memref, int64_t dim) {
  return lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, dim));
}

static Value loadIndex(LaneBuilder &lb, Value memref, ValueRange at) {
  Value loaded = memref::LoadOp::create(lb.b, lb.loc, memref, at);
  return arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getIndexType(), loaded);
}

// The row of a slot of a page.
static ElementRow pageRow(Value pool, PageLayout layout, Value page, Value head,
                          Value slot) {
  return layout == PageLayout::HND ? ElementRow(pool, {page, head, slot})
                                   : ElementRow(pool, {page, slot, head});
}

// Parts of the pages side by side, each with its own tokens in their order, so
// that of two with one slot the later one is kept.
LogicalResult lowerKVAppend(KVAppendOp op, const TargetDescription &target) {
  bool turns = static_cast<bool>(op.getPositions());
  if (turns && op.getRotarySize() < 0) {
    return op.emitOpError("expected a static number of rotary elements");
  }
  OpBuilder builder(op);
  IndexBuilder index(builder, op.getLoc());
  Value tokens =
      index.value(memref::getMixedSize(builder, op.getLoc(), op.getK(), 0));
  constexpr int64_t kMostParts = 32, kTokens = 8; // a part, at least
  Value parts = index.clamp(index.ceilDiv(tokens, kTokens), index.constant(1),
                            index.constant(kMostParts));
  auto forall =
      scf::ForallOp::create(builder, op.getLoc(), ArrayRef<OpFoldResult>{parts},
                            ValueRange(), std::nullopt);
  op->moveBefore(forall.getTerminator());
  builder.setInsertionPoint(op);
  Value part = forall.getInductionVar(0);
  LaneBuilder lb(builder, op.getLoc(), target, op.getAccumulatorType());
  std::optional<RopeRows> rows;
  if (turns) {
    rows.emplace(lb, op,
                 RopeForm{op.getCos(), op.getSin(), op.getFrequencies(),
                          op.getRotarySize(), op.getPairs(),
                          op.getMagnitude().convertToDouble(), op.getKept()});
  }
  Value zero = lb.index.constant(0);
  Value slotsOfPage = sizeOf(lb, op.getKPages(), op.getSlotDim());
  Value slots = lb.index.mul(sizeOf(lb, op.getKPages(), 0), slotsOfPage);
  lb.loop(zero, sizeOf(lb, op.getK(), 0), 1, [&](Value token) {
    Value slot = loadIndex(lb, op.getSlots(), token);
    // As an unsigned number, what is negative is beyond all slots.
    Value inside = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::ult, slot, slots);
    // Slots of pages without any are not inside.
    Value page =
        lb.index.div(slot, lb.index.max(slotsOfPage, lb.index.constant(1)));
    Value mine = arith::CmpIOp::create(
        lb.b, lb.loc, arith::CmpIPredicate::eq,
        arith::RemUIOp::create(lb.b, lb.loc, page, parts), part);
    auto guarded = scf::IfOp::create(
        lb.b, lb.loc, arith::AndIOp::create(lb.b, lb.loc, inside, mine));
    OpBuilder::InsertionGuard guard(lb.b);
    lb.b.setInsertionPoint(guarded.thenYield());
    Value within = lb.index.sub(slot, lb.index.mul(page, slotsOfPage));
    if (turns) {
      rows->moveTo(loadIndex(lb, op.getPositions(), {zero, token}));
    }
    lb.loop(zero, sizeOf(lb, op.getK(), 1), 1, [&](Value head) {
      ElementRow key(op.getK(), {token, head});
      ElementRow value(op.getV(), {token, head});
      PageLayout layout = op.getPageLayout();
      ElementRow keySlot = pageRow(op.getKPages(), layout, page, head, within);
      ElementRow valueSlot =
          pageRow(op.getVPages(), layout, page, head, within);
      Value size = sizeOf(lb, op.getK(), 2);
      if (turns) {
        rows->turn(key, keySlot, size);
      } else {
        copyElements(lb, key, keySlot, 0, size);
      }
      copyElements(lb, value, valueSlot, 0, sizeOf(lb, op.getV(), 2));
    });
  });
  op.erase();
  return success();
}

LogicalResult lowerKVGather(KVGatherOp op, const TargetDescription &target) {
  OpBuilder builder(op);
  // Rows are copied as they are, so any type gives the width of a vector.
  Type element = cast<ShapedType>(op.getOut().getType()).getElementType();
  LaneBuilder lb(builder, op.getLoc(), target, builder.getF32Type());
  Value zero = lb.index.constant(0);
  Value out = op.getOut();
  Value slotsOfPage = sizeOf(lb, op.getPages(), op.getSlotDim());
  Value keys = sizeOf(lb, out, op.getOutSeqDim()), size = sizeOf(lb, out, 3);
  Value held = lb.index.mul(sizeOf(lb, op.getBlockTables(), 1), slotsOfPage);
  auto outRow = [&](Value batch, Value head, Value key) {
    return op.getLayout() == Layout::BHSD ? ElementRow(out, {batch, head, key})
                                          : ElementRow(out, {batch, key, head});
  };
  lb.loop(zero, sizeOf(lb, out, 0), 1, [&](Value batch) {
    Value length = lb.index.clamp(loadIndex(lb, op.getKvLens(), batch), zero,
                                  lb.index.min(keys, held));
    lb.loop(zero, sizeOf(lb, out, op.getOutHeadDim()), 1, [&](Value head) {
      lb.loop(zero, length, 1, [&](Value key) {
        Value number = lb.index.div(key, slotsOfPage);
        Value page = loadIndex(lb, op.getBlockTables(), {batch, number});
        Value slot = lb.index.sub(key, lb.index.mul(number, slotsOfPage));
        copyElements(
            lb, pageRow(op.getPages(), op.getPageLayout(), page, head, slot),
            outRow(batch, head, key), 0, size);
      });
      Value none =
          arith::ConstantOp::create(lb.b, lb.loc, lb.b.getZeroAttr(element));
      lb.loop(length, keys, 1, [&](Value key) {
        ElementRow row = outRow(batch, head, key);
        lb.loop(zero, size, 1, [&](Value d) {
          memref::StoreOp::create(lb.b, lb.loc, none, out, row.at(d));
        });
      });
    });
  });
  op.erase();
  return success();
}

} // namespace attn
