//===- AttnOps.h - the ops of the attn dialect ----------------------------===//

#ifndef ATTN_DIALECT_ATTN_ATTNOPS_H
#define ATTN_DIALECT_ATTN_ATTNOPS_H

#include "attn/Dialect/Attn/AttnDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace attn {
class YieldOp;

// Upstream's PartialReductionOpInterface names these without a namespace.
using mlir::Location;
using mlir::MergeResult;
using mlir::ReductionTilingStrategy;
using mlir::SmallVector;
using mlir::TilingResult;
using mlir::Value;
using mlir::ValueRange;
} // namespace attn

#define GET_OP_CLASSES
#include "attn/Dialect/Attn/AttnOps.h.inc"

namespace attn {

/// The ops of RecurrenceOps.td, FeatureOps.td and LongConvOps.td: what is said
/// of a sequence by sums of its tokens.
bool isRecurrence(mlir::Operation *op);
/// Whether `operand` is state of a recurrence, which is read and written.
bool isState(mlir::OpOperand &operand);
/// What a recurrence computes in: f64 where an operand is of f64, else f32.
mlir::FloatType recurrenceType(mlir::Operation *op);

/// Elements of storage of a row of `elements`; dynamic where that is.
int64_t getPackedSize(Packing packing, int64_t elements);
} // namespace attn

#endif // ATTN_DIALECT_ATTN_ATTNOPS_H
