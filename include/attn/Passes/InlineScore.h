//===- InlineScore.h - score regions as scalar code -----------------------===//

#ifndef ATTN_PASSES_INLINESCORE_H
#define ATTN_PASSES_INLINESCORE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Region.h"

namespace attn {

/// Clones the body of the score region `score` at the insertion point, with
/// `arguments` (x, captured elements, b, h, i, j) for those of its block, and
/// returns what it yields. The arithmetic is done in `type`, which is at least
/// as wide as the type of x: floating-point values of the region become `type`,
/// so `arguments` that are floats must be of that type already; conversions
/// between such types disappear, rounding by `arith.truncf` with them.
mlir::Value inlineScore(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Region &score, mlir::ValueRange arguments,
                        mlir::FloatType type);

} // namespace attn

#endif // ATTN_PASSES_INLINESCORE_H
