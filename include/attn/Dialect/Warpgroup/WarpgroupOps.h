//===- WarpgroupOps.h - the warpgroup dialect -----------------------------===//

#ifndef ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_H
#define ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "attn/Dialect/Warpgroup/WarpgroupDialect.h.inc"
#include "attn/Dialect/Warpgroup/WarpgroupEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupTypes.h.inc"

namespace attn::warpgroup {

/// Rows of a warpgroup: those of one product.
inline constexpr int64_t kRows = 64;
/// Bytes of a row of a panel, unless its type says less: the widest swizzle of
/// the copy engine.
inline constexpr int64_t kPanelBytes = 128;
/// Bytes that swizzles move.
inline constexpr int64_t kChunkBytes = 16;
/// The longest step of a tensor map along a dimension, and what a box of it may
/// span.
inline constexpr int64_t kMapSteps = 8, kMapSpan = 256;

/// Columns of a panel of elements of `type`.
int64_t panelColumns(mlir::Type type, int64_t panelBytes = kPanelBytes);
/// Panels of the tiles of a ring.
int64_t panels(RingType ring);
/// Bytes of a panel of a ring.
int64_t bytesOfPanel(RingType ring);
/// What one instruction contracts of elements of `type`.
int64_t productDepth(mlir::Type type);
/// The element of a fragment or of rows.
mlir::Type elementType(mlir::Type registers);
/// Bytes of one stage of a ring.
int64_t stageBytes(RingType ring);

} // namespace attn::warpgroup

#define GET_OP_CLASSES
#include "attn/Dialect/Warpgroup/WarpgroupOps.h.inc"

#endif // ATTN_DIALECT_WARPGROUP_WARPGROUPOPS_H
