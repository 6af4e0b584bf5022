//===- HopperPasses.td - passes on the warpgroup dialect --------------------===//
#ifndef ATTN_PASSES_HOPPERPASSES_TD
#define ATTN_PASSES_HOPPERPASSES_TD

include "mlir/Pass/PassBase.td"

def RotateStreamPass : Pass<"attn-warpgroup-rotate", "::mlir::gpu::GPUModuleOp"> {
  let summary = "start a step of a loop in the one before";
  let description = [{
    An `scf.while` with a `warpgroup.cut` in its body first does what stands
    behind the cut, for one step, and then what stands in front of it, for the
    next. The loops of attention run over the steps of all tiles, so a tile
    begins while the one before it ends.

    Needs: loops whose results are unused, and of which the step that ends them
    can run in front of the cut without harm. Leaves: no `warpgroup.cut`.
    Example: `test/Passes/Hopper/rotate.mlir`.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
}

def GroupProductsPass : Pass<"attn-warpgroup-group", "::mlir::gpu::GPUModuleOp"> {
  let summary = "let products that follow each other run together";
  let description = [{
    Where two or more `warpgroup.mma` stand one behind the other, all of them
    start, also where one adds to the result of another, and one wait stands in
    front of the first op that needs a result, makes an operand, or gives a
    stage back.

    Needs: nothing. Leaves: `warpgroup.mma` that stand alone. Example:
    `test/Passes/Hopper/group.mlir`.
  }];
  let dependentDialects = ["::attn::warpgroup::WarpgroupDialect"];
}

def OverlapProductsPass : Pass<"attn-warpgroup-overlap", "::mlir::gpu::GPUModuleOp"> {
  let summary = "start products early, and wait for them late";
  let description = [{
    `warpgroup.mma` becomes `mma_async` and `wait`. Where the values of a step
    and then the scores of the next stand in one block, the scores start first,
    both are in flight together, and warpgroups take turns at starting them.

    Needs: nothing. Leaves: no `warpgroup.mma`. Example:
    `test/Passes/Hopper/overlap.mlir`.
  }];
  let dependentDialects = ["::attn::warpgroup::WarpgroupDialect"];
}

def AwaitEarlyPass : Pass<"attn-warpgroup-await-early", "::mlir::gpu::GPUModuleOp"> {
  let summary = "wait for the tiles of the next step in this one";
  let description = [{
    Waits for rings, and reads of tags, go from the front of a loop's body to its
    end, for the next step, if there is one.

    Needs: loops that do all in front of their condition (as
    `attn-warpgroup-rotate` makes them). Leaves: the same, rotated by those ops.
    Example: `test/Passes/Hopper/await-early.mlir`.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
}

def SplitRareStepsPass : Pass<"attn-warpgroup-split-rare", "::mlir::gpu::GPUModuleOp"> {
  let summary = "write steps of a stream twice: with and without what is rare";
  let description = [{
    Masks, the first and the last step of a tile are branches of a step. What
    follows the start of its products goes into both arms of one branch; in that
    of the common step no condition holds.

    Needs: conditions that are known when products start. Leaves: the same,
    twice. Example: `test/Passes/Hopper/split-rare.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

def ExpandSoftmaxPass : Pass<"attn-warpgroup-expand-softmax", "::mlir::gpu::GPUModuleOp"> {
  let summary = "write out the strategies of the online softmax";
  let description = [{
    `exact`: the reference of a row follows its maximum in each step.
    `speculative`: it stays that of the tile's first step, until the sum of a
    thread's probabilities of a step reaches 2^40 (2^15 for f16) or is NaN; then
    the warp repeats the step exactly. A sum that stays below loses nothing:
    probabilities keep the precision of their type, sums are f32. Rows without a
    visible key so far always take the exact form.

    Needs: nothing. Leaves: no `warpgroup.softmax`. Numerics: P is relative to
    another reference, so its rounding differs from the exact form. Example:
    `test/Passes/Hopper/expand-softmax.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect"];
}

def WarpgroupToNVVMPass : Pass<"attn-warpgroup-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "lower the warpgroup dialect to nvvm";
  let description = [{
    Fragments become registers, also where loops and branches carry them; rings
    become offsets in shared memory, and positions stages and parities. The ops
    name the PTX that they become.

    Needs: kernels that are `llvm.func`, at most one `warpgroup.roles` each, no
    `warpgroup.mma`, `softmax` and `cut`. Leaves: no op of the dialect. Example:
    `test/Passes/Hopper/to-nvvm.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // ATTN_PASSES_HOPPERPASSES_TD
