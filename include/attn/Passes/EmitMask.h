//===- EmitMask.h - masks as arithmetic -----------------------------------===//

#ifndef ATTN_PASSES_EMITMASK_H
#define ATTN_PASSES_EMITMASK_H

#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Mask/MaskSet.h"
#include "mlir/IR/Builders.h"

namespace attn {

/// A point in SSA values, with those of the symbols of a mask.
struct MaskValues {
  mlir::Value b, h, q, k;
  mlir::ValueRange symbols;
};

/// Whether the point is in `mask`. Each of its values is an index or a vector
/// of indices, of one shape; the result is i1, or a vector of it where a value
/// is a vector. Works for positions below 0 too.
mlir::Value emitMask(mlir::OpBuilder &builder, mlir::Location loc,
                     const MaskSet &mask, const MaskValues &point);

/// `form` at `dims` and `symbols`, as above; dimensions that it does not use
/// may be null.
mlir::Value emitForm(mlir::OpBuilder &builder, mlir::Location loc,
                     const LinearForm &form, llvm::ArrayRef<mlir::Value> dims,
                     mlir::ValueRange symbols);

/// Whether a tile of partial segments may hold keys that the mask hides from
/// every row, of one head or of several. Their values may be NaN, so a weight
/// of 0 is no reason to multiply them.
bool mayHoldHiddenKeys(OnlineAttentionOp op, bool oneHead);

} // namespace attn

#endif // ATTN_PASSES_EMITMASK_H
