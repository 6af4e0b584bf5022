//===- LowerPackRows.cpp - query rows into panels -------------------------===//
// To lanes: blocks of lanes x lanes elements are transposed in registers. To
// rows: a copy. Both widen to the type of the panel. Pairs of bf16 are
// transposed like elements of twice the width. A head size that is no multiple
// of the lanes leaves a rest that goes element by element.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "RowView.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

LogicalResult lowerPackRows(PackRowsOp op, const TargetDescription &target) {
  OpBuilder builder(op);
  auto destType = cast<MemRefType>(op.getDest().getType());
  std::optional<AffineMap> plain = unpairResults(op.getDestMap());
  AffineMap destMap = plain.value_or(op.getDestMap());
  int64_t unit = plain ? 2 : 1; // elements a lane
  LaneBuilder lb(builder, op.getLoc(), target,
                 plain ? builder.getF32Type()
                       : cast<FloatType>(destType.getElementType()));
  bool asRows = destMap.isIdentity();
  unsigned rowDim = asRows ? 1 : 2;
  AffineMap lanesMap = AffineMap::getMultiDimMapWithTargets(
      3, ArrayRef<unsigned>{0, 2, 1}, op.getContext());
  int64_t width = destType.getDimSize(rowDim);
  if (!ShapedType::isDynamic(width)) {
    width /= unit;
  }
  if ((!asRows && destMap != lanesMap) || ShapedType::isDynamic(width) ||
      (!asRows && width % lb.lanes != 0)) {
    return op.emitOpError("expected panels of rows, or of a multiple of ")
           << lb.lanes << " lanes (attn-orient-tiles for the same target)";
  }
  RowView source(lb, op.getSource(), op.getSourceMap());
  Value dest = op.getDest(), zero = lb.index.constant(0);
  Value panels = lb.index.value(memref::getMixedSize(lb.b, lb.loc, dest, 0));
  Value last = lb.index.add(source.queries(), -1);
  // The row of a lane; past the end it is the last one.
  auto rowOf = [&](Value p, Value lane) {
    auto [head, query] = lb.row(op.getRowMap(), p, lane);
    return std::make_pair(head, lb.index.min(query, last));
  };
  auto at = [&](Value p, Value lane, Value d) {
    if (asRows) {
      return SmallVector<Value>{p, lane, d};
    }
    // Elements d and d + 1 of a lane are neighbours for an even d.
    Value pair = lb.index.div(d, unit);
    Value second = lb.index.sub(d, lb.index.mul(pair, unit));
    return SmallVector<Value>{p, pair,
                              lb.index.add(lb.index.mul(lane, unit), second)};
  };
  VectorBlocks blocks(lb, source.rowSize(), source.isContiguous(), unit);
  auto copyRows = [&](Value p) {
    lb.loop(zero, lb.index.constant(width), 1, [&](Value lane) {
      std::pair<Value, Value> row = rowOf(p, lane);
      lb.loop(zero, blocks.whole, lb.lanes, [&](Value d) {
        lb.store(lb.load(source.get(), source.at(row.first, row.second, d)),
                 dest, at(p, lane, d));
      });
    });
  };
  auto loadUnits = [&](ArrayRef<Value> from) {
    return plain ? lb.loadPairs(source.get(), from)
                 : lb.load(source.get(), from);
  };
  auto storeUnits = [&](Value units, ArrayRef<Value> to) {
    plain ? lb.storePairs(units, dest, to) : lb.store(units, dest, to);
  };
  auto transposeRows = [&](Value p) {
    lb.loop(zero, lb.index.constant(width), lb.lanes, [&](Value lane) {
      SmallVector<std::pair<Value, Value>> rows;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        rows.push_back(rowOf(p, lb.index.add(lane, l)));
      }
      lb.loop(zero, blocks.whole, lb.lanes * unit, [&](Value d) {
        SmallVector<Value> block;
        for (auto [head, query] : rows) {
          block.push_back(loadUnits(source.at(head, query, d)));
        }
        block = lb.transpose(block);
        for (int64_t l = 0; l < lb.lanes; ++l) {
          storeUnits(block[l], at(p, lane, lb.index.add(d, l * unit)));
        }
      });
    });
  };
  lb.loop(zero, panels, 1, [&](Value p) {
    asRows ? copyRows(p) : transposeRows(p);
    if (!blocks.rest) {
      return;
    }
    lb.loop(blocks.whole, blocks.size, 1, [&](Value d) {
      lb.loop(zero, lb.index.constant(width), 1, [&](Value lane) {
        auto [head, query] = rowOf(p, lane);
        Value x = memref::LoadOp::create(lb.b, lb.loc, source.get(),
                                         source.at(head, query, d));
        x = lb.convert(x, destType.getElementType());
        memref::StoreOp::create(lb.b, lb.loc, x, dest, at(p, lane, d));
      });
    });
  });
  op.erase();
  return success();
}

} // namespace attn
