//===- PairedMap.h - two neighbouring elements in one lane ----------------===//
// Instructions that multiply pairs of 16-bit elements (vdpbf16ps) want the
// elements 2c and 2c + 1 of a row side by side in its lane. A panel of rows
// (.., d, w) of D x W elements is then stored as (D / 2) x 2W, which a map says
// by the results `d floordiv 2` and `w * 2 + d mod 2`.
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_ATTN_PAIREDMAP_H
#define ATTN_DIALECT_ATTN_PAIREDMAP_H

#include "mlir/IR/AffineMap.h"

#include <optional>

namespace attn {

/// `map` with its last two results, the dimensions d and w, paired along d.
mlir::AffineMap pairResults(mlir::AffineMap map);

/// The map that pairResults made `map` of.
std::optional<mlir::AffineMap> unpairResults(mlir::AffineMap map);

/// Shape of D x W elements in the last two dimensions for the stored one.
llvm::SmallVector<int64_t> unpairShape(llvm::ArrayRef<int64_t> shape);

} // namespace attn

#endif // ATTN_DIALECT_ATTN_PAIREDMAP_H
