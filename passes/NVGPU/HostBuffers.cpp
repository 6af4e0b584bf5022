//===- HostBuffers.cpp - the buffers of a host program --------------------===//

#include "HostBuffers.h"
#include "../InPlace.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace attn {

constexpr char kDonatedAttr[] = "attn.donated";

Type HostBuffers::bufferType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? MemRefType::get(tensor.getShape(), tensor.getElementType())
                : type;
}

OpFoldResult HostBuffers::sizeOf(Value tensor, int64_t d) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(d)) {
    return builder.getIndexAttr(type.getDimSize(d));
  }
  if (auto found = buffers.find(tensor); found != buffers.end()) {
    return memref::DimOp::create(builder, loc, found->second, d).getResult();
  }
  if (auto empty = tensor.getDefiningOp<tensor::EmptyOp>()) {
    return scalars.lookup(empty.getDynamicSize(d));
  }
  if (auto slice = tensor.getDefiningOp<tensor::ExtractSliceOp>()) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    int64_t kept = 0;
    for (auto [index, size] : llvm::enumerate(slice.getMixedSizes())) {
      if (!dropped.test(index) && kept++ == d) {
        Value value = dyn_cast<Value>(size);
        return scalars.lookup(value);
      }
    }
  }
  if (auto expand = tensor.getDefiningOp<tensor::ExpandShapeOp>()) {
    auto value = dyn_cast<Value>(expand.getMixedOutputShape()[d]);
    return scalars.lookup(value);
  }
  if (auto collapse = tensor.getDefiningOp<tensor::CollapseShapeOp>()) {
    IndexBuilder index(builder, loc);
    Value product = index.constant(1);
    auto groups = collapse.getReassociationIndices();
    for (int64_t part : groups[d]) {
      OpFoldResult size = sizeOf(collapse.getSrc(), part);
      if (!size) {
        return OpFoldResult();
      }
      product = index.mul(product, index.value(size));
    }
    return product;
  }
  if (auto result = dyn_cast<OpResult>(tensor)) {
    if (auto fill = dyn_cast<linalg::FillOp>(result.getOwner())) {
      return sizeOf(fill.getOutputs()[0], d);
    }
    if (auto cast = dyn_cast<tensor::CastOp>(result.getOwner())) {
      return sizeOf(cast.getSource(), d);
    }
  }
  return OpFoldResult();
}

FailureOr<Value> HostBuffers::allocate(Operation *op, Value like) {
  auto type = cast<MemRefType>(bufferType(like.getType()));
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    if (type.isDynamicDim(d)) {
      auto size = dyn_cast_if_present<Value>(sizeOf(like, d));
      if (!size) {
        return op->emitOpError("has a result whose size the host cannot tell");
      }
      sizes.push_back(size);
    }
  }
  return memref::AllocOp::create(builder, loc, type, sizes,
                                 builder.getI64IntegerAttr(256))
      .getResult();
}

FailureOr<Value> HostBuffers::destination(Operation *op, Value result,
                                          Value init) {
  bool isNew = init.getDefiningOp<tensor::EmptyOp>() != nullptr;
  if (op->hasAttr(kInPlaceAttr) && !isNew) {
    return changed(op, result, init);
  }
  if (auto found = destinations.find(result); found != destinations.end()) {
    return found->second;
  }
  // A loop behind another one that wrote other heads.
  auto isLoop = [](Operation *user) { return isa<scf::ForallOp>(user); };
  if (auto found = buffers.find(init); found != buffers.end() &&
                                       isa<OpResult>(init) && init != result &&
                                       llvm::all_of(init.getUsers(), isLoop)) {
    return found->second;
  }
  auto argument = dyn_cast<BlockArgument>(init);
  if (argument && argument.getOwner()->getParentOp() == function &&
      function.getArgAttr(argument.getArgNumber(), kDonatedAttr)) {
    return buffers.lookup(init);
  }
  return allocate(op, init);
}

FailureOr<Value> HostBuffers::changed(Operation *op, Value result, Value init) {
  Value buffer = buffers.lookup(init), placed = destinations.lookup(result);
  auto argument = dyn_cast<BlockArgument>(init);
  bool kept = argument && argument.getOwner()->getParentOp() == function &&
              !function.getArgAttr(argument.getArgNumber(), kDonatedAttr);
  if (!buffer || kept || (placed && placed != buffer)) {
    return op->emitOpError("updates an argument that the caller keeps, which "
                           "has no lowering for GPUs: donate it "
                           "(attn.donated)");
  }
  return buffer;
}

Value HostBuffers::initOf(OpResult result) {
  unsigned number = result.getResultNumber();
  if (auto forall = dyn_cast<scf::ForallOp>(result.getOwner())) {
    return forall.getOutputs()[number];
  }
  auto choice = dyn_cast<scf::IfOp>(result.getOwner());
  return choice ? rootOutside(choice.thenYield()->getOperand(number), choice)
                : Value();
}

Value HostBuffers::rootOutside(Value value, Operation *op) {
  while (Operation *made = value.getDefiningOp()) {
    if (!op->isProperAncestor(made)) {
      return value;
    }
    auto number = cast<OpResult>(value).getResultNumber();
    if (auto forall = dyn_cast<scf::ForallOp>(made)) {
      value = forall.getOutputs()[number];
    } else if (auto choice = dyn_cast<scf::IfOp>(made)) {
      value = choice.thenYield()->getOperand(number);
    } else {
      return Value();
    }
  }
  return value;
}

Value HostBuffers::hostBuffer(Value tensor) {
  if (Value buffer = buffers.lookup(tensor)) {
    return buffer;
  }
  Operation *made = tensor.getDefiningOp();
  if (!isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                       tensor::CastOp>(made)) {
    return Value();
  }
  Value source = hostBuffer(made->getOperand(0));
  auto type = cast<MemRefType>(bufferType(tensor.getType()));
  Value &buffer = buffers[tensor];
  if (!source) {
    return Value();
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(made)) {
    buffer = memref::CollapseShapeOp::create(
        builder, loc, type, source, collapse.getReassociationIndices());
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(made)) {
    SmallVector<OpFoldResult> sizes;
    for (OpFoldResult size : expand.getMixedOutputShape()) {
      auto value = dyn_cast<Value>(size);
      sizes.push_back(value ? OpFoldResult(scalars.lookup(value)) : size);
    }
    buffer = memref::ExpandShapeOp::create(
        builder, loc, type, source, expand.getReassociationIndices(), sizes);
  } else {
    buffer = memref::CastOp::create(builder, loc, type, source);
  }
  return buffer;
}

Value HostBuffers::global(arith::ConstantOp constant) {
  auto type = cast<MemRefType>(bufferType(constant.getType()));
  std::string name = (function.getName() + "_data_" + Twine(constants++)).str();
  OpBuilder outside(function);
  auto data = memref::GlobalOp::create(
      outside, loc, name, outside.getStringAttr("private"), type,
      constant.getValue(), /*constant=*/true, IntegerAttr());
  symbols.insert(data);
  return memref::GetGlobalOp::create(builder, loc, type, data.getSymName());
}

} // namespace attn
