//===- Passes.td - the passes of attn --------------------------------------===//
#ifndef ATTN_PASSES_PASSES_TD
#define ATTN_PASSES_PASSES_TD

include "attn/Passes/ExplainPasses.td"
include "attn/Passes/GraphPasses.td"
include "attn/Passes/TilePasses.td"
include "attn/Passes/CPUPasses.td"
include "attn/Passes/GPUPasses.td"
include "attn/Passes/HopperPasses.td"

#endif // ATTN_PASSES_PASSES_TD
