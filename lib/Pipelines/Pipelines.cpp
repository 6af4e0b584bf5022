//===- Pipelines.cpp - the named pipelines of attn --------------------------===//

#include "attn/Pipelines/Pipelines.h"
#include "attn/Dialect/Attn/AttnDialect.h"
#include "attn/Passes/Passes.h"

using namespace mlir;

namespace attn {

void registerPassesAndPipelines() { registerAttnPasses(); }

void registerAll(DialectRegistry &registry) {
  registerDialect(registry);
  registerPassesAndPipelines();
}

} // namespace attn
