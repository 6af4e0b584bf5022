//===- GraphPasses.td - passes at the graph level --------------------------===//
#ifndef ATTN_PASSES_GRAPHPASSES_TD
#define ATTN_PASSES_GRAPHPASSES_TD

include "mlir/Pass/PassBase.td"

def DecomposeReferencePass : Pass<"attn-decompose-reference", "::mlir::ModuleOp"> {
  let summary = "compute attention by its definition, in a chosen precision";
  let description = [{
    Rewrites `attn.attention` and `attn.merge_states` to plain scf, tensor,
    arith and math: the oracle that kernels are compared with. Each pair asks
    the mask's own predicate, and nothing of the tile analysis is used.

    With `row-streamed` an `scf.forall` over batch, heads and rows holds one row
    of scores at a time, O(Sk) memory a row; hidden pairs cost their predicate
    alone, and their keys and values are not read. Without it the scores of all
    rows are materialised as linalg ops, for reading and for small tests
    (merges are streamed in both).

    Numerics: everything, the score region included, is computed in
    `element-type` (f64 wherever the op itself accumulates in f64); inputs are
    read in their own type and widened. Sums of products may be reassociated.
    With `widen-results` a function that returns a result returns it unrounded,
    and its type changes, unless something in the module calls it; a merge of
    results that are decomposed too reads them unrounded. All other uses see
    the original type.

    Needs: ops on tensors. Leaves: no `attn.attention`, no `attn.merge_states`.
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
