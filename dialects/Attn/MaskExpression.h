//===- MaskExpression.h - a mask as it is written in an op ----------------===//

#ifndef ATTN_DIALECTS_ATTN_MASKEXPRESSION_H
#define ATTN_DIALECTS_ATTN_MASKEXPRESSION_H

#include "attn/Dialect/Attn/AttnDialect.h"
#include "mlir/IR/OpImplementation.h"

namespace attn {

struct MaskExpression {
  enum class Kind { Set, Blocks, And, Or, Not } kind = Kind::Set;
  mlir::Attribute mask;     ///< Set, Blocks
  unsigned firstSymbol = 0; ///< Set: of the symbols of the whole
  mlir::OpAsmParser::UnresolvedOperand lists = {}; ///< Blocks
  mlir::Type listsType;                            ///< Blocks
  std::vector<MaskExpression> children;            ///< And, Or, Not

  bool hasLists() const;
  /// Without lists.
  MaskAttrInterface attribute(mlir::MLIRContext *context) const;
};

/// Absent in front of what starts no mask.
mlir::OptionalParseResult parseMaskExpression(
    mlir::OpAsmParser &parser, MaskExpression &mask,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &symbols);

/// A mask with lists as a region, with the lists among what it captures. The
/// symbols are values of the region then, and no operands.
mlir::ParseResult writeMaskRegion(
    mlir::OpAsmParser &parser, const MaskExpression &mask,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &symbols,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &captured,
    llvm::SmallVectorImpl<mlir::Type> &types,
    llvm::SmallVectorImpl<mlir::Attribute> &maps, mlir::Region &region);

} // namespace attn

#endif // ATTN_DIALECTS_ATTN_MASKEXPRESSION_H
