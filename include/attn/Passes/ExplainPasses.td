//===- ExplainPasses.td - passes that tell what is known -------------------===//
#ifndef ATTN_PASSES_EXPLAINPASSES_TD
#define ATTN_PASSES_EXPLAINPASSES_TD

include "mlir/Pass/PassBase.td"

def ExplainMaskPass : Pass<"attn-explain-mask", "::mlir::ModuleOp"> {
  let summary = "tell what a mask shows and which loops will run";
  let description = [{
    For each `attn.attention`: the map of its tiles (empty, partial, full), the
    visible pairs as a formula of the sizes and symbols and as a number, the
    work and the reads that are saved, the loops over keys with their bounds as
    functions of the tile, the rung that a mask region takes with the reason,
    and how long the analysis took. As `text`, as an `svg` of the maps, or as
    `json`. What the pipeline raises from regions is explained as raised.

    Warnings at the op are proofs: a query that sees no key (and for which
    sizes), a mask that hides nothing, parts of a mask that add nothing, tiles
    that waste more than half of their work.

    Dynamic sizes have the names of `attn.dims` and scalars that of `attn.name`
    (else `arg0_2`, `arg3`); `sizes=s=4096,l=64` gives them values. A length
    without one is taken to be 1024. Tables that the program computes itself
    are computed here too, so that maps of data-dependent masks are those of
    the data; where it is an argument, the map shows what it decides.

    Needs: nothing. Leaves: the module as it is. Example:
    `test/Passes/Explain/explain-mask.mlir`.
  }];
  let dependentDialects = ["::attn::AttnDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"text\"",
           "text, svg or json.">,
    Option<"output", "output", "std::string", /*default=*/"\"\"",
           "File to write; standard error without one.">,
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "Target description whose cost model chooses the tiles.">,
    Option<"rows", "rows", "int64_t", /*default=*/"0",
           "Queries a tile; 0 asks the cost model.">,
    Option<"keys", "keys", "int64_t", /*default=*/"0",
           "Keys a tile; 0 asks the cost model.">,
    Option<"head", "head", "int64_t", /*default=*/"0",
           "The head whose map is drawn, where the mask depends on it.">,
    ListOption<"sizes", "sizes", "std::string",
               "Values of dynamic sizes and of symbols: name=number.">];
}

#endif // ATTN_PASSES_EXPLAINPASSES_TD
