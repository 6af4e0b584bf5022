//===- TensorBox.cpp - tiles of buffers for the copy engine ---------------===//

#include "TensorBox.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {
/// A view on the way: dimensions of the tensor as those of its buffer.
struct View {
  TensorBox box;
  SmallVector<unsigned> dims;
};
} // namespace

static std::optional<View> viewOf(Value tensor) {
  Operation *made = tensor.getDefiningOp();
  if (auto wrap = dyn_cast_or_null<bufferization::ToTensorOp>(made)) {
    auto buffer = dyn_cast<BlockArgument>(wrap.getBuffer());
    if (!buffer) {
      return std::nullopt;
    }
    View view;
    view.box.buffer = buffer;
    view.box.whole = tensor;
    int64_t rank = cast<MemRefType>(buffer.getType()).getRank();
    view.box.at.resize(rank);
    for (int64_t d = 0; d < rank; ++d) {
      view.dims.push_back(d);
    }
    return view;
  }
  if (auto cast = dyn_cast_or_null<tensor::CastOp>(made)) {
    return viewOf(cast.getSource());
  }
  auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(made);
  if (!slice || !slice.hasUnitStride()) {
    return std::nullopt;
  }
  std::optional<View> source = viewOf(slice.getSource());
  if (!source) {
    return std::nullopt;
  }
  View view = *source;
  view.dims.clear();
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  for (auto [d, offset] : llvm::enumerate(slice.getMixedOffsets())) {
    if (getConstantIntValue(offset) != 0) {
      view.box.at[source->dims[d]].push_back(offset);
    }
    if (!dropped.test(d)) {
      view.dims.push_back(source->dims[d]);
    }
  }
  return view;
}

std::optional<TensorBox> TensorBox::of(Value tensor, unsigned rows,
                                       unsigned columns) {
  std::optional<View> view = viewOf(tensor);
  if (!view) {
    return std::nullopt;
  }
  TensorBox box = view->box;
  box.rowDim = view->dims[rows];
  box.columnDim = view->dims[columns];
  auto type = cast<MemRefType>(box.buffer.getType());
  int64_t last = type.getRank() - 1;
  int64_t rowBytes = type.getDimSize(last) * type.getElementTypeBitWidth() / 8;
  if (type.getRank() < 2 || type.getRank() > 5 || box.columnDim != last ||
      type.isDynamicDim(last) || rowBytes % 16 != 0) {
    return std::nullopt;
  }
  return box;
}

SmallVector<int64_t> TensorBox::order() const {
  SmallVector<int64_t> order = {columnDim, rowDim};
  for (int64_t d = at.size() - 1; d >= 0; --d) {
    if (d != columnDim && d != rowDim) {
      order.push_back(d);
    }
  }
  return order;
}

SmallVector<int64_t> TensorBox::box(int64_t rows, int64_t panelBytes) const {
  SmallVector<int64_t> box(at.size(), 1);
  auto type = cast<MemRefType>(buffer.getType());
  box[0] = 8 * panelBytes / type.getElementTypeBitWidth();
  box[1] = rows;
  return box;
}

SmallVector<Value> TensorBox::start(OpBuilder &builder, Location loc,
                                    const IRMapping &mapping) const {
  IndexBuilder index(builder, loc);
  SmallVector<Value> start;
  for (int64_t d : order()) {
    Value sum = index.constant(0);
    for (OpFoldResult part : at[d]) {
      auto value = dyn_cast<Value>(part);
      sum = index.add(sum, value ? mapping.lookupOrDefault(value)
                                 : index.value(part));
    }
    start.push_back(builder.createOrFold<arith::IndexCastOp>(
        loc, builder.getI32Type(), sum));
  }
  return start;
}

} // namespace attn
