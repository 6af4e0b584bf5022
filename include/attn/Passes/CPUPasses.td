//===- CPUPasses.td - passes from the tile level to CPU code ----------------===//
#ifndef ATTN_PASSES_CPUPASSES_TD
#define ATTN_PASSES_CPUPASSES_TD

include "mlir/Pass/PassBase.td"

#endif // ATTN_PASSES_CPUPASSES_TD
