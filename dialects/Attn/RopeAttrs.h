//===- RopeAttrs.h - syntax of the scalings of rotary positions -----------===//

#ifndef ATTN_DIALECTS_ATTN_ROPEATTRS_H
#define ATTN_DIALECTS_ATTN_ROPEATTRS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

namespace attn {

/// A number as an attribute of f64, printed without its type.
mlir::ParseResult parseNumber(mlir::AsmParser &parser, mlir::FloatAttr &value);
void printNumber(mlir::AsmPrinter &printer, mlir::FloatAttr value);

/// `, beta_fast = 32.0` and so on, those that differ from the defaults.
mlir::ParseResult
parseYarnOptions(mlir::AsmParser &parser, mlir::FloatAttr &betaFast,
                 mlir::FloatAttr &betaSlow, mlir::FloatAttr &attentionFactor,
                 mlir::FloatAttr &mscale, mlir::FloatAttr &mscaleAllDim);
void printYarnOptions(mlir::AsmPrinter &printer, mlir::FloatAttr betaFast,
                      mlir::FloatAttr betaSlow, mlir::FloatAttr attentionFactor,
                      mlir::FloatAttr mscale, mlir::FloatAttr mscaleAllDim);

} // namespace attn

#endif // ATTN_DIALECTS_ATTN_ROPEATTRS_H
