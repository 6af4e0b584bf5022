//===- OutlineKernels.cpp - a kernel of each scf.forall -------------------===//
// The function becomes a host program over buffers.
//===----------------------------------------------------------------------===//

#include "HostBuffers.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

// A product that does not add to what is there.
constexpr char kOverwritesAttr[] = "attn.overwrites";

bool isView(Operation *op) {
  return isa_and_nonnull<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
                         tensor::CollapseShapeOp, tensor::CastOp>(op);
}

bool hasTensors(Operation *op) {
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  return llvm::any_of(op->getOperandTypes(), isTensor) ||
         llvm::any_of(op->getResultTypes(), isTensor);
}

// A product of matrices, which a library computes.
bool isProduct(Operation *op) {
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  return structured && structured.hasPureTensorSemantics() &&
         linalg::isaContractionOpInterface(structured);
}

class Outliner : HostBuffers {
public:
  using HostBuffers::HostBuffers;

  unsigned kernels = 0;

  LogicalResult run() {
    Block &old = function.getBody().front();
    auto *fresh = new Block();
    function.getBody().push_back(fresh);
    SmallVector<Type> types;
    for (BlockArgument argument : old.getArguments()) {
      Type type = bufferType(argument.getType());
      types.push_back(type);
      BlockArgument made = fresh->addArgument(type, argument.getLoc());
      if (isa<TensorType>(argument.getType())) {
        buffers[argument] = made;
      } else {
        scalars.map(argument, made);
      }
    }
    builder.setInsertionPointToEnd(fresh);
    auto placed = old.walk([&](bufferization::MaterializeInDestinationOp op) {
      Value dest = scalars.lookupOrNull(op.getDest());
      if (!dest) {
        op.emitOpError("into part of a buffer has no lowering for GPUs");
        return WalkResult::interrupt();
      }
      // All that write a part of it write it there.
      Value at = op.getSource();
      while (at && isa<OpResult>(at) && !destinations.contains(at)) {
        destinations[at] = dest;
        at = initOf(cast<OpResult>(at));
      }
      return WalkResult::advance();
    });
    if (placed.wasInterrupted()) {
      return failure();
    }
    if (failed(block(old))) {
      return failure();
    }
    SmallVector<Type> results = llvm::map_to_vector(
        function.getResultTypes(), [&](Type type) { return bufferType(type); });
    old.dropAllDefinedValueUses();
    old.erase();
    function.setType(FunctionType::get(function.getContext(), types, results));
    return success();
  }

private:
  gpu::GPUModuleOp module;

  LogicalResult block(Block &old) {
    for (Operation &op : old) {
      if (failed(operation(op))) {
        return failure();
      }
    }
    return success();
  }

  LogicalResult operation(Operation &op) {
    loc = op.getLoc();
    if (auto forall = dyn_cast<scf::ForallOp>(op)) {
      return launch(forall);
    }
    if (auto choice = dyn_cast<scf::IfOp>(op)) {
      return hasTensors(&op) ? guard(choice) : clone(op);
    }
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      std::optional<int64_t> index = dim.getConstantIndex();
      OpFoldResult size =
          index ? sizeOf(dim.getSource(), *index) : OpFoldResult();
      if (!size) {
        return op.emitOpError("is a size that the host cannot tell");
      }
      scalars.map(dim.getResult(),
                  getValueOrCreateConstantIndexOp(builder, loc, size));
      return success();
    }
    if (auto wrap = dyn_cast<bufferization::ToTensorOp>(op)) {
      buffers[wrap.getResult()] = scalars.lookup(wrap.getBuffer());
      return success();
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op);
        constant && isa<RankedTensorType>(constant.getType())) {
      buffers[constant.getResult()] = global(constant);
      return success();
    }
    if (isProduct(&op)) {
      return multiply(cast<linalg::LinalgOp>(op));
    }
    // Attention writes every element of its destination.
    bool written =
        isa<linalg::FillOp>(op) &&
        llvm::all_of(op.getUsers(), [](Operation *user) {
          return isa<scf::ForallOp, tensor::DimOp>(user) || isProduct(user);
        });
    if (isView(&op) || written ||
        isa<tensor::EmptyOp, bufferization::MaterializeInDestinationOp>(op)) {
      return success();
    }
    if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      SmallVector<Value> values;
      for (Value value : ret.getOperands()) {
        Value buffer = isa<TensorType>(value.getType()) ? hostBuffer(value)
                                                        : scalars.lookup(value);
        // Attention that has no row folds to its destination.
        if (!buffer && value.getDefiningOp<tensor::EmptyOp>()) {
          FailureOr<Value> made = allocate(&op, value);
          if (failed(made)) {
            return failure();
          }
          buffer = *made;
        }
        if (!buffer) {
          return op.emitOpError("returns a tensor that no kernel writes, which "
                                "has no lowering for GPUs");
        }
        values.push_back(buffer);
      }
      func::ReturnOp::create(builder, loc, values);
      return success();
    }
    if (auto yield = dyn_cast<scf::YieldOp>(op)) {
      SmallVector<Value> values;
      for (Value value : yield.getOperands()) {
        if (!isa<TensorType>(value.getType())) {
          values.push_back(scalars.lookup(value));
        }
      }
      scf::YieldOp::create(builder, loc, values);
      return success();
    }
    return clone(op);
  }

  // The op on buffers. Its result starts as `init`; zeros are not written.
  LogicalResult multiply(linalg::LinalgOp product) {
    Value init = product.getDpsInits()[0], result = product->getResult(0);
    auto fill = init.getDefiningOp<linalg::FillOp>();
    bool zeros = fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
    if (fill && !zeros && !buffers.contains(init)) {
      return product.emitOpError("on a fill other than 0 has no lowering for "
                                 "GPUs");
    }
    SmallVector<Value> operands;
    for (Value input : product.getDpsInputs()) {
      operands.push_back(hostBuffer(input));
      if (!operands.back()) {
        return product.emitOpError("of a tensor that no kernel writes has no "
                                   "lowering for GPUs");
      }
    }
    FailureOr<Value> dest = destination(product, result, init);
    if (failed(dest)) {
      return failure();
    }
    if (!zeros) {
      Value start = hostBuffer(init);
      if (!start) {
        return product.emitOpError("onto a tensor that no kernel writes has no "
                                   "lowering for GPUs");
      }
      if (start != *dest) {
        memref::CopyOp::create(builder, loc, start, *dest);
      }
    }
    operands.push_back(*dest);
    Operation *made =
        mlir::clone(builder, product, /*newResultTypes=*/{}, operands);
    if (zeros) {
      made->setAttr(kOverwritesAttr, builder.getUnitAttr());
    }
    buffers[result] = *dest;
    return success();
  }

  LogicalResult clone(Operation &op) {
    auto result = op.walk([](Operation *inner) {
      return hasTensors(inner) ? WalkResult::interrupt()
                               : WalkResult::advance();
    });
    if (result.wasInterrupted()) {
      return op.emitOpError("on tensors has no lowering for GPUs");
    }
    builder.clone(op, scalars);
    return success();
  }

  // Both branches write the same buffers.
  LogicalResult guard(scf::IfOp choice) {
    SmallVector<Type> types;
    for (OpResult result : choice.getResults()) {
      if (!isa<TensorType>(result.getType())) {
        types.push_back(result.getType());
        continue;
      }
      unsigned number = result.getResultNumber();
      Value init = rootOutside(choice.thenYield()->getOperand(number), choice);
      FailureOr<Value> buffer = failure();
      if (init) {
        buffer = destination(choice, result, init);
      } else {
        choice.emitOpError("yields a tensor that no kernel writes");
      }
      if (failed(buffer)) {
        return failure();
      }
      buffers[result] = *buffer;
      destinations[choice.thenYield()->getOperand(number)] = *buffer;
      destinations[choice.elseYield()->getOperand(number)] = *buffer;
    }
    auto made = scf::IfOp::create(builder, loc, types,
                                  scalars.lookup(choice.getCondition()),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
    for (unsigned i = 0; i < 2; ++i) {
      OpBuilder::InsertionGuard insertion(builder);
      builder.setInsertionPointToStart(&made->getRegion(i).front());
      if (failed(block(choice->getRegion(i).front()))) {
        return failure();
      }
    }
    unsigned scalar = 0;
    for (OpResult result : choice.getResults()) {
      if (!isa<TensorType>(result.getType())) {
        scalars.map(result, made.getResult(scalar++));
      }
    }
    return success();
  }

  // Inside of a kernel: the values of the host that it uses.
  struct Kernel {
    gpu::GPUFuncOp func;
    OpBuilder body; // at the end of what stands before the tile
    SmallVector<Value> operands;
    IRMapping mapping;
    DenseMap<Value, Value> tensors; // memref of the host -> tensor here

    Kernel(gpu::GPUFuncOp func) : func(func), body(func.getContext()) {}

    Value argument(Value operand) {
      operands.push_back(operand);
      return func.getBody().front().addArgument(operand.getType(),
                                                operand.getLoc());
    }
  };

  FailureOr<Value> bring(Kernel &kernel, Value value) {
    if (Value known = kernel.mapping.lookupOrNull(value)) {
      return known;
    }
    if (isa<TensorType>(value.getType())) {
      Operation *made = value.getDefiningOp();
      if (isView(made)) {
        for (Value operand : made->getOperands()) {
          if (failed(bring(kernel, operand))) {
            return failure();
          }
        }
        return kernel.body.clone(*made, kernel.mapping)->getResult(0);
      }
      Value buffer = buffers.lookup(value);
      if (!buffer && isa_and_nonnull<tensor::EmptyOp>(made)) {
        // Read as part of something that is written by and by.
        FailureOr<Value> anything = allocate(made, value);
        if (failed(anything)) {
          return failure();
        }
        buffer = *anything;
      }
      if (!buffer) {
        return emitError(value.getLoc(),
                         "a tensor that no kernel writes has no lowering for "
                         "GPUs");
      }
      Value tensor = wrap(kernel, buffer, /*writable=*/false);
      kernel.mapping.map(value, tensor);
      return tensor;
    }
    Value made;
    Attribute constant;
    if (matchPattern(value, m_Constant(&constant))) {
      made = kernel.body.clone(*value.getDefiningOp())->getResult(0);
    } else if (Operation *op = value.getDefiningOp();
               op && (isa<FloatType>(value.getType()) ||
                      value.getType().isInteger(1))) {
      // A plan computes with sizes: other numbers are made again here.
      for (Value operand : op->getOperands()) {
        if (failed(bring(kernel, operand))) {
          return failure();
        }
      }
      return kernel.body.clone(*op, kernel.mapping)->getResult(0);
    } else {
      made = kernel.argument(scalars.lookup(value));
    }
    kernel.mapping.map(value, made);
    return made;
  }

  Value wrap(Kernel &kernel, Value buffer, bool writable) {
    Value &tensor = kernel.tensors[buffer];
    if (!tensor) {
      auto type = cast<MemRefType>(buffer.getType());
      tensor = bufferization::ToTensorOp::create(
          kernel.body, loc,
          RankedTensorType::get(type.getShape(), type.getElementType()),
          kernel.argument(buffer), /*restrict=*/true, writable);
    }
    return tensor;
  }

  gpu::GPUFuncOp makeKernel() {
    OpBuilder::InsertionGuard guard(builder);
    if (!module) {
      builder.setInsertionPoint(function);
      module = gpu::GPUModuleOp::create(
          builder, loc, (function.getName() + "_kernels").str());
      symbols.insert(module);
      function->getParentOp()->setAttr(
          gpu::GPUDialect::getContainerModuleAttrName(), builder.getUnitAttr());
    }
    builder.setInsertionPointToEnd(module.getBody());
    auto func = gpu::GPUFuncOp::create(
        builder, loc, (function.getName() + "_" + Twine(kernels++)).str(),
        builder.getFunctionType({}, {}));
    func->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                  builder.getUnitAttr());
    return func;
  }

  LogicalResult launch(scf::ForallOp forall) {
    SmallVector<Value> outs;
    for (auto [result, init] :
         llvm::zip_equal(forall.getResults(), forall.getOutputs())) {
      FailureOr<Value> buffer = destination(forall, result, init);
      if (failed(buffer)) {
        return failure();
      }
      outs.push_back(*buffer);
    }
    Kernel kernel(makeKernel());
    kernel.body.setInsertionPointToStart(&kernel.func.getBody().front());
    if (failed(fill(kernel, forall, outs))) {
      return failure();
    }
    for (auto [result, buffer] : llvm::zip_equal(forall.getResults(), outs)) {
      buffers[result] = buffer;
    }
    kernel.func.setFunctionType(builder.getFunctionType(
        kernel.func.getBody().front().getArgumentTypes(), {}));

    IndexBuilder index(builder, loc);
    Value blocks = index.constant(1);
    for (OpFoldResult bound : forall.getMixedUpperBound()) {
      auto value = dyn_cast<Value>(bound);
      blocks =
          index.mul(blocks, value ? scalars.lookup(value) : index.value(bound));
    }
    Value one = index.constant(1);
    gpu::LaunchFuncOp::create(
        builder, loc, kernel.func, gpu::KernelDim3{blocks, one, one},
        gpu::KernelDim3{one, one, one},
        arith::ConstantIntOp::create(builder, loc, 0, 32), kernel.operands);
    return success();
  }

  // The body of `forall` as that of the kernel.
  LogicalResult fill(Kernel &kernel, scf::ForallOp forall,
                     ArrayRef<Value> outs) {
    for (OpFoldResult bound : forall.getMixedLowerBound()) {
      if (getConstantIntValue(bound) != 0) {
        return forall.emitOpError("has a lower bound other than 0");
      }
    }
    SetVector<Value> used;
    getUsedValuesDefinedAbove(forall.getRegion(), used);
    SmallVector<Value> bounds;
    for (OpFoldResult bound : forall.getMixedUpperBound()) {
      if (auto value = dyn_cast<Value>(bound)) {
        FailureOr<Value> here = bring(kernel, value);
        bounds.push_back(*here);
      } else {
        bounds.push_back(IndexBuilder(kernel.body, loc).value(bound));
      }
    }
    for (auto [argument, buffer] :
         llvm::zip_equal(forall.getRegionOutArgs(), outs)) {
      kernel.mapping.map(argument, wrap(kernel, buffer, /*writable=*/true));
    }
    for (Value value : used) {
      if (failed(bring(kernel, value))) {
        return failure();
      }
    }
    IndexBuilder index(kernel.body, loc);
    Value rest = gpu::BlockIdOp::create(kernel.body, loc, gpu::Dimension::x);
    for (int64_t d = bounds.size() - 1; d >= 0; --d) {
      Value point = rest;
      if (d > 0) {
        point = arith::RemUIOp::create(kernel.body, loc, rest, bounds[d]);
        rest = index.div(rest, bounds[d]);
      }
      kernel.mapping.map(forall.getInductionVar(d), point);
    }
    for (Operation &op : forall.getBody()->without_terminator()) {
      kernel.body.clone(op, kernel.mapping);
    }
    for (Operation &op : forall.getTerminator().getYieldingOps()) {
      auto insert = dyn_cast<tensor::ParallelInsertSliceOp>(op);
      if (!insert) {
        return op.emitOpError("has no lowering for GPUs");
      }
      Value tensor = kernel.mapping.lookup(insert.getDest());
      Value buffer =
          tensor.getDefiningOp<bufferization::ToTensorOp>().getBuffer();
      auto here = [&](ArrayRef<OpFoldResult> list) {
        return llvm::map_to_vector(list, [&](OpFoldResult item) {
          auto value = dyn_cast<Value>(item);
          return value ? OpFoldResult(kernel.mapping.lookupOrDefault(value))
                       : item;
        });
      };
      SmallVector<OpFoldResult> offsets = here(insert.getMixedOffsets()),
                                sizes = here(insert.getMixedSizes()),
                                strides = here(insert.getMixedStrides());
      auto type = memref::SubViewOp::inferRankReducedResultType(
          insert.getSourceType().getShape(), cast<MemRefType>(buffer.getType()),
          offsets, sizes, strides);
      Value part = memref::SubViewOp::create(kernel.body, loc, type, buffer,
                                             offsets, sizes, strides);
      bufferization::MaterializeInDestinationOp::create(
          kernel.body, loc, Type(), kernel.mapping.lookup(insert.getSource()),
          part, /*restrict=*/true, /*writable=*/true);
    }
    gpu::ReturnOp::create(kernel.body, loc);
    return success();
  }
};

struct OutlineKernelsPass
    : public attn::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal()) {
        continue;
      }
      if (!function.getBody().hasOneBlock()) {
        function.emitOpError("with control flow has no lowering for GPUs");
        return signalPassFailure();
      }
      Outliner outliner(function, symbols);
      if (failed(outliner.run())) {
        return signalPassFailure();
      }
      numKernels += outliner.kernels;
    }
  }
};

} // namespace
