//===- GraphPasses.td - passes at the graph level --------------------------===//
#ifndef ATTN_PASSES_GRAPHPASSES_TD
#define ATTN_PASSES_GRAPHPASSES_TD

include "mlir/Pass/PassBase.td"

def WrapMemrefsPass : InterfacePass<"attn-wrap-memrefs", "mlir::FunctionOpInterface"> {
  let summary = "put attention on memrefs between tensors";
  let description = [{
    `attn.attention`, `attn.merge_states`, `attn.rope`, the ops of caches and of
    codes, and recurrences on memrefs become the same op on tensors: a `bufferization.to_tensor restrict` for each buffer that the op
    reads or writes (`writable` where it writes), and for each destination a
    `bufferization.materialize_in_destination restrict writable`. Operands that
    are views of one buffer become slices of one tensor. One-shot bufferization
    gives the op on the original memrefs back, without allocation or copy,
    unless a destination overlaps an input.

    Needs: nothing. Leaves: none of these ops on memrefs. Example: `test/Passes/Graph/wrap-memrefs.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numWrapped", "num-wrapped",
                              "Number of ops put on tensors">];
}

def EliminateGQABroadcastPass : InterfacePass<"attn-eliminate-gqa-broadcast", "mlir::FunctionOpInterface"> {
  let summary = "drop broadcasts that repeat the heads of k and v";
  let description = [{
    Where both k and v repeat each head of a smaller tensor G times in a row
    (head h is head `h floordiv G` of the source), the op takes the sources, and
    its queries share heads. Recognised are `linalg.broadcast` or a
    `linalg.generic` along a new or unit dimension behind the heads followed by
    `tensor.collapse_shape`, as repeat_kv of the frameworks gives, and a
    `linalg.generic` that reads at `h floordiv G`; through `tensor.cast` and
    slices of other dimensions. A repeat in another order (`h mod Hkv`) is
    another function and stays. A remark says why a candidate was missed.

    Needs: ops on tensors with a static number of key heads; other ops stay.
    Leaves: nothing. Numerics: unchanged. Example:
    `test/Passes/Graph/eliminate-gqa-broadcast.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numEliminated", "num-eliminated",
                              "Number of ops freed of broadcasts">];
}

def FoldScalePass : InterfacePass<"attn-fold-scale", "mlir::FunctionOpInterface"> {
  let summary = "fold a constant factor of q or k into the scale";
  let description = [{
    Where q or k is the elementwise product with a constant, or the quotient by
    one, of a tensor (`linalg.mul`, `linalg.div`, `arith` on tensors, or a
    `linalg.generic` of one product), the op takes that tensor, and its `scale`
    gains the factor. A remark says why a candidate was missed.

    Numerics: the rounding of the product to the element type of q disappears,
    and the scale is rounded once to its own type instead; in f32 and wider this
    is a change by rounding errors only, in f16 and bf16 the result becomes more
    accurate.

    Needs: an explicit `scale` or a static head size; other ops stay. Leaves:
    nothing. Example: `test/Passes/Graph/fold-scale.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect"];
  let statistics = [Statistic<"numFolded", "num-folded",
                              "Number of factors folded">];
}

def FoldRopePass : InterfacePass<"attn-fold-rope", "mlir::FunctionOpInterface"> {
  let summary = "fold rotary positions into writes of the cache";
  let description = [{
    Where the keys of an `attn.kv_append` are an `attn.rope` that nothing else
    uses, the append turns them as it writes them, so that the cache holds
    turned keys and decode reads them as they are. Those in front of
    `attn.attention` are for `attn-tile-attention`, which knows how many rows read
    a key. A remark tells what was done, and why not.

    Numerics: the rounding of the turned keys to the type of `k` disappears; they
    are rounded once, to the type of the cache.

    Needs: ops on tensors; other ops stay. Leaves: nothing. Example:
    `test/Passes/Graph/fold-rope.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"numFolded", "num-folded",
                              "Number of ropes folded">];
}

def RaiseMaskPass : InterfacePass<"attn-raise-mask", "mlir::FunctionOpInterface"> {
  let summary = "turn what is affine in mask regions into attributes";
  let description = [{
    A mask region yields a conjunction. Its parts that are formulas (`and`, `or`,
    `xor`, `select`) of comparisons of sums of the positions b, h, i, j, of
    numbers from outside of the op, and of their multiples, quotients and
    remainders by constants, become `#attn.set` with those numbers as symbols,
    or the attribute that has a name: causal, window, sink, chunk, dilated. They
    are and'ed with the attribute that is there; the rest stays in the region,
    which goes when nothing is left. A remark tells what was raised, and why the
    rest was not.

    Needs: nothing. Leaves: the same pairs visible. Example:
    `test/Passes/Graph/raise-mask.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numRaised", "num-raised",
                              "Number of mask regions raised in part or all">];
}

def ExpandPositionTablesPass : InterfacePass<"attn-expand-position-tables", "mlir::FunctionOpInterface"> {
  let summary = "write slopes and sinusoids as plain tensors";
  let description = [{
    `attn.alibi_slopes` becomes a constant, `attn.sinusoidal` a `linalg.generic`
    that computes in f64 and rounds once.

    Needs: nothing. Leaves: none of these ops. Example:
    `test/Passes/Graph/expand-position-tables.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect"];
}

def ExpandHippoPass : InterfacePass<"attn-expand-hippo", "mlir::FunctionOpInterface"> {
  let summary = "write the matrices of HiPPO as constants";
  let description = [{
    `attn.hippo` becomes constants of the type of its results; eigenvectors of the
    diagonal form are computed here, in f64.

    Needs: nothing. Leaves: none of these ops. Example:
    `test/Passes/Graph/expand-hippo.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ExpandPageTablesPass : InterfacePass<"attn-expand-page-tables", "mlir::FunctionOpInterface"> {
  let summary = "write block tables of listed pages as plain tensors";
  let description = [{
    `attn.page_tables` becomes a `tensor.generate`, behind a loop that finds the most
    pages of a sequence where nothing tells the number of columns.

    Needs: nothing. Leaves: no `attn.page_tables`. Example:
    `test/Passes/Graph/expand-page-tables.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def DecodeOperandsPass : InterfacePass<"attn-decode-operands", "mlir::FunctionOpInterface"> {
  let summary = "attention on codes of 8 bits as attention on their elements";
  let description = [{
    `attn.attention` on `f8E4M3FN` becomes `attn.attention` on the f32 results of an
    `attn.kv_dequantize` for each operand, with the scales of the op. It is what
    the op means, and how targets without products of 8 bits compute it: keys and
    values are then decoded a tile at a time.

    Needs: ops on tensors. Leaves: no attention on `f8E4M3FN`. Example:
    `test/Passes/Graph/decode-operands.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def RoundTF32Pass : InterfacePass<"attn-round-tf32", "mlir::FunctionOpInterface"> {
  let summary = "round the operands of tf32 attention ahead of it";
  let description = [{
    Operands of an `attn.attention` with `tf32` become copies of 10 bits of
    mantissa, and the op an exact one of f32: what targets without tensor
    cores, and the oracle, make of it. An infinity stays, a NaN stays one.

    Needs: ops on tensors. Leaves: no `tf32` on `attn.attention`. Example:
    `test/Passes/Graph/round-tf32.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def DecomposeReferencePass : Pass<"attn-decompose-reference", "::mlir::ModuleOp"> {
  let summary = "compute attention by its definition, in a chosen precision";
  let description = [{
    Rewrites `attn.attention`, `attn.merge_states`, `attn.block_summary`, `attn.rope`,
    `attn.kv_append` and `attn.kv_gather` to plain scf, tensor, arith and math: the
    oracle that kernels are compared with. Each pair asks
    the mask's own predicate, and nothing of the tile analysis is used.

    With `row-streamed` an `scf.forall` over batch, heads and rows holds one row
    of scores at a time, O(Sk) memory a row; hidden pairs cost their predicate
    alone, and their keys and values are not read. Without it the scores of all
    rows are materialised as linalg ops, for reading and for small tests
    (merges are streamed in both, and attention on pages has no other form).
    Caches keep their own type.

    Numerics: everything, the score region included, is computed in
    `element-type` (f64 wherever the op itself accumulates in f64); inputs are
    read in their own type and widened. Sums of products may be reassociated.
    With `widen-results` a function that returns a result returns it unrounded,
    and its type changes, unless something in the module calls it; a merge of
    results that are decomposed too reads them unrounded. All other uses see
    the original type.

    Needs: ops on tensors. Leaves: none of these ops.
    Example: `test/Passes/Graph/decompose-reference.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
  let options = [
    Option<"elementType", "element-type", "std::string", /*default=*/"\"f64\"",
           "Type of the arithmetic: f64 or f32.">,
    Option<"rowStreamed", "row-streamed", "bool", /*default=*/"true",
           "Hold one row of scores at a time.">,
    Option<"widenResults", "widen-results", "std::string",
           /*default=*/"\"auto\"",
           "Return results unrounded: true, false, or auto (where "
           "element-type is f64).">];
  let statistics = [Statistic<"numDecomposed", "num-decomposed",
                              "Number of ops decomposed">];
}

#endif // ATTN_PASSES_GRAPHPASSES_TD
