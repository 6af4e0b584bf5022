//===- AttnDialect.h - the attn dialect and its attributes ----------------===//

#ifndef ATTN_DIALECT_ATTN_ATTNDIALECT_H
#define ATTN_DIALECT_ATTN_ATTNDIALECT_H

#include "attn/Mask/MaskSet.h"
#include "attn/Reference/Rope.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/Dialect.h"

#include "attn/Dialect/Attn/AttnDialect.h.inc"
#include "attn/Dialect/Attn/AttnEnums.h.inc"
#include "attn/Dialect/Attn/AttnInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "attn/Dialect/Attn/AttnAttributes.h.inc"

namespace attn {

/// Registers the dialect and its external models (bufferization).
void registerDialect(mlir::DialectRegistry &registry);

/// `set` as an attribute of `#attn.set`s and what joins them; null for all
/// points. `symbols` becomes the number in `set` of each of its symbols.
MaskAttrInterface maskAttrOf(const MaskSet &set,
                             llvm::SmallVectorImpl<unsigned> &symbols);

/// Attaches the bufferization models of the ops of the dialect.
void registerBufferizableOpInterfaceModels(mlir::DialectRegistry &registry);

} // namespace attn

#endif // ATTN_DIALECT_ATTN_ATTNDIALECT_H
