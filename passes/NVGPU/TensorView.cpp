//===- TensorView.cpp - tensors of a kernel as pointers and strides -------===//

#include "TensorView.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;

namespace attn {

TensorView TensorView::whole(OpBuilder &builder, Location loc, MemRefType type,
                             Value pointer, ValueRange sizes) {
  IndexBuilder index(builder, loc);
  TensorView view;
  view.pointer = pointer;
  view.element = type.getElementType();
  if (isa<FloatType>(view.element) &&
      view.element.getIntOrFloatBitWidth() == 8) {
    view.element = builder.getI8Type(); // what memory has of it
  }
  view.offset = index.constant(0);
  view.dims.resize(type.getRank());
  unsigned dynamic = 0;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    view.dims[d].size = type.isDynamicDim(d)
                            ? Value(sizes[dynamic++])
                            : index.constant(type.getDimSize(d));
  }
  Value stride = index.constant(1);
  int64_t multiple = 1;
  for (int64_t d = type.getRank() - 1; d >= 0; --d) {
    view.dims[d].stride = stride;
    view.dims[d].strideMultiple = multiple;
    stride = index.mul(stride, view.dims[d].size);
    multiple *= type.isDynamicDim(d) ? 1 : type.getDimSize(d);
  }
  return view;
}

int64_t TensorView::alignment() const {
  int64_t multiple = offsetMultiple;
  for (const Dim &dim : ArrayRef(dims).drop_back()) {
    multiple = std::gcd(multiple, dim.strideMultiple);
  }
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  return std::gcd(multiple * bytes, int64_t(16));
}

Value TensorView::at(OpBuilder &builder, Location loc,
                     ValueRange indices) const {
  IndexBuilder index(builder, loc);
  Value sum = offset;
  for (auto [dim, position] : llvm::zip_equal(dims, indices)) {
    sum = index.add(sum, index.mul(position, dim.stride));
  }
  return sum;
}

// What `value` is known to be a multiple of.
static int64_t multipleOf(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    return *constant;
  }
  auto product = cast<Value>(value).getDefiningOp<arith::MulIOp>();
  return product ? getConstantIntValue(product.getRhs()).value_or(1) : 1;
}

static FailureOr<TensorView> sliceView(OpBuilder &builder,
                                       OffsetSizeAndStrideOpInterface slice,
                                       const llvm::SmallBitVector &dropped,
                                       const TensorView &source,
                                       const IRMapping &mapping) {
  IndexBuilder index(builder, slice.getLoc());
  TensorView view = source;
  view.dims.clear();
  auto here = [&](OpFoldResult item) {
    auto value = dyn_cast<Value>(item);
    return value ? mapping.lookupOrDefault(value) : index.value(item);
  };
  for (auto [d, dim] : llvm::enumerate(source.dims)) {
    OpFoldResult at = slice.getMixedOffsets()[d];
    view.offset = index.add(view.offset, index.mul(here(at), dim.stride));
    view.offsetMultiple =
        std::gcd(view.offsetMultiple, multipleOf(at) * dim.strideMultiple);
    if (dropped.test(d)) {
      continue;
    }
    OpFoldResult step = slice.getMixedStrides()[d];
    TensorView::Dim kept;
    kept.size = here(slice.getMixedSizes()[d]);
    kept.stride = index.mul(dim.stride, here(step));
    kept.strideMultiple =
        dim.strideMultiple * getConstantIntValue(step).value_or(1);
    view.dims.push_back(kept);
  }
  return view;
}

// Splits dimensions: sizes are static but for at most one of a group.
static FailureOr<TensorView> expandView(OpBuilder &builder,
                                        tensor::ExpandShapeOp expand,
                                        const TensorView &source) {
  IndexBuilder index(builder, expand.getLoc());
  TensorView view = source;
  view.dims.assign(expand.getResultType().getRank(), TensorView::Dim());
  for (auto [d, group] : llvm::enumerate(expand.getReassociationIndices())) {
    Value stride = source.dims[d].stride;
    int64_t multiple = source.dims[d].strideMultiple;
    int64_t known = 1, dynamic = 0;
    for (int64_t part : group) {
      int64_t size = expand.getResultType().getDimSize(part);
      bool isDynamic = ShapedType::isDynamic(size);
      known *= isDynamic ? 1 : size;
      dynamic += isDynamic;
    }
    if (dynamic > 1) {
      return expand.emitOpError("with two dynamic sizes of one has no lowering "
                                "for GPUs");
    }
    for (int64_t part : llvm::reverse(group)) {
      TensorView::Dim &dim = view.dims[part];
      dim.stride = stride;
      dim.strideMultiple = multiple;
      int64_t size = expand.getResultType().getDimSize(part);
      bool isDynamic = ShapedType::isDynamic(size);
      dim.size = isDynamic ? index.div(source.dims[d].size, known)
                           : index.constant(size);
      stride = index.mul(stride, dim.size);
      multiple *= isDynamic ? 1 : size;
    }
  }
  return view;
}

// Joins dimensions that lie together, as those of whole buffers do.
static FailureOr<TensorView> collapseView(OpBuilder &builder,
                                          tensor::CollapseShapeOp collapse,
                                          const TensorView &source) {
  Value root = collapse.getSrc();
  while (Operation *made = root.getDefiningOp()) {
    if (!isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(
            made)) {
      break;
    }
    root = made->getOperand(0);
  }
  if (root.getDefiningOp<tensor::ExtractSliceOp>()) {
    return collapse.emitOpError("of a slice has no lowering for GPUs");
  }
  IndexBuilder index(builder, collapse.getLoc());
  TensorView view = source;
  view.dims.clear();
  for (ArrayRef<int64_t> group : collapse.getReassociationIndices()) {
    TensorView::Dim dim = source.dims[group.back()];
    for (int64_t part : group.drop_back()) {
      dim.size = index.mul(source.dims[part].size, dim.size);
    }
    view.dims.push_back(dim);
  }
  return view;
}

FailureOr<TensorView> TensorViews::get(Value tensor, const IRMapping &mapping) {
  if (auto found = known.find(tensor); found != known.end()) {
    return found->second;
  }
  Operation *made = tensor.getDefiningOp();
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(made)) {
    FailureOr<TensorView> source = get(slice.getSource(), mapping);
    return failed(source) ? source
                          : sliceView(builder, slice, slice.getDroppedDims(),
                                      *source, mapping);
  }
  if (auto part = dyn_cast_or_null<memref::SubViewOp>(made)) {
    FailureOr<TensorView> source = get(part.getSource(), mapping);
    return failed(source) ? source
                          : sliceView(builder, part, part.getDroppedDims(),
                                      *source, mapping);
  }
  if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(made)) {
    FailureOr<TensorView> source = get(expand.getSrc(), mapping);
    return failed(source) ? source : expandView(builder, expand, *source);
  }
  if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(made)) {
    FailureOr<TensorView> source = get(collapse.getSrc(), mapping);
    return failed(source) ? source : collapseView(builder, collapse, *source);
  }
  if (auto cast = dyn_cast_or_null<tensor::CastOp>(made)) {
    return get(cast.getSource(), mapping);
  }
  if (auto cast = dyn_cast_or_null<memref::CastOp>(made)) {
    return get(cast.getSource(), mapping);
  }
  if (auto wrap = dyn_cast_or_null<bufferization::ToTensorOp>(made)) {
    return get(wrap.getBuffer(), mapping);
  }
  return emitError(tensor.getLoc(),
                   "a tensor that is no view of a buffer has no lowering for "
                   "GPUs");
}

} // namespace attn
