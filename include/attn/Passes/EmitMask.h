//===- EmitMask.h - masks as arithmetic -----------------------------------===//

#ifndef ATTN_PASSES_EMITMASK_H
#define ATTN_PASSES_EMITMASK_H

#include "attn/Mask/MaskSet.h"
#include "mlir/IR/Builders.h"

namespace attn {

/// Whether the pair of positions (`q`, `k`) is in `mask`. Both are of one type,
/// index or a vector of index, and the result is i1 or a vector of i1. Works
/// for positions below 0 too, and for any bound of a mask without overflow.
mlir::Value emitMask(mlir::OpBuilder &builder, mlir::Location loc,
                     const MaskSet &mask, mlir::Value q, mlir::Value k);

} // namespace attn

#endif // ATTN_PASSES_EMITMASK_H
