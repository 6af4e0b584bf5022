//===- TensorBox.cpp - tiles of buffers for the copy engine ---------------===//

#include "TensorBox.h"
#include "attn/Dialect/Warpgroup/WarpgroupOps.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

namespace {
/// A view on the way: dimensions of the tensor as those of its buffer, and
/// steps along these.
struct View {
  TensorBox box;
  SmallVector<unsigned> dims;
  SmallVector<int64_t> steps;
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
    view.steps.assign(rank, 1);
    for (int64_t d = 0; d < rank; ++d) {
      view.dims.push_back(d);
    }
    return view;
  }
  if (auto cast = dyn_cast_or_null<tensor::CastOp>(made)) {
    return viewOf(cast.getSource());
  }
  auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(made);
  if (!slice) {
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
    unsigned dim = source->dims[d];
    if (getConstantIntValue(offset) != 0) {
      view.box.at[dim].push_back({offset, view.steps[dim]});
    }
    std::optional<int64_t> step =
        getConstantIntValue(slice.getMixedStrides()[d]);
    if (!step || *step < 1) {
      return std::nullopt;
    }
    view.steps[dim] *= *step;
    if (!dropped.test(d)) {
      view.dims.push_back(dim);
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
  box.rowStep = view->steps[box.rowDim];
  auto type = cast<MemRefType>(box.buffer.getType());
  int64_t last = type.getRank() - 1;
  int64_t rowBytes = type.getDimSize(last) * type.getElementTypeBitWidth() / 8;
  if (type.getRank() < 2 || type.getRank() > 5 || box.columnDim != last ||
      type.isDynamicDim(last) || rowBytes % 16 != 0 || view->steps[last] != 1 ||
      box.rowStep > warpgroup::kMapSteps) {
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

// A box spans a limited number of elements, and is a part of a tile that starts
// where swizzling does.
int64_t TensorBox::copiedRows(int64_t rows) const {
  constexpr int64_t kUnit = 8;
  int64_t copied = std::min(rows, warpgroup::kMapSpan / rowStep);
  copied -= rows % kUnit == 0 ? copied % kUnit : 0;
  while (rows % copied != 0) {
    copied -= kUnit;
  }
  return copied;
}

SmallVector<int64_t> TensorBox::steps() const {
  SmallVector<int64_t> steps;
  if (rowStep != 1) {
    steps.assign(at.size(), 1);
    steps[1] = rowStep;
  }
  return steps;
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
    for (const Part &part : at[d]) {
      auto value = dyn_cast<Value>(part.count);
      Value count =
          value ? mapping.lookupOrDefault(value) : index.value(part.count);
      sum = index.add(sum, index.mul(count, part.step));
    }
    start.push_back(builder.createOrFold<arith::IndexCastOp>(
        loc, builder.getI32Type(), sum));
  }
  return start;
}

} // namespace attn
