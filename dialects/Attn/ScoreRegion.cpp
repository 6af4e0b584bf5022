//===- ScoreRegion.cpp - what ops with score and mask regions share -------===//

#include "ScoreRegion.h"
#include "MaskExpression.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace attn {

// A region of `kind` ("score", "mask") that takes `leading`, an element of each
// captured operand and (b, h, i, j), and yields a `result`.
static LogicalResult verifyRegion(Operation *op, StringRef kind, Region &region,
                                  TypeRange leading, Type result,
                                  OperandRange captured, ArrayAttr maps,
                                  ScoreLabels labels) {
  if (maps.size() != captured.size()) {
    return op->emitOpError("expected one map a captured operand, but got ")
           << maps.size() << " for " << captured.size() << " ["
           << labels.captured << "]";
  }
  for (auto [value, attr] : llvm::zip_equal(captured, maps)) {
    AffineMap map = cast<AffineMapAttr>(attr).getValue();
    auto shape = cast<ShapedType>(value.getType());
    if (map.getNumDims() != 4 || map.getNumSymbols() != 0 ||
        map.getNumResults() != static_cast<unsigned>(shape.getRank())) {
      return op->emitOpError("expected the map of a captured operand to send "
                             "(b, h, i, j) to its ")
             << shape.getRank() << " dimensions, but got "
             << AffineMapAttr::get(map) << " [" << labels.captured << "]";
    }
  }
  if (region.empty()) {
    if (!captured.empty()) {
      return op->emitOpError("expected a ")
             << kind << " region for the captured operands [" << labels.region
             << "]";
    }
    return success();
  }
  if (!region.hasOneBlock()) {
    return op->emitOpError("expected a ")
           << kind << " region of one block [" << labels.region << "]";
  }
  Block &block = region.front();
  SmallVector<Type> expected(leading);
  for (Value value : captured) {
    expected.push_back(cast<ShapedType>(value.getType()).getElementType());
  }
  expected.append(4, IndexType::get(op->getContext()));
  if (block.getArgumentTypes() != TypeRange(expected)) {
    return op->emitOpError("expected the ")
           << kind << " region to take (" << expected << ") [" << labels.region
           << "]";
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().getTypes() != TypeRange{result}) {
    return op->emitOpError("expected the ")
           << kind << " region to yield one " << result << " [" << labels.region
           << "]";
  }
  // What a pair reads must be known to tiling, which sees operands only.
  WalkResult walk = region.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      if (isa<ShapedType>(operand.getType()) &&
          !isa<VectorType>(operand.getType()) &&
          !region.isAncestor(operand.getParentRegion())) {
        op->emitOpError("expected the ")
            << kind << " region to read tensors and memrefs as captured "
            << "operands only [" << labels.pure << "]";
        return WalkResult::interrupt();
      }
    }
    if (!isa<YieldOp>(inner) && !isMemoryEffectFree(inner)) {
      op->emitOpError("expected the ")
          << kind << " region to be free of side effects, but got '"
          << inner->getName() << "' [" << labels.pure << "]";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

LogicalResult verifyScore(Operation *op, Region &score, OperandRange captured,
                          ArrayAttr maps, FloatType type, ScoreLabels labels) {
  return verifyRegion(op, "score", score, Type(type), type, captured, maps,
                      labels);
}

LogicalResult verifyMaskRegion(Operation *op, Region &mask,
                               OperandRange captured, ArrayAttr maps,
                               ArrayRef<bool> ascending, ScoreLabels labels) {
  if (!ascending.empty() && ascending.size() != captured.size()) {
    return op->emitOpError("expected one mark 'ascending' a captured operand "
                           "of the mask region, or none, but got ")
           << ascending.size() << " for " << captured.size() << " ["
           << labels.captured << "]";
  }
  return verifyRegion(op, "mask", mask, {},
                      IntegerType::get(op->getContext(), 1), captured, maps,
                      labels);
}

void getPairRegions(Operation *op, RegionBranchPoint point,
                    SmallVectorImpl<RegionSuccessor> &regions) {
  if (point.isParent()) {
    for (Region &region : op->getRegions()) {
      if (!region.empty()) {
        regions.emplace_back(&region);
      }
    }
  }
  regions.emplace_back(op, op->getResults().take_front(0));
}

// %t at map (ascending)? : type
static ParseResult
parseCaptured(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &captured,
              SmallVectorImpl<Type> &types, SmallVectorImpl<Attribute> &maps,
              SmallVectorImpl<bool> *ascending) {
  AffineMapAttr map;
  if (parser.parseOperand(captured.emplace_back()) ||
      parser.parseKeyword("at") || parser.parseAttribute(map)) {
    return failure();
  }
  maps.push_back(map);
  if (ascending) {
    ascending->push_back(succeeded(parser.parseOptionalKeyword("ascending")));
  }
  return parser.parseColonType(types.emplace_back());
}

// score (`(` %t `at` map `:` type (`,` ...)* `)`)? region
OptionalParseResult
parseScore(OpAsmParser &parser,
           SmallVectorImpl<OpAsmParser::UnresolvedOperand> &captured,
           SmallVectorImpl<Type> &types, ArrayAttr &maps, Region &score) {
  if (failed(parser.parseOptionalKeyword("score"))) {
    return std::nullopt;
  }
  SmallVector<Attribute> parsed;
  auto parseOne = [&]() -> ParseResult {
    return parseCaptured(parser, captured, types, parsed, nullptr);
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::OptionalParen,
                                     parseOne) ||
      parser.parseRegion(score)) {
    return failure();
  }
  maps = parser.getBuilder().getArrayAttr(parsed);
  return success();
}

void printScore(OpAsmPrinter &printer, Operation *op, OperandRange captured,
                TypeRange types, ArrayAttr maps, Region &score) {
  if (score.empty()) {
    return;
  }
  printer << "score";
  if (!captured.empty()) {
    printer << " (";
    llvm::interleaveComma(
        llvm::zip_equal(captured, maps), printer, [&](auto pair) {
          auto [value, map] = pair;
          printer << value << " at " << map << " : " << value.getType();
        });
    printer << ")";
  }
  printer << " ";
  printer.printRegion(score);
}

// mask (attribute in parentheses (and)?)? (captured operands, region)?
OptionalParseResult
parseMask(OpAsmParser &parser, MaskAttrInterface &mask,
          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols,
          SmallVectorImpl<OpAsmParser::UnresolvedOperand> &captured,
          SmallVectorImpl<Type> &types, ArrayAttr &maps,
          DenseBoolArrayAttr &ascending, Region &region) {
  if (failed(parser.parseOptionalKeyword("mask"))) {
    return std::nullopt;
  }
  SmallVector<Attribute> parsed;
  SmallVector<bool> marks;
  auto parseOne = [&]() -> ParseResult {
    return parseCaptured(parser, captured, types, parsed, &marks);
  };
  bool hasRegion = true, isOpen = succeeded(parser.parseOptionalLParen());
  if (isOpen) {
    MaskExpression expression;
    OptionalParseResult result =
        parseMaskExpression(parser, expression, symbols);
    if (result.has_value()) {
      if (failed(*result) || parser.parseRParen()) {
        return failure();
      }
      SMLoc loc = parser.getCurrentLocation();
      hasRegion = succeeded(parser.parseOptionalKeyword("and"));
      if (!expression.hasLists()) {
        mask = expression.attribute(parser.getContext());
      } else if (hasRegion) {
        return parser.emitError(loc, "expected no region beside lists of "
                                     "blocks, which are one");
      } else if (writeMaskRegion(parser, expression, symbols, captured, types,
                                 parsed, region)) {
        return failure();
      }
      isOpen = hasRegion && succeeded(parser.parseOptionalLParen());
    }
  }
  if (isOpen &&
      (parser.parseCommaSeparatedList(parseOne) || parser.parseRParen())) {
    return failure();
  }
  if (hasRegion && parser.parseRegion(region)) {
    return failure();
  }
  maps = parser.getBuilder().getArrayAttr(parsed);
  ascending = parser.getBuilder().getDenseBoolArrayAttr(
      llvm::is_contained(marks, true) ? ArrayRef<bool>(marks)
                                      : ArrayRef<bool>());
  return success();
}

void printMask(OpAsmPrinter &printer, Operation *op, MaskAttrInterface mask,
               OperandRange symbols, OperandRange captured, TypeRange types,
               ArrayAttr maps, DenseBoolArrayAttr ascending, Region &region) {
  if (!mask && region.empty()) {
    return;
  }
  printer << "mask";
  if (mask) {
    printer << "(";
    printMaskExpression(printer, mask, symbols);
    printer << ")";
  }
  if (region.empty()) {
    return;
  }
  printer << (mask ? " and" : "");
  if (!captured.empty()) {
    ArrayRef<bool> marks = ascending.asArrayRef();
    printer << "(";
    for (auto [n, value] : llvm::enumerate(captured)) {
      printer << (n ? ", " : "") << value << " at " << maps[n]
              << (!marks.empty() && marks[n] ? " ascending" : "") << " : "
              << value.getType();
    }
    printer << ")";
  }
  printer << " ";
  printer.printRegion(region);
}

template <typename EnumT, typename AttrT>
static ParseResult parseKeyword(OpAsmParser &parser, AttrT &attribute) {
  FailureOr<EnumT> value = FieldParser<EnumT>::parse(parser);
  if (failed(value)) {
    return failure();
  }
  attribute = AttrT::get(parser.getContext(), *value);
  return success();
}

ParseResult parseLayout(OpAsmParser &parser, LayoutAttr &layout) {
  return parseKeyword<Layout>(parser, layout);
}

void printLayout(OpAsmPrinter &printer, Operation *, LayoutAttr layout) {
  printer << stringifyLayout(layout.getValue());
}

ParseResult parseRopePairs(OpAsmParser &parser, RopePairsAttr &pairs) {
  return parseKeyword<RopePairs>(parser, pairs);
}

void printRopePairs(OpAsmPrinter &printer, Operation *, RopePairsAttr pairs) {
  printer << stringifyRopePairs(pairs.getValue());
}

ParseResult parsePacking(OpAsmParser &parser, PackingAttr &packing) {
  return parseKeyword<Packing>(parser, packing);
}

void printPacking(OpAsmPrinter &printer, Operation *, PackingAttr packing) {
  printer << stringifyPacking(packing.getValue());
}

ParseResult parsePageLayout(OpAsmParser &parser, PageLayoutAttr &layout) {
  if (succeeded(parser.parseOptionalComma())) {
    return parseKeyword<PageLayout>(parser, layout);
  }
  layout = PageLayoutAttr::get(parser.getContext(), PageLayout::HND);
  return success();
}

void printPageLayout(OpAsmPrinter &printer, Operation *,
                     PageLayoutAttr layout) {
  if (layout.getValue() != PageLayout::HND) {
    printer << ", " << stringifyPageLayout(layout.getValue());
  }
}

OptionalParseResult parseCuSeqlens(
    OpAsmParser &parser, std::optional<OpAsmParser::UnresolvedOperand> &queries,
    Type &queryType, std::optional<OpAsmParser::UnresolvedOperand> &keys,
    Type &keyType) {
  if (failed(parser.parseOptionalKeyword("cu_seqlens"))) {
    return std::nullopt;
  }
  queries.emplace();
  if (parser.parseLParen() || parser.parseOperand(*queries)) {
    return ParseResult(failure());
  }
  if (succeeded(parser.parseOptionalComma())) {
    keys.emplace();
    if (parser.parseOperand(*keys)) {
      return ParseResult(failure());
    }
  }
  if (parser.parseColonType(queryType) ||
      (keys && (parser.parseComma() || parser.parseType(keyType)))) {
    return ParseResult(failure());
  }
  return parser.parseRParen();
}

void printCuSeqlens(OpAsmPrinter &printer, Operation *, Value queries,
                    Type queryType, Value keys, Type keyType) {
  printer << "cu_seqlens(" << queries;
  if (keys) {
    printer << ", " << keys;
  }
  printer << " : " << queryType;
  if (keys) {
    printer << ", " << keyType;
  }
  printer << ')';
}

bool hasShape(Value value, ArrayRef<int64_t> shape) {
  auto type = cast<ShapedType>(value.getType());
  return type.getRank() == static_cast<int64_t>(shape.size()) &&
         llvm::all_of(llvm::zip(type.getShape(), shape), [](auto pair) {
           return compatible(std::get<0>(pair), std::get<1>(pair));
         });
}

ParseResult parseSource(OpAsmParser &parser, KeySourceAttr &source) {
  return parseKeyword<KeySource>(parser, source);
}

void printSource(OpAsmPrinter &printer, Operation *, KeySourceAttr source) {
  printer << stringifyKeySource(source.getValue());
}

} // namespace attn
