//===- Pipelines.h - the named pipelines of attn --------------------------===//
// Each pipeline is an arrow between two levels of the design with a stated
// entry and exit; `attn-to-cpu` is the sum of its stages. Others may run any
// stage on its own, or put passes between them.
//===----------------------------------------------------------------------===//

#ifndef ATTN_PIPELINES_PIPELINES_H
#define ATTN_PIPELINES_PIPELINES_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

#include <string>

namespace attn {

/// Options of the CPU pipelines; each is an option of the named pipelines too.
struct CPUPipelineOptions
    : public mlir::PassPipelineOptions<CPUPipelineOptions> {
  Option<std::string> target{
      *this, "target",
      llvm::cl::desc("target description: host, or an LLVM CPU name"),
      llvm::cl::init("host")};
  Option<int64_t> rows{*this, "rows",
                       llvm::cl::desc("query rows a tile; 0: cost model"),
                       llvm::cl::init(0)};
  Option<int64_t> keys{*this, "keys",
                       llvm::cl::desc("keys a step; 0: cost model"),
                       llvm::cl::init(0)};
  Option<int64_t> split{
      *this, "split",
      llvm::cl::desc("keys a chunk of a decode split; 0: cost model"),
      llvm::cl::init(0)};
  Option<bool> openmp{*this, "openmp",
                      llvm::cl::desc("run tiles in parallel through OpenMP"),
                      llvm::cl::init(true)};
};

/// Level 1 -> level 1: memref operands wrapped, broadcasts of K and V removed,
/// scales folded. Entry: `attn.*` ops on tensors or memrefs. Exit: on tensors.
void buildAttnGraphPipeline(mlir::OpPassManager &pm);

/// Level 1 -> level 2: `scf.forall` around one `attn.key_loop` an op.
void buildAttnTilePipeline(mlir::OpPassManager &pm,
                           const CPUPipelineOptions &options);

/// Level 2 -> level 2 with queries as lanes, key loops expanded, bufferized:
/// tile ops on memrefs. Allocations: O(S) in total, none in a key loop.
void buildAttnCPUBufferizePipeline(mlir::OpPassManager &pm,
                                   const CPUPipelineOptions &options);

/// Tile ops on memrefs -> scf, vector and memref, and omp for parallel tiles.
void buildAttnCPUVectorPipeline(mlir::OpPassManager &pm,
                                const CPUPipelineOptions &options);

/// scf, vector, memref, omp -> the LLVM dialect.
void buildAttnCPUToLLVMPipeline(mlir::OpPassManager &pm,
                                const CPUPipelineOptions &options);

/// The sum: level 1 to the LLVM dialect.
void buildAttnToCPUPipeline(mlir::OpPassManager &pm,
                            const CPUPipelineOptions &options);

/// Level 2 -> host code over buffers, and kernels whose bodies are level 2.
void buildAttnGPUOutlinePipeline(mlir::OpPassManager &pm);

/// Those -> kernels of arith, scf, math, llvm and nvvm.
void buildAttnGPUKernelsPipeline(mlir::OpPassManager &pm,
                                 const CPUPipelineOptions &options);

/// Those -> kernels in the LLVM dialect. Host code stays: `gpu.launch_func`,
/// memref, scf and arith.
void buildAttnGPUToNVVMPipeline(mlir::OpPassManager &pm);

/// The sum: level 1 to kernels in the LLVM dialect with their host code.
void buildAttnToNVPTXPipeline(mlir::OpPassManager &pm,
                              const CPUPipelineOptions &options);

/// The oracle: attention decomposed to its materialised form in f64, row by
/// row, then to the LLVM dialect through upstream passes alone.
void buildAttnReferencePipeline(mlir::OpPassManager &pm);

/// Registers the dialects, external models, passes and pipelines of attn. The
/// pipelines also need upstream's dialects with their interfaces, which are the
/// host's to register (mlir::registerAllDialects, mlir::registerAllExtensions).
void registerAll(mlir::DialectRegistry &registry);

/// Registers passes and pipelines alone (once a process).
void registerPassesAndPipelines();

} // namespace attn

#endif // ATTN_PIPELINES_PIPELINES_H
