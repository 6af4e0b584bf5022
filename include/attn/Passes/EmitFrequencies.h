//===- EmitFrequencies.h - frequencies of rotary positions as values ------===//

#ifndef ATTN_PASSES_EMITFREQUENCIES_H
#define ATTN_PASSES_EMITFREQUENCIES_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn {

/// What `frequencies`, `kept` and `magnitude` of an `attn.rope` are.
struct Frequencies {
  mlir::Value values; ///< tensor<1xR/2xf64>, or with `kept` tensor<2xR/2xf64>
  std::optional<int64_t> kept;
  double magnitude = 1;
};

/// Those of `op`, which is on tensors, has a static R and no tables. A
/// constant, but for scalings that depend on the length.
Frequencies emitFrequencies(mlir::ImplicitLocOpBuilder &b, RopeOp op);

} // namespace attn

#endif // ATTN_PASSES_EMITFREQUENCIES_H
