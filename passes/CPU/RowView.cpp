//===- RowView.cpp - tiles of query rows in memory ------------------------===//

#include "RowView.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

RowView::RowView(LaneBuilder &lb, Value memref, AffineMap map)
    : memref(memref) {
  MLIRContext *context = memref.getContext();
  for (unsigned d = 0; d < 3; ++d) {
    position[d] = *map.getResultPosition(getAffineDimExpr(d, context));
    sizes[d] =
        lb.index.value(memref::getMixedSize(lb.b, lb.loc, memref, position[d]));
  }
  contiguous = position[2] == 2 && isUnitStride(memref, 2);
}

SmallVector<Value> RowView::at(Value head, Value query, Value element) const {
  SmallVector<Value> indices(3);
  indices[position[0]] = head;
  indices[position[1]] = query;
  indices[position[2]] = element;
  return indices;
}

VectorBlocks::VectorBlocks(LaneBuilder &lb, Value size, bool vectors,
                           int64_t unit)
    : size(size) {
  int64_t elements = lb.lanes * unit;
  whole = vectors ? lb.index.mul(lb.index.div(size, elements), elements)
                  : lb.index.constant(0);
  std::optional<int64_t> known = getConstantIntValue(size);
  rest = !known || getConstantIntValue(whole) != known;
}

} // namespace attn
