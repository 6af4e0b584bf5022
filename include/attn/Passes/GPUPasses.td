//===- GPUPasses.td - passes from the tile level to NVVM --------------------===//
#ifndef ATTN_PASSES_GPUPASSES_TD
#define ATTN_PASSES_GPUPASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineKernelsPass : Pass<"attn-gpu-outline", "::mlir::ModuleOp"> {
  let summary = "make a kernel of each scf.forall, and host code of the rest";
  let description = [{
    Each `scf.forall` on tensors becomes a `gpu.func` in a `gpu.module` and a
    `gpu.launch_func` with a block for each point of its range, the last
    dimension fastest. Operands of the function become memrefs, results and
    temporaries `memref.alloc`; a result whose destination is a donated argument
    is that argument. What is left is a host program of allocations, launches,
    guards and index arithmetic. Inside of the kernel the body stands as it was,
    on `bufferization.to_tensor` of its arguments; views (`tensor.extract_slice`)
    move into the kernels that use them.

    A contraction of `linalg` stays an op of the host, on buffers, which the
    launch plan hands to cuBLASLt: with `attn.overwrites` where it starts as
    zeros, else added to a copy of what it starts as.

    The launches have one thread a block and no shared memory until
    `attn-gpu-lower-kernels` knows better.

    Needs: level 2; functions with one block. Leaves: no tensor outside of
    kernels. Example: `test/Passes/NVGPU/outline-kernels.mlir`.
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
  let statistics = [Statistic<"numKernels", "num-kernels", "Number of kernels made">];
}

def LinalgToPointsPass : Pass<"attn-gpu-linalg-to-points", "::mlir::func::FuncOp"> {
  let summary = "write elementwise ops and reductions as loops over points";
  let description = [{
    Each `linalg.generic` (or named op that is one), each `tensor.generate`, and
    each copy (`tensor.concat`, `tensor.insert_slice`, and a `tensor.extract_slice`
    that the caller or a contraction reads) becomes an `scf.forall` over the
    elements of its results, whose body is scalar code: a loop for what is
    reduced, and reads of single elements. A point is a thread, so this is for
    what stands around attention and is small next to it. `attn.rope`,
    `attn.kv_append` and `attn.kv_gather` become points in the same way; an
    append writes its cache in place.

    Needs: level 2. Leaves: no linalg op on tensors outside of tiles but fills
    and contractions, and none of these three ops. Examples:
    `test/Passes/NVGPU/linalg-to-points.mlir`, `cache-to-points.mlir`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LowerKernelsPass : Pass<"attn-gpu-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "lower the tile ops of kernels to mma.sync, or to warpgroups";
  let description = [{
    Writes the body of each kernel for one block of warps. A key loop is one
    loop over the tiles of all its segments, fed by a ring of `cp.async` stages
    in shared memory; scores, probabilities and the state of the rows are
    registers from beginning to end. 16-bit operands go through `ldmatrix` and
    `mma.sync.m16n8k16`; the scores of one product are the A operand of the next
    without a move. Others take one row a warp on FMA units.

    Score regions run on every score, masks only in tiles of partial segments
    and in ragged ones. Exponentials are `ex2.approx.ftz` with log2(e)
    multiplied after the score region.

    On Hopper, prefill of 16-bit elements becomes a stream of tiles on warpgroups
    (the `warpgroup` dialect) where the copy engine can have the operands; a
    remark says what is in the way elsewhere.

    A kernel becomes an `llvm.func` whose arguments are, for each operand of the
    launch in order: a pointer and the dynamic sizes of a memref, or the scalar.
    The launch gets the number of threads and the bytes of shared memory.

    Needs: `attn-gpu-outline`. Leaves: no tile op; kernels of arith, scf, math,
    llvm and nvvm. Example: `test/Passes/NVGPU/lower-kernels.mlir`.
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect",
                           "::attn::warpgroup::WarpgroupDialect"];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"sm_90\"",
           "Target description: a GPU such as sm_90.">];
}

def ExpandGPUMathPass : Pass<"attn-gpu-expand-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "write functions of the math dialect for NVPTX";
  let description = [{
    `exp`, `exp2`, `log`, `log2`, `tanh` and the like of f32 become the
    approximate instructions of the GPU where these are exact to a few units in
    the last place, and polynomials elsewhere; there is no library to call.

    Needs: scalar math ops. Leaves: math ops that LLVM's NVPTX backend has
    instructions for. Example: `test/Passes/NVGPU/expand-math.mlir`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif // ATTN_PASSES_GPUPASSES_TD
