//===- GraphPasses.td - passes at the graph level --------------------------===//
#ifndef ATTN_PASSES_GRAPHPASSES_TD
#define ATTN_PASSES_GRAPHPASSES_TD

include "mlir/Pass/PassBase.td"

#endif // ATTN_PASSES_GRAPHPASSES_TD
