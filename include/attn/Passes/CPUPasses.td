//===- CPUPasses.td - passes from the tile level to CPU code ----------------===//
#ifndef ATTN_PASSES_CPUPASSES_TD
#define ATTN_PASSES_CPUPASSES_TD

include "mlir/Pass/PassBase.td"

def OrientTilesPass : InterfacePass<"attn-orient-tiles", "mlir::FunctionOpInterface"> {
  let summary = "orient key loops for the CPU: queries as lanes, or as rows";
  let description = [{
    Many query rows become lanes: the query tile is packed once, before the key
    loop, into panels of W rows side by side (P x D x W), and the state is
    carried in the same form (P x E x W), so that the loop computes
    S^T = K Q^T with elements of K and V broadcast and no horizontal reduction
    anywhere. Few rows (decode; up to half a vector) stay rows (1 x W x D,
    1 x W x E, W a power of two), and the loop computes with whole vectors of K
    and V, each read once for all rows. Where the target multiplies pairs of
    bf16 faster than f32, panels of bf16 stay bf16, and as lanes they keep two
    elements of D side by side (P x D / 2 x 2W). Workspaces have the static sizes of
    `max_rows`, of which the loop takes a slice of the panels in use.

    Needs: `attn.key_loop` with `max_rows`, a constant step, one
    `attn.online_attention`, state that starts as `linalg.fill` and ends in one
    `attn.finalize_state`. Leaves: every such loop packed. Example:
    `test/Passes/CPU/orient-tiles.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::bufferization::BufferizationDialect"];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Target description: host, or an LLVM CPU name.">];
}

def VectorizeElementwisePass : InterfacePass<"attn-vectorize-elementwise", "mlir::FunctionOpInterface"> {
  let summary = "elementwise linalg on memrefs, whole vectors at a time";
  let description = [{
    A `linalg.generic` without reductions whose operands lie side by side along
    the last dimension, or do not move with it, becomes loops around vectors; the
    rest of a row is masked. What has another form stays, for
    `convert-linalg-to-loops`.

    Needs: memrefs. Leaves: nothing new. Example:
    `test/Passes/CPU/vectorize-elementwise.mlir`.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
  let options = [Option<"target", "target", "std::string", /*default=*/"\"host\"",
                        "Target description: host, or an LLVM CPU name.">];
  let statistics = [Statistic<"numVectorized", "num-vectorized",
                              "Number of ops vectorized">];
}

def ProtectArgumentsPass : Pass<"attn-protect-arguments", "::mlir::ModuleOp"> {
  let summary = "forbid writes to tensor arguments that are not donated";
  let description = [{
    Marks the tensor arguments of public functions with a body as not writable
    for bufferization, but for those with `attn.donated`, which may be updated
    in place. Marks that are there stay. A caller's tensors are then never
    changed behind its back.

    Needs: nothing. Leaves: `bufferization.writable` on every such argument.
    Example: `test/Passes/CPU/protect-arguments.mlir`.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def ReturnArgumentsPass : Pass<"attn-return-arguments", "::mlir::ModuleOp"> {
  let summary = "return an argument's buffer instead of a clone of it";
  let description = [{
    In public functions that nothing in the module calls, a
    `bufferization.clone` of an argument that is only returned becomes the
    argument. The launch ABI knows results that lie in an argument's buffer, so
    that an updated cache costs no copy.

    Needs: nothing. Leaves: no such clone. Example:
    `test/Passes/CPU/return-arguments.mlir`.
  }];
  let statistics = [
    Statistic<"numForwarded", "num-forwarded", "Number of clones removed">];
}

def SplitStridedViewsPass : InterfacePass<"attn-split-strided-views", "mlir::FunctionOpInterface"> {
  let summary = "make two views of one that steps and drops dimensions";
  let description = [{
    A `memref.subview` with a stride other than 1 that also drops dimensions of
    size 1 becomes a view with the stride and one that drops the dimensions.
    Folders of MLIR 22.1 compare the strides of such a view with those of its
    source to tell which dimensions are dropped, and fail where two of them are
    alike.

    Needs: nothing; before the folders see such a view. Leaves: none of them.
    Example: `test/Passes/CPU/split-strided-views.mlir`.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
  let statistics = [
    Statistic<"numSplit", "num-split", "Number of views split">];
}

def LowerFFTPass : Pass<"attn-lower-fft", "::mlir::ModuleOp"> {
  let summary = "lower long convolutions on memrefs to calls of FFTW";
  let description = [{
    `attn.fft_conv` becomes a parallel loop over vectors of channels. A task
    transforms the filters of its channels once, then for each sequence its
    inputs, multiplies, and transforms back, with rows of tokens transposed in
    registers on the way in and out. Plans are made once a call of the function,
    for the transform of the least length that FFTW is good at; FFTW itself is
    declared here, and loaded by the runtime.

    Needs: the op on memrefs whose channels lie side by side. Leaves: none of these
    ops. Example: `test/Passes/CPU/lower-fft.mlir`.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"host\"",
           "CPU to generate for, as in attn-lower-tiles-to-vector">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
}

def LowerTilesToVectorPass : InterfacePass<"attn-lower-tiles-to-vector", "mlir::FunctionOpInterface"> {
  let summary = "lower tile ops on memrefs to scf and vector";
  let description = [{
    `attn.online_attention` with queries as lanes becomes, for each panel:
    register tiles of keys by lanes for S^T with scale, score, mask and running
    maximum in their epilogue; the exponentials with their sums; register tiles
    of values by lanes that rescale the accumulator as they load it. Keys and
    values of another type than the accumulator are converted once a tile, and
    strided ones copied where enough rows use them. With pairs of bf16 in the
    panels, both products are dot products of pairs (vdpbf16ps): keys are read
    as they are, values and probabilities are paired along the keys. With
    queries as rows it
    becomes dot products along the head size, whose sums are folded to one
    vector of (row, key) lanes, and sums along the values. Keys and values are
    prefetched before they are needed. `attn.pack_rows`,
    `attn.finalize_state` and `attn.merge_states` become loops over whole
    vectors, with elements where a size is no multiple of one; so do fills of
    whole vectors. Scratch memory (a block of scores, those copies, a vector a
    row) is allocated outside of all loops of the enclosing parallel tile, or
    of the function.

    Needs: tile ops on memrefs, oriented by `attn-orient-tiles` for the same
    target. Leaves: none of these ops. Numerics: exponentials are `math.exp2` of
    a difference of scores times log2(e), which comes after the score region.
    Example: `test/Passes/CPU/lower-tiles-to-vector.mlir`.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::math::MathDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::x86vector::X86VectorDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Target description: host, or an LLVM CPU name.">];
}

def LowerCopiesPass : InterfacePass<"attn-lower-copies", "mlir::FunctionOpInterface"> {
  let summary = "write copies of strided buffers as linalg";
  let description = [{
    A `memref.copy` of which one side is not contiguous becomes a
    `linalg.generic`, where MLIR would call a function of its runner library.
    Copies between contiguous buffers stay: they become memcpy.

    Needs: nothing. Leaves: no `memref.copy` of a strided buffer. Example:
    `test/Passes/CPU/lower-copies.mlir`.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Number of copies lowered">];
}

def ForallToOpenMPPass : InterfacePass<"attn-forall-to-openmp", "mlir::FunctionOpInterface"> {
  let summary = "run parallel tiles by OpenMP threads, with a workspace a thread";
  let description = [{
    An outermost `scf.forall` becomes an `omp.parallel` around one `omp.wsloop`
    with a dynamic schedule over its linearised tiles, in their order. Buffers
    that a tile allocates with sizes known outside of it, and frees, are
    allocated once a thread. Inner `scf.forall`s, those in an `omp.parallel`
    that is there, and all of them with `openmp=false`, become one `scf.for`.

    Needs: `scf.forall` on memrefs. Leaves: no `scf.forall`. Example:
    `test/Passes/CPU/forall-to-openmp.mlir`.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::omp::OpenMPDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"openmp", "openmp", "bool", /*default=*/"true",
           "Run in parallel; otherwise in one thread.">];
  let statistics = [
    Statistic<"numParallel", "num-parallel", "Number of parallel loops made">];
}

def ExpandVectorMathPass : InterfacePass<"attn-expand-vector-math", "mlir::FunctionOpInterface"> {
  let summary = "expand exponentials and logarithms on vectors to polynomials";
  let description = [{
    `math.exp2`, `math.exp`, `math.log` and `math.tanh` on vectors of f32 or f64
    become polynomials; LLVM would call libm for each element. Scalable vectors
    stay.

    Needs: nothing. Leaves: none of these ops on fixed vectors of f32 or f64.
    Example: `test/Passes/CPU/expand-vector-math.mlir`.

    Numerics: relative errors are at most

    | op | f32 | f64 |
    |----|-----|-----|
    | `exp2`, `exp` | 2.5e-7 | 2.5e-16 |
    | `log` | 2.5e-7 | 5e-16 |
    | `tanh` | 7e-7 | 2.5e-15 |

    (`test/unit/Passes/VectorMathTest.cpp`). `exp2` of an integer is exact.
    Powers below the smallest normal number are 0. Of -inf, +inf and NaN the
    results are those of libm.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
  let options = [
    Option<"avx512", "avx512", "bool", /*default=*/"false",
           "Scale by powers of two with vscalefps / vscalefpd.">];
}

#endif // ATTN_PASSES_CPUPASSES_TD
