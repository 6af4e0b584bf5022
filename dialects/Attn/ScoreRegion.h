//===- ScoreRegion.h - what ops with score and mask regions share ---------===//

#ifndef ATTN_DIALECTS_ATTN_SCOREREGION_H
#define ATTN_DIALECTS_ATTN_SCOREREGION_H

#include "attn/Dialect/Attn/AttnDialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

namespace attn {

/// The constraints that `verifyScore` reports.
struct ScoreLabels {
  llvm::StringRef region;   ///< arguments and result of the region
  llvm::StringRef captured; ///< maps of captured operands
  llvm::StringRef pure;     ///< no other tensors, no side effects
};

/// Checks the score region and the captured operands of `op`.
mlir::LogicalResult verifyScore(mlir::Operation *op, mlir::Region &score,
                                mlir::OperandRange captured,
                                mlir::ArrayAttr maps, mlir::FloatType type,
                                ScoreLabels labels);
/// The same of the mask region.
mlir::LogicalResult verifyMaskRegion(mlir::Operation *op, mlir::Region &mask,
                                     mlir::OperandRange captured,
                                     mlir::ArrayAttr maps,
                                     llvm::ArrayRef<bool> ascending,
                                     ScoreLabels labels);

/// The flow of control of an op whose regions run once a pair, in any order, on
/// arguments that are no operands: into each, and on.
void getPairRegions(mlir::Operation *op, mlir::RegionBranchPoint point,
                    llvm::SmallVectorImpl<mlir::RegionSuccessor> &regions);

/// `mask(attribute)`, `mask(captured...) {region}`, or, with both,
/// `mask(attribute) and(captured...) {region}`. Absent where there is no
/// `mask`.
mlir::OptionalParseResult
parseMask(mlir::OpAsmParser &parser, MaskAttrInterface &mask,
          llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &symbols,
          llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &captured,
          llvm::SmallVectorImpl<mlir::Type> &types, mlir::ArrayAttr &maps,
          mlir::DenseBoolArrayAttr &ascending, mlir::Region &region);
void printMask(mlir::OpAsmPrinter &printer, mlir::Operation *op,
               MaskAttrInterface mask, mlir::OperandRange symbols,
               mlir::OperandRange captured, mlir::TypeRange types,
               mlir::ArrayAttr maps, mlir::DenseBoolArrayAttr ascending,
               mlir::Region &region);

/// Optional, and absent where there is no `score`.
mlir::OptionalParseResult parseScore(
    mlir::OpAsmParser &parser,
    llvm::SmallVectorImpl<mlir::OpAsmParser::UnresolvedOperand> &captured,
    llvm::SmallVectorImpl<mlir::Type> &types, mlir::ArrayAttr &maps,
    mlir::Region &score);
void printScore(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                mlir::OperandRange captured, mlir::TypeRange types,
                mlir::ArrayAttr maps, mlir::Region &score);

/// A mask as an expression of attributes (MaskSyntax.cpp).
void printMaskExpression(mlir::OpAsmPrinter &printer, MaskAttrInterface mask,
                         mlir::OperandRange symbols);

/// Reports `label` unless there is a value for each symbol of the mask.
mlir::LogicalResult verifyMaskSymbols(mlir::Operation *op,
                                      MaskAttrInterface mask,
                                      mlir::OperandRange symbols,
                                      llvm::StringRef label);

// Enumerations as bare keywords: the formats of the attributes themselves would
// put a space behind the parenthesis.
mlir::ParseResult parseLayout(mlir::OpAsmParser &parser, LayoutAttr &layout);
void printLayout(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                 LayoutAttr layout);
mlir::ParseResult parseRopePairs(mlir::OpAsmParser &parser,
                                 RopePairsAttr &pairs);
void printRopePairs(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                    RopePairsAttr pairs);
mlir::ParseResult parsePacking(mlir::OpAsmParser &parser, PackingAttr &packing);
void printPacking(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                  PackingAttr packing);
/// `, nhd`, or nothing for hnd.
mlir::ParseResult parsePageLayout(mlir::OpAsmParser &parser,
                                  PageLayoutAttr &layout);
void printPageLayout(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                     PageLayoutAttr layout);
/// `cu_seqlens(q, k : types)`, or of q alone.
mlir::OptionalParseResult
parseCuSeqlens(mlir::OpAsmParser &parser,
               std::optional<mlir::OpAsmParser::UnresolvedOperand> &queries,
               mlir::Type &queryType,
               std::optional<mlir::OpAsmParser::UnresolvedOperand> &keys,
               mlir::Type &keyType);
void printCuSeqlens(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                    mlir::Value queries, mlir::Type queryType, mlir::Value keys,
                    mlir::Type keyType);
mlir::ParseResult parseSource(mlir::OpAsmParser &parser, KeySourceAttr &source);
void printSource(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                 KeySourceAttr source);

/// Whether `value` has these sizes, as far as both are known.
bool hasShape(mlir::Value value, llvm::ArrayRef<int64_t> shape);

/// "equal or unknown" for sizes; a dynamic size matches anything here, and the
/// runtime checks it again.
inline bool compatible(int64_t a, int64_t b) {
  return mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b) ||
         a == b;
}

} // namespace attn

#endif // ATTN_DIALECTS_ATTN_SCOREREGION_H
