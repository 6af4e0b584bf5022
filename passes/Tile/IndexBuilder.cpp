//===- IndexBuilder.cpp - index arithmetic that folds as it is built ------===//

#include "attn/Passes/IndexBuilder.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace attn {

Value IndexBuilder::value(OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(builder, loc, size);
}

static bool isConstant(Value value, int64_t constant) {
  return getConstantIntValue(value) == constant;
}

Value IndexBuilder::add(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value IndexBuilder::add(Value a, int64_t b) {
  return b == 0 ? a : add(a, constant(b));
}
Value IndexBuilder::sub(Value a, Value b) {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value IndexBuilder::mul(Value a, Value b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, b);
}
Value IndexBuilder::mul(Value a, int64_t b) {
  return b == 1 ? a : mul(a, constant(b));
}
Value IndexBuilder::min(Value a, Value b) {
  return a == b ? a : builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value IndexBuilder::max(Value a, Value b) {
  return a == b ? a : builder.createOrFold<arith::MaxSIOp>(loc, a, b);
}
Value IndexBuilder::div(Value a, Value b) {
  return isConstant(b, 1) ? a : builder.createOrFold<arith::DivUIOp>(loc, a, b);
}
Value IndexBuilder::div(Value a, int64_t b) {
  return b == 1 ? a : div(a, constant(b));
}
Value IndexBuilder::ceilDiv(Value a, int64_t b) {
  return b == 1 ? a : div(add(a, b - 1), b);
}

} // namespace attn
