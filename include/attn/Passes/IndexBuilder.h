//===- IndexBuilder.h - index arithmetic that folds as it is built --------===//

#ifndef ATTN_PASSES_INDEXBUILDER_H
#define ATTN_PASSES_INDEXBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace attn {

/// Index arithmetic on SSA values at one location. Constants fold, so that
/// static sizes stay visible to the passes that follow.
class IndexBuilder {
public:
  IndexBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::Value constant(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, loc, value);
  }
  mlir::Value value(mlir::OpFoldResult size);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// Quotients of values that are not negative.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value ceilDiv(mlir::Value a, int64_t b);
  /// `value` clamped to [low, high].
  mlir::Value clamp(mlir::Value value, mlir::Value low, mlir::Value high) {
    return min(max(value, low), high);
  }

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace attn

#endif // ATTN_PASSES_INDEXBUILDER_H
