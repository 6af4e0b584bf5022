//===- LowerPackRows.cpp - query rows into panels -------------------------===//
// To lanes: blocks of lanes x lanes elements are transposed in registers. To
// rows: a copy. Both widen to the type of the panel. A head size that is no
// multiple of the lanes leaves a rest that goes element by element.
//===----------------------------------------------------------------------===//

#include "LowerTiles.h"
#include "RowView.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace attn {

LogicalResult lowerPackRows(PackRowsOp op, const TargetDescription &target) {
  OpBuilder builder(op);
  auto destType = cast<MemRefType>(op.getDest().getType());
  LaneBuilder lb(builder, op.getLoc(), target,
                 cast<FloatType>(destType.getElementType()));
  AffineMap destMap = op.getDestMap();
  bool asRows = destMap.isIdentity();
  unsigned rowDim = asRows ? 1 : 2;
  AffineMap lanesMap = AffineMap::getMultiDimMapWithTargets(
      3, ArrayRef<unsigned>{0, 2, 1}, op.getContext());
  int64_t width = destType.getDimSize(rowDim);
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
    return asRows ? SmallVector<Value>{p, lane, d}
                  : SmallVector<Value>{p, d, lane};
  };
  VectorBlocks blocks(lb, source.rowSize(), source.isContiguous());
  auto copyRows = [&](Value p) {
    lb.loop(zero, lb.index.constant(width), 1, [&](Value lane) {
      auto [head, query] = rowOf(p, lane);
      lb.loop(zero, blocks.whole, lb.lanes, [&](Value d) {
        lb.store(lb.load(source.get(), source.at(head, query, d)), dest,
                 at(p, lane, d));
      });
    });
  };
  auto transposeRows = [&](Value p) {
    lb.loop(zero, lb.index.constant(width), lb.lanes, [&](Value lane) {
      SmallVector<std::pair<Value, Value>> rows;
      for (int64_t l = 0; l < lb.lanes; ++l) {
        rows.push_back(rowOf(p, lb.index.add(lane, l)));
      }
      lb.loop(zero, blocks.whole, lb.lanes, [&](Value d) {
        SmallVector<Value> block;
        for (auto [head, query] : rows) {
          block.push_back(lb.load(source.get(), source.at(head, query, d)));
        }
        block = lb.transpose(block);
        for (int64_t l = 0; l < lb.lanes; ++l) {
          lb.store(block[l], dest, at(p, lane, lb.index.add(d, l)));
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
        Value x = lb.loadScalar(source.get(), source.at(head, query, d));
        memref::StoreOp::create(lb.b, lb.loc, x, dest, at(p, lane, d));
      });
    });
  });
  op.erase();
  return success();
}

} // namespace attn
