//===- Pipelines.cpp - the named pipelines of attn ------------------------===//

#include "attn/Pipelines/Pipelines.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Passes/Passes.h"
#include "attn/Target/TargetDescription.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace attn {

template <typename Options>
static Options withTarget(const CPUPipelineOptions &from) {
  Options options;
  options.target = from.target;
  return options;
}

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

// Tensors to memrefs, in place: every write of the tile level has its own
// destination, so nothing is copied. Temporaries are freed.
static void addBufferization(OpPassManager &pm) {
  pm.addPass(createProtectArgumentsPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addNestedPass<func::FuncOp>(createSplitStridedViewsPass());
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  addCleanup(pm);
  bufferization::buildBufferDeallocationPipeline(pm);
  addCleanup(pm);
  pm.addPass(createReturnArgumentsPass());
  pm.addPass(createConvertBufferizationToMemRefPass());
}

void buildAttnGraphPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createWrapMemrefsPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createEliminateGQABroadcastPass());
  pm.addNestedPass<func::FuncOp>(createFoldScalePass());
  pm.addNestedPass<func::FuncOp>(createFoldRopePass());
  pm.addNestedPass<func::FuncOp>(createRaiseMaskPass());
  pm.addNestedPass<func::FuncOp>(createExpandPositionTablesPass());
  pm.addNestedPass<func::FuncOp>(createExpandPageTablesPass());
  pm.addNestedPass<func::FuncOp>(createExpandHippoPass());
  addCleanup(pm);
}

void buildAttnTilePipeline(OpPassManager &pm,
                           const CPUPipelineOptions &options) {
  bool isGPU = GPUDescription::get(options.target).has_value();
  if (isGPU) {
    // A launch plan has no calls.
    pm.addPass(createInlinerPass());
    pm.addPass(createSymbolDCEPass());
  } else {
    pm.addNestedPass<func::FuncOp>(createDecodeOperandsPass());
  }
  auto tile = withTarget<TileAttentionPassOptions>(options);
  tile.rows = options.rows;
  tile.keys = options.keys;
  tile.split = options.split;
  if (!isGPU) {
    pm.addNestedPass<func::FuncOp>(createRoundTF32Pass());
  }
  pm.addNestedPass<func::FuncOp>(createTileAttentionPass(tile));
  if (isGPU) {
    pm.addNestedPass<func::FuncOp>(createTileWholeHeadsPass(
        withTarget<TileWholeHeadsPassOptions>(options)));
    pm.addNestedPass<func::FuncOp>(createTileStepsPass());
    // Canonical, a loop over one tile is none, and there would be no kernel.
    pm.addPass(createCSEPass());
    return;
  }
  pm.addNestedPass<func::FuncOp>(createTileRopePass());
  pm.addNestedPass<func::FuncOp>(createTileRecurrencePass());
  pm.addNestedPass<func::FuncOp>(createTileGatherPass());
  addCleanup(pm);
}

void buildAttnCPUBufferizePipeline(OpPassManager &pm,
                                   const CPUPipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(
      createOrientTilesPass(withTarget<OrientTilesPassOptions>(options)));
  pm.addNestedPass<func::FuncOp>(createExpandKeyLoopPass());
  addCleanup(pm);
  addBufferization(pm);
}

void buildAttnCPUVectorPipeline(OpPassManager &pm,
                                const CPUPipelineOptions &options) {
  pm.addPass(createLowerFFTPass(withTarget<LowerFFTPassOptions>(options)));
  auto lower = withTarget<LowerTilesToVectorPassOptions>(options);
  pm.addNestedPass<func::FuncOp>(createLowerTilesToVectorPass(lower));
  pm.addNestedPass<func::FuncOp>(createVectorizeElementwisePass(
      withTarget<VectorizeElementwisePassOptions>(options)));
  pm.addNestedPass<func::FuncOp>(createLowerCopiesPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  ForallToOpenMPPassOptions openmp;
  openmp.openmp = options.openmp;
  pm.addNestedPass<func::FuncOp>(createForallToOpenMPPass(openmp));
  ExpandVectorMathPassOptions math;
  llvm::Expected<TargetDescription> target =
      TargetDescription::get(options.target);
  if (target) {
    math.avx512 = target->avx512;
  } else {
    // The passes that need the target report it, with a location.
    llvm::consumeError(target.takeError());
  }
  pm.addNestedPass<func::FuncOp>(createExpandVectorMathPass(math));
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
}

void buildAttnCPUToLLVMPipeline(OpPassManager &pm,
                                const CPUPipelineOptions &options) {
  // Before declarations of functions of libm, which have no wrappers.
  pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(arith::createArithExpandOpsPass());
  pm.addPass(createSCFToControlFlowPass());
  // Before vectors: functions of libm are called for each element.
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = true; // dot products of bf16
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  FinalizeMemRefToLLVMConversionPassOptions memory;
  memory.useAlignedAlloc = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass(memory));
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void buildAttnToCPUPipeline(OpPassManager &pm,
                            const CPUPipelineOptions &options) {
  buildAttnGraphPipeline(pm);
  buildAttnTilePipeline(pm, options);
  buildAttnCPUBufferizePipeline(pm, options);
  buildAttnCPUVectorPipeline(pm, options);
  buildAttnCPUToLLVMPipeline(pm, options);
}

void buildAttnGPUOutlinePipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createLinalgToPointsPass());
  pm.addPass(createOutlineKernelsPass());
  addCleanup(pm);
}

void buildAttnGPUKernelsPipeline(OpPassManager &pm,
                                 const CPUPipelineOptions &options) {
  pm.addPass(
      createLowerKernelsPass(withTarget<LowerKernelsPassOptions>(options)));
  OpPassManager &streams = pm.nest<gpu::GPUModuleOp>();
  streams.addPass(createRotateStreamPass());
  streams.addPass(createGroupProductsPass());
  streams.addPass(createOverlapProductsPass());
  streams.addPass(createAwaitEarlyPass());
  streams.addPass(createSplitRareStepsPass());
  streams.addPass(createExpandSoftmaxPass());
  addCleanup(streams);
  streams.addPass(createWarpgroupToNVVMPass());
  pm.addNestedPass<gpu::GPUModuleOp>(createExpandGPUMathPass());
  addCleanup(pm);
}

void buildAttnGPUToNVVMPipeline(OpPassManager &pm) {
  // Kernels are functions of the LLVM dialect already; host code stays.
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertToLLVMPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(kernels);
}

void buildAttnToNVPTXPipeline(OpPassManager &pm,
                              const CPUPipelineOptions &options) {
  buildAttnGraphPipeline(pm);
  buildAttnTilePipeline(pm, options);
  buildAttnGPUOutlinePipeline(pm);
  buildAttnGPUKernelsPipeline(pm, options);
  buildAttnGPUToNVVMPipeline(pm);
}

void buildAttnReferencePipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createWrapMemrefsPass());
  pm.addNestedPass<func::FuncOp>(createExpandPositionTablesPass());
  pm.addNestedPass<func::FuncOp>(createExpandPageTablesPass());
  pm.addNestedPass<func::FuncOp>(createExpandHippoPass());
  pm.addNestedPass<func::FuncOp>(createDecodeOperandsPass());
  pm.addNestedPass<func::FuncOp>(createRoundTF32Pass());
  pm.addPass(createDecomposeReferencePass());
  addCleanup(pm);
  addBufferization(pm);
  pm.addNestedPass<func::FuncOp>(createLowerCopiesPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createForallToOpenMPPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  CPUPipelineOptions options;
  buildAttnCPUToLLVMPipeline(pm, options);
}

void registerPassesAndPipelines() {
  registerAttnPasses();
  PassPipelineRegistration<>(
      "attn-graph", "Level 1: wrap memrefs, drop broadcasts, fold scales",
      [](OpPassManager &pm) { buildAttnGraphPipeline(pm); });
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-tile", "Level 1 to level 2: row tiles around key loops",
      buildAttnTilePipeline);
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-cpu-bufferize", "Level 2 to tile ops on memrefs, queries as lanes",
      buildAttnCPUBufferizePipeline);
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-cpu-vector", "Tile ops on memrefs to scf, vector and omp",
      buildAttnCPUVectorPipeline);
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-cpu-to-llvm", "scf, vector, memref and omp to the LLVM dialect",
      buildAttnCPUToLLVMPipeline);
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-to-cpu", "Level 1 to the LLVM dialect: the sum of the stages",
      buildAttnToCPUPipeline);
  PassPipelineRegistration<>(
      "attn-gpu-outline-kernels", "Level 2 to host code and kernels on tensors",
      [](OpPassManager &pm) { buildAttnGPUOutlinePipeline(pm); });
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-gpu-kernels", "Kernels on tensors to arith, scf, llvm and nvvm",
      buildAttnGPUKernelsPipeline);
  PassPipelineRegistration<>(
      "attn-gpu-to-nvvm", "Kernels to the LLVM dialect",
      [](OpPassManager &pm) { buildAttnGPUToNVVMPipeline(pm); });
  PassPipelineRegistration<CPUPipelineOptions>(
      "attn-to-nvptx",
      "Level 1 to kernels in the LLVM dialect and their host "
      "code: the sum of the stages",
      buildAttnToNVPTXPipeline);
  PassPipelineRegistration<>(
      "attn-reference", "The f64 oracle: decompose and lower, upstream passes",
      [](OpPassManager &pm) { buildAttnReferencePipeline(pm); });
}

void registerAll(DialectRegistry &registry) {
  registerDialect(registry);
  func::registerInlinerExtension(registry);
  registerPassesAndPipelines();
}

} // namespace attn
