//===- LowerKernels.cpp - tile ops of kernels to nvvm ---------------------===//
// Makes the arguments of a kernel pointers and sizes, hands its tile op to the
// lowering that fits, and turns what is left into an llvm.func.
//===----------------------------------------------------------------------===//

#include "../Hopper/RecurrenceTile.h"
#include "../Hopper/SharedLayout.h"
#include "../Hopper/StreamTile.h"
#include "../PassTarget.h"
#include "ConvTile.h"
#include "FMATile.h"
#include "MMATile.h"
#include "MergeTile.h"
#include "PointTile.h"
#include "ScanTile.h"
#include "StepTile.h"
#include "attn/Passes/IndexBuilder.h"
#include "attn/Passes/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "attn/Passes/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

constexpr char kOverlapsAttr[] = "attn.overlaps";

/// What the launch of a kernel must know of its lowering.
struct LaunchShape {
  int64_t threads = 0, sharedBytes = 0;
  int64_t slices = 1;    // blocks for each tile
  int64_t residents = 1; // blocks that shall fit a multiprocessor
  bool points = false;   // a thread, not a block, for each point
  // A block takes several tiles: the kernel gets maps, the number of tiles, and
  // a counter where blocks draw tickets.
  bool streams = false, drawsTickets = false;
  // Launched before the kernel in front of it has ended, for which it waits.
  bool overlaps = false;
  SmallVector<StreamMap> maps;
  unsigned firstMap = 0; // argument of the lowered kernel
};

class KernelLowering {
public:
  KernelLowering(gpu::GPUFuncOp kernel, const GPUDescription &gpu)
      : kernel(kernel), gpu(gpu), builder(kernel.getContext()),
        warp(builder, kernel.getLoc()), views(builder) {}

  LogicalResult run(LaunchShape &shape) {
    arguments();
    if (Operation *op = recurrence()) {
      if (failed(scalars()) || failed(recurrenceTile(op, shape))) {
        return failure();
      }
    } else if (kernel.getOps<KeyLoopOp>().empty() &&
               kernel.getOps<MergeStatesOp>().empty()) {
      if (failed(points(shape))) {
        return failure();
      }
    } else if (failed(scalars()) || failed(tile(shape))) {
      return failure();
    }
    if (failed(eraseTensors())) {
      return failure();
    }
    finish(shape);
    return success();
  }

private:
  gpu::GPUFuncOp kernel;
  const GPUDescription &gpu;
  OpBuilder builder;
  WarpBuilder warp;
  TensorViews views;
  SmallVector<Type> types;

  BlockArgument add(Type type) {
    types.push_back(type);
    return kernel.getBody().front().addArgument(type, kernel.getLoc());
  }

  // In front of the body: the new arguments, and views of the old ones.
  void arguments() {
    Block &entry = kernel.getBody().front();
    unsigned count = entry.getNumArguments();
    builder.setInsertionPointToStart(&entry);
    for (unsigned i = 0; i < count; ++i) {
      BlockArgument argument = entry.getArgument(i);
      if (auto type = dyn_cast<MemRefType>(argument.getType())) {
        Value pointer = add(warp.global());
        SmallVector<Value> sizes;
        for (int64_t d = 0, n = type.getNumDynamicDims(); d < n; ++d) {
          sizes.push_back(arith::IndexCastOp::create(
              builder, warp.loc, builder.getIndexType(),
              add(builder.getI64Type())));
        }
        TensorView view =
            TensorView::whole(builder, warp.loc, type, pointer, sizes);
        views.add(argument, view);
      } else if (argument.getType().isIndex()) {
        argument.replaceAllUsesWith(arith::IndexCastOp::create(
            builder, warp.loc, builder.getIndexType(),
            add(builder.getI64Type())));
      } else {
        argument.replaceAllUsesWith(add(argument.getType()));
      }
    }
  }

  // Reads of elements and sizes of tensors.
  LogicalResult scalars() {
    IRMapping none;
    auto result = kernel.walk([&](Operation *op) {
      builder.setInsertionPoint(op);
      if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
        FailureOr<TensorView> view = views.get(extract.getTensor(), none);
        if (failed(view)) {
          return WalkResult::interrupt();
        }
        Value at = view->at(builder, op->getLoc(), extract.getIndices());
        extract.replaceAllUsesWith(
            warp.load(view->element,
                      warp.globalAddress(view->pointer, at, view->element), 0,
                      /*invariant=*/true));
        extract.erase();
      } else if (isa<tensor::DimOp, memref::DimOp>(op)) {
        FailureOr<TensorView> view = views.get(op->getOperand(0), none);
        std::optional<int64_t> index = getConstantIntValue(op->getOperand(1));
        if (failed(view) || !index) {
          op->emitOpError("has no lowering for GPUs");
          return WalkResult::interrupt();
        }
        op->getResult(0).replaceAllUsesWith(view->dims[*index].size);
        op->erase();
      }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  // Scalar code: the number of points is one more argument.
  LogicalResult points(LaunchShape &shape) {
    shape.points = true;
    shape.threads = kPointThreads;
    Block &entry = kernel.getBody().front();
    Value count = entry.addArgument(builder.getI64Type(), kernel.getLoc());
    types.push_back(count.getType());
    SmallVector<gpu::BlockIdOp> numbers(kernel.getOps<gpu::BlockIdOp>());
    if (numbers.size() != 1) {
      return kernel.emitOpError("of more than one block number has no lowering "
                                "for GPUs");
    }
    gpu::BlockIdOp number = numbers.front();
    builder.setInsertionPoint(number);
    IndexBuilder index(builder, warp.loc);
    Value point =
        index.add(index.mul(warp.toIndex(warp.block()), shape.threads),
                  warp.toIndex(warp.thread()));
    number.replaceAllUsesWith(point);
    Value inside = arith::CmpIOp::create(
        builder, warp.loc, arith::CmpIPredicate::slt, point,
        arith::IndexCastOp::create(builder, warp.loc, builder.getIndexType(),
                                   count));
    auto choice = scf::IfOp::create(builder, warp.loc, inside);
    auto &body = choice.thenBlock()->getOperations();
    body.splice(body.begin(), entry.getOperations(), number->getIterator(),
                entry.getTerminator()->getIterator());
    number.erase();
    return emitPointTile(warp, *choice.thenBlock(), views);
  }

  LogicalResult tile(LaunchShape &shape) {
    SmallVector<KeyLoopOp> loops(kernel.getOps<KeyLoopOp>());
    SmallVector<MergeStatesOp> merges(kernel.getOps<MergeStatesOp>());
    if (loops.size() + merges.size() != 1) {
      return kernel.emitOpError("of other than one key loop or merge has no "
                                "lowering for GPUs");
    }
    Value block = blockNumber();
    if (!merges.empty()) {
      waitInFront(shape);
      builder.setInsertionPoint(merges.front());
      shape.threads = kMergeThreads;
      shape.sharedBytes = mergeSharedBytes(merges.front());
      return emitMergeTile(warp, merges.front(), views);
    }
    FailureOr<TileProgram> program = TileProgram::match(loops.front());
    if (failed(program)) {
      return failure();
    }
    builder.setInsertionPoint(program->finalize);
    Type element =
        cast<ShapedType>(program->online.getQ().getType()).getElementType();
    bool wide = element.getIntOrFloatBitWidth() > 16;
    if (wide && program->forms.areCodes()) {
      return program->online.emitOpError(
          "of codes and queries of f32 or f64 has no lowering for GPUs");
    }
    if (wide && !program->online.getTf32()) {
      shape.threads = FMAKernel::kWarps * 32;
      shape.sharedBytes = fmaSharedBytes(*program);
      return emitFMATile(warp, *program, views);
    }
    return tensorCoreTile(*program, block, shape);
  }

  // 90 for sm_90.
  int64_t capability() {
    int64_t number = 0;
    (void)StringRef(gpu.chip).drop_front(3).getAsInteger(10, number);
    return number;
  }

  // The kernel, not its launch, waits for the kernel in front of it. In
  // assembly, as the intrinsic is not said to order reads.
  void waitInFront(LaunchShape &shape) {
    shape.overlaps = capability() >= 90;
    if (shape.overlaps) {
      builder.setInsertionPointToStart(&kernel.getBody().front());
      LLVM::InlineAsmOp::create(builder, warp.loc, TypeRange(), ValueRange(),
                                "griddepcontrol.wait;", "~{memory}",
                                /*has_side_effects=*/true,
                                /*is_align_stack=*/false,
                                LLVM::TailCallKind::None,
                                LLVM::AsmDialectAttr(), ArrayAttr());
    }
  }

  LogicalResult tensorCoreTile(TileProgram &program, Value block,
                               LaunchShape &shape) {
    IntegerAttr step;
    std::optional<uint64_t> most = program.loop.getMaxRows();
    if (!matchPattern(program.loop.getStep(), m_Constant(&step)) || !most) {
      return program.loop.emitOpError(
          "needs 'max_rows' and a constant step for GPUs");
    }
    // Rows on pages have addresses of their own, so a step may take several.
    int64_t keys = program.isPaged() ? 0 : step.getInt();
    if (program.online.getTf32()) {
      return mmaTile(program, block, *most, keys, shape);
    }
    if (program.forms.areCodes()) {
      remark::missed(program.loop.getLoc(),
                     remark::RemarkOpts::name("warpgroup").category("attn"))
          << "not on warpgroups: keys or values are codes";
      bool list = program.loop.getSource() == KeySource::Tiles;
      return mmaTile(program, block, *most, list ? step.getInt() : 0, shape);
    }
    auto type = cast<ShapedType>(program.online.getQ().getType());
    int64_t bytes = type.getElementTypeBitWidth() / 8;
    std::string reason = "needs warpgroups (sm_90), and head sizes that fit";
    if (std::optional<WarpgroupKernel> chosen =
            warpgroupKernel(program, *most, step.getInt())) {
      StreamTile stream(warp, program, *chosen, views, block);
      if (stream.prepare(reason)) {
        return streamTile(stream, *chosen, shape);
      }
      if (bytes == 1) {
        return program.online.emitOpError("of ")
               << type.getElementType()
               << " has no lowering for GPUs: " << reason;
      }
      remark::missed(program.loop.getLoc(),
                     remark::RemarkOpts::name("warpgroup").category("attn"))
          << "not on warpgroups: " << reason;
    }
    if (bytes == 1) {
      return program.online.emitOpError("of ")
             << type.getElementType()
             << " has no lowering for GPUs: " << reason;
    }
    constexpr int64_t kFewRows = 64;
    if (gpu.warpgroups && *most > kFewRows &&
        !chooseWarpgroupKernel(program.headSize, program.valueSize, /*rows=*/0,
                               /*keys=*/0, gpu)) {
      remark::missed(program.loop.getLoc(),
                     remark::RemarkOpts::name("warpgroup").category("attn"))
          << "not on warpgroups: the head sizes do not fit a block of them";
    }
    return mmaTile(program, block, *most, keys, shape);
  }

  // Few rows have kernels of their own, with tiles that no warpgroup fills, but
  // where V lies in K.
  std::optional<WarpgroupKernel> warpgroupKernel(TileProgram &program,
                                                 int64_t rows, int64_t keys) {
    auto type = cast<ShapedType>(program.online.getQ().getType());
    int64_t bytes = type.getElementTypeBitWidth() / 8;
    std::optional<WarpgroupKernel> latent =
        bytes == 2 && StreamTile::valuesLieInKeys(program)
            ? chooseLatentKernel(program.headSize, program.valueSize, gpu)
            : std::nullopt;
    if (latent && latent->rows() == rows && latent->keys == keys) {
      return latent;
    }
    return chooseWarpgroupKernel(program.headSize, program.valueSize, rows,
                                 keys, gpu, bytes);
  }

  // A recurrence that is a tile by itself.
  static bool isTile(Operation *op) {
    return isa<SSDOp, LinearAttentionOp, SSMScanOp, SSMStepOp, CausalConv1dOp>(
        op);
  }

  Operation *recurrence() {
    for (Operation &op : kernel.getBody().front()) {
      if (isTile(&op)) {
        return &op;
      }
    }
    return nullptr;
  }

  LogicalResult recurrenceTile(Operation *op, LaunchShape &shape) {
    blockNumber();
    builder.setInsertionPoint(kernel.getBody().front().getTerminator());
    if (auto step = dyn_cast<SSMStepOp>(op)) {
      shape.threads = kStepThreads;
      return emitStepTile(warp, step, views);
    }
    if (auto conv = dyn_cast<CausalConv1dOp>(op)) {
      shape.threads = kConvThreads;
      return emitConvTile(warp, conv, views);
    }
    std::string reason;
    if (op->hasAttr(kTokensAttr)) {
      return tokenTile(op, shape);
    }
    std::optional<RecurrenceProgram> program =
        RecurrenceProgram::match(op, reason);
    std::optional<RecurrenceKernel> chosen =
        program ? chooseRecurrenceKernel(program->shape(), gpu, reason)
                : std::nullopt;
    if (!chosen) {
      return op->emitOpError(reason) << " has no lowering for " << gpu.chip;
    }
    RecurrenceTile tile(warp, *program, *chosen, views);
    if (!tile.prepare(reason)) {
      return op->emitOpError(reason) << " has no lowering for " << gpu.chip;
    }
    shape.threads = chosen->threads();
    if (failed(tile.emit(mapArguments(tile.getMaps(), shape)))) {
      return failure();
    }
    shape.sharedBytes = SharedLayout(kernel).bytes();
    return success();
  }

  LogicalResult tokenTile(Operation *op, LaunchShape &shape) {
    std::string reason;
    std::optional<ScanProgram> program = ScanProgram::match(op, reason);
    std::optional<ScanKernel> chosen =
        program ? chooseScanKernel(program->shape(), gpu, reason)
                : std::nullopt;
    if (!chosen) {
      return op->emitOpError(reason) << " has no lowering for " << gpu.chip;
    }
    shape.threads = chosen->threads();
    shape.sharedBytes = scanSharedBytes(*chosen, program->shape());
    return emitScanTile(warp, *program, *chosen, views);
  }

  SmallVector<Value> mapArguments(ArrayRef<StreamMap> maps,
                                  LaunchShape &shape) {
    shape.maps.assign(maps.begin(), maps.end());
    shape.firstMap = types.size();
    SmallVector<Value> values;
    for (size_t i = 0; i < maps.size(); ++i) {
      values.push_back(add(LLVM::LLVMPointerType::get(builder.getContext())));
    }
    return values;
  }

  // The number of the block, which stands for the tile.
  Value blockNumber() {
    Value block;
    kernel.walk([&](gpu::BlockIdOp op) {
      builder.setInsertionPoint(op);
      block = warp.toIndex(warp.block());
      op.replaceAllUsesWith(block);
      op.erase();
    });
    return block;
  }

  LogicalResult streamTile(StreamTile &stream, const WarpgroupKernel &chosen,
                           LaunchShape &shape) {
    shape.threads = chosen.threads();
    shape.streams = true;
    shape.drawsTickets = stream.drawsTickets();
    SmallVector<Value> maps = mapArguments(stream.getMaps(), shape);
    Value tiles = add(builder.getI32Type());
    Value tickets = shape.drawsTickets ? Value(add(warp.global())) : Value();
    if (failed(stream.emit(maps, tiles, tickets))) {
      return failure();
    }
    shape.sharedBytes = SharedLayout(kernel).bytes();
    return success();
  }

  // fp8 has instructions from sm_89 on.
  LogicalResult checkCodes(KVDequantizeOp op) {
    if (op &&
        isa<Float8E4M3FNType>(
            cast<ShapedType>(op.getCodes().getType()).getElementType()) &&
        capability() < 89) {
      return op.emitOpError("of f8E4M3FN has no lowering for ")
             << gpu.chip << ": needs sm_89";
    }
    return success();
  }

  LogicalResult mmaTile(TileProgram &program, Value block, int64_t rows,
                        int64_t keys, LaunchShape &shape) {
    if (failed(checkCodes(program.keyCodes)) ||
        failed(checkCodes(program.valueCodes))) {
      return failure();
    }
    std::optional<MMAKernel> chosen = chooseMMAKernel(
        program.headSize, program.valueSize, rows, keys, gpu, program.forms);
    if (!chosen) {
      return program.loop.emitOpError("of ")
             << rows << " rows and " << keys
             << " keys a step does not fit a block of " << gpu.chip;
    }
    shape.threads = chosen->threads();
    shape.sharedBytes = chosen->sharedBytes;
    shape.residents = chosen->blocksPerProcessor;
    shape.slices = llvm::divideCeil(program.valueSize, chosen->valueSlice);
    Value slice;
    if (shape.slices > 1) {
      slice = splitBlocks(block, shape.slices);
    }
    return MMATile(warp, program, *chosen, views, slice).emit();
  }

  // Several blocks for each tile: which of them this is.
  Value splitBlocks(Value block, int64_t slices) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(block);
    IndexBuilder index(builder, warp.loc);
    Value tile = index.div(block, slices);
    block.replaceAllUsesExcept(tile, tile.getDefiningOp());
    return warp.toInt(arith::RemUIOp::create(builder, warp.loc, block,
                                             index.constant(slices)));
  }

  LogicalResult eraseTensors() {
    SmallVector<Operation *> dead;
    for (Operation &op : kernel.getBody().front()) {
      auto shaped = [](Type type) { return isa<TensorType, MemRefType>(type); };
      if (llvm::none_of(op.getOperandTypes(), shaped) &&
          llvm::none_of(op.getResultTypes(), shaped)) {
        continue;
      }
      if (!isTile(&op) &&
          !isa<KeyLoopOp, FinalizeStateOp, MergeStatesOp, linalg::FillOp,
               tensor::EmptyOp, bufferization::AllocTensorOp, memref::SubViewOp,
               memref::CastOp, bufferization::ToTensorOp,
               bufferization::MaterializeInDestinationOp,
               tensor::ExtractSliceOp, tensor::ExpandShapeOp,
               tensor::CollapseShapeOp, tensor::CastOp>(op)) {
        return op.emitOpError("in a kernel has no lowering for GPUs");
      }
      dead.push_back(&op);
    }
    for (Operation *op : llvm::reverse(dead)) {
      op->erase();
    }
    return success();
  }

  void finish(const LaunchShape &shape) {
    Block &entry = kernel.getBody().front();
    entry.eraseArguments(0, entry.getNumArguments() - types.size());
    builder.setInsertionPoint(kernel);
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(builder.getContext()), types);
    auto function =
        LLVM::LLVMFuncOp::create(builder, warp.loc, kernel.getName(), type);
    function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                      builder.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                      builder.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                      builder.getDenseI32ArrayAttr(
                          {static_cast<int32_t>(shape.threads), 1, 1}));
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      builder.getI32IntegerAttr(shape.residents));
    for (size_t i = 0; i < shape.maps.size(); ++i) {
      unsigned number = shape.firstMap + i;
      function.setArgAttr(
          number, LLVM::LLVMDialect::getByValAttrName(),
          TypeAttr::get(LLVM::LLVMArrayType::get(builder.getI8Type(), 128)));
      function.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                          builder.getI64IntegerAttr(64));
      function.setArgAttr(number, NVVM::NVVMDialect::getGridConstantAttrName(),
                          builder.getUnitAttr());
    }
    Operation *end = entry.getTerminator();
    builder.setInsertionPoint(end);
    LLVM::ReturnOp::create(builder, warp.loc, ValueRange());
    end->erase();
    function.getBody().takeBody(kernel.getBody());
    kernel.erase();
  }
};

struct LowerKernelsPass
    : public attn::impl::LowerKernelsPassBase<LowerKernelsPass> {
  using LowerKernelsPassBase::LowerKernelsPassBase;

  unsigned counters = 0; // made so far

  void launchAs(gpu::LaunchFuncOp launch, const LaunchShape &shape) {
    OpBuilder builder(launch);
    IndexBuilder index(builder, launch.getLoc());
    launch.getBlockSizeXMutable().assign(index.constant(shape.threads));
    addMaps(launch, shape);
    if (shape.streams) {
      launchStream(launch, shape);
    } else {
      Value blocks = index.mul(launch.getGridSizeX(), shape.slices);
      if (shape.points) {
        launch.getKernelOperandsMutable().append(blocks);
        blocks = index.ceilDiv(blocks, shape.threads);
      }
      launch.getGridSizeXMutable().assign(blocks);
    }
    if (shape.overlaps) {
      launch->setAttr(kOverlapsAttr, builder.getUnitAttr());
    }
    launch.getDynamicSharedMemorySizeMutable().assign(
        arith::ConstantIntOp::create(builder, launch.getLoc(),
                                     shape.sharedBytes, 32));
  }

  // A number on the device that is 0 whenever no kernel runs.
  Value ticketCounter(OpBuilder &builder, Location loc) {
    auto type = MemRefType::get({1}, builder.getI32Type());
    OpBuilder outside = OpBuilder::atBlockBegin(getOperation().getBody());
    auto global = memref::GlobalOp::create(
        outside, loc, ("attn_tickets_" + Twine(counters++)).str(),
        outside.getStringAttr("private"), type,
        DenseElementsAttr::get(
            RankedTensorType::get({1}, type.getElementType()),
            outside.getI32IntegerAttr(0)),
        /*constant=*/true, IntegerAttr());
    return memref::GetGlobalOp::create(builder, loc, type, global.getSymName());
  }

  void addMaps(gpu::LaunchFuncOp launch, const LaunchShape &shape) {
    OpBuilder builder(launch);
    ValueRange operands = launch.getKernelOperands();
    SmallVector<Value> maps;
    for (const StreamMap &map : shape.maps) {
      auto steps = map.steps.empty() ? DenseI64ArrayAttr()
                                     : builder.getDenseI64ArrayAttr(map.steps);
      maps.push_back(warpgroup::MapOp::create(builder, launch.getLoc(),
                                              operands[map.argument], map.order,
                                              map.box, steps));
    }
    launch.getKernelOperandsMutable().append(maps);
  }

  // No more blocks than multiprocessors, each of which takes many tiles.
  void launchStream(gpu::LaunchFuncOp launch, const LaunchShape &shape) {
    OpBuilder builder(launch);
    Location loc = launch.getLoc();
    IndexBuilder index(builder, loc);
    SmallVector<Value> more;
    Value tiles = launch.getGridSizeX();
    more.push_back(
        arith::IndexCastOp::create(builder, loc, builder.getI32Type(), tiles));
    if (shape.drawsTickets) {
      more.push_back(ticketCounter(builder, loc));
    }
    launch.getKernelOperandsMutable().append(more);
    Value processors =
        warpgroup::ProcessorsOp::create(builder, loc, builder.getIndexType());
    launch.getGridSizeXMutable().assign(index.min(tiles, processors));
  }

  void runOnOperation() override {
    std::optional<TargetDescription> description =
        passTarget(getOperation(), target, PassTargets::kGPU);
    if (!description) {
      return signalPassFailure();
    }
    llvm::StringMap<LaunchShape> shapes;
    for (auto module : getOperation().getOps<gpu::GPUModuleOp>()) {
      OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
      LLVM::GlobalOp::create(builder, module.getLoc(),
                             LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                             /*isConstant=*/false, LLVM::Linkage::External,
                             WarpBuilder::kSharedSymbol, Attribute(),
                             /*alignment=*/1024,
                             /*addrSpace=*/3);
      for (auto kernel :
           llvm::make_early_inc_range(module.getOps<gpu::GPUFuncOp>())) {
        std::string name = kernel.getName().str();
        if (failed(
                KernelLowering(kernel, *description->gpu).run(shapes[name]))) {
          return signalPassFailure();
        }
      }
    }
    getOperation().walk([&](gpu::LaunchFuncOp launch) {
      launchAs(launch, shapes[launch.getKernelName().getValue()]);
    });
  }
};

} // namespace
