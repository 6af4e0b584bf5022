//===- MaskSyntax.cpp - masks with their symbols in ops -------------------===//
// mask ::= term (`or` term)*     term ::= factor (`and` factor)*
// factor ::= `not` factor | `(` mask `)` | attribute (`[` operands `]`)?
//            | `#attn.blocks<c>` `(` operand `:` type `)`
// A mask without symbols is printed as its attribute; one with lists of blocks
// is a region.
//===----------------------------------------------------------------------===//

#include "MaskExpression.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn {

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {

using Kind = MaskExpression::Kind;

struct MaskParser {
  OpAsmParser &parser;
  SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols;
  bool isStarted = false, isAbsent = false;

  // mask: behind `#attn.blocks<c>`.
  ParseResult lists(MaskExpression &mask) {
    SMLoc loc = parser.getCurrentLocation();
    mask.kind = Kind::Blocks;
    if (parser.parseLParen() || parser.parseOperand(mask.lists) ||
        parser.parseColonType(mask.listsType) || parser.parseRParen()) {
      return failure();
    }
    auto type = dyn_cast<ShapedType>(mask.listsType);
    if (!type || !type.hasRank() || type.getRank() < 2 || type.getRank() > 4 ||
        type.isDynamicDim(type.getRank() - 1) ||
        !type.getElementType().isIntOrIndex()) {
      return parser.emitError(loc, "expected lists of blocks as integers, a "
                                   "known number for each block of queries, "
                                   "but got ")
             << mask.listsType;
    }
    return success();
  }

  // Fails after an error, or where nothing starts an expression.
  ParseResult factor(MaskExpression &mask) {
    if (succeeded(parser.parseOptionalKeyword("not"))) {
      isStarted = true;
      mask.kind = Kind::Not;
      return factor(mask.children.emplace_back());
    }
    if (succeeded(parser.parseOptionalLParen())) {
      isStarted = true;
      return failure(any(mask) || parser.parseRParen());
    }
    SMLoc loc = parser.getCurrentLocation();
    OptionalParseResult result = parser.parseOptionalAttribute(mask.mask);
    isAbsent = !result.has_value() && !isStarted;
    if (!result.has_value() && isStarted) {
      parser.emitError(loc, "expected a mask");
    }
    if (!result.has_value() || failed(*result)) {
      return failure();
    }
    isStarted = true;
    if (isa<BlocksAttr>(mask.mask)) {
      return lists(mask);
    }
    auto interface = dyn_cast<MaskAttrInterface>(mask.mask);
    if (!interface) {
      return parser.emitError(loc, "expected a mask, but got ") << mask.mask;
    }
    mask.firstSymbol = symbols.size();
    if (parser.parseOperandList(symbols,
                                OpAsmParser::Delimiter::OptionalSquare)) {
      return failure();
    }
    size_t expected = interface.getMaskSet().numSymbols;
    if (symbols.size() - mask.firstSymbol != expected) {
      return parser.emitError(loc, "expected ")
             << expected << " symbols of " << mask.mask << ", but got "
             << symbols.size() - mask.firstSymbol;
    }
    return success();
  }

  ParseResult list(MaskExpression &mask, Kind kind, StringRef keyword,
                   function_ref<ParseResult(MaskExpression &)> element) {
    do {
      if (element(mask.children.emplace_back())) {
        return failure();
      }
    } while (succeeded(parser.parseOptionalKeyword(keyword)));
    mask.kind = kind;
    if (mask.children.size() == 1) {
      MaskExpression only = std::move(mask.children.front());
      mask = std::move(only);
    }
    return success();
  }
  ParseResult all(MaskExpression &mask) {
    return list(mask, Kind::And, "and",
                [&](MaskExpression &child) { return factor(child); });
  }
  ParseResult any(MaskExpression &mask) {
    return list(mask, Kind::Or, "or",
                [&](MaskExpression &child) { return all(child); });
  }
};

} // namespace

bool MaskExpression::hasLists() const {
  return kind == Kind::Blocks ||
         llvm::any_of(children, [](const MaskExpression &child) {
           return child.hasLists();
         });
}

MaskAttrInterface MaskExpression::attribute(MLIRContext *context) const {
  SmallVector<Attribute> masks;
  for (const MaskExpression &child : children) {
    masks.push_back(child.attribute(context));
  }
  switch (kind) {
  case Kind::And:
    return cast<MaskAttrInterface>(AndAttr::get(context, masks));
  case Kind::Or:
    return cast<MaskAttrInterface>(OrAttr::get(context, masks));
  case Kind::Not:
    return cast<MaskAttrInterface>(NotAttr::get(context, masks.front()));
  default:
    return cast<MaskAttrInterface>(mask);
  }
}

OptionalParseResult
parseMaskExpression(OpAsmParser &parser, MaskExpression &mask,
                    SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols) {
  MaskParser expression{parser, symbols};
  ParseResult parsed = expression.any(mask);
  if (expression.isAbsent) {
    return std::nullopt;
  }
  return parsed;
}

//===----------------------------------------------------------------------===//
// Lists of blocks as a region
//===----------------------------------------------------------------------===//

namespace {

/// Writes the body of a mask region: (elements of the lists, b, h, i, j).
struct RegionWriter {
  OpBuilder &builder;
  Location loc;
  ValueRange symbols;
  ValueRange positions;
  ValueRange elements; ///< in the order of the lists, those of a list in a row
  unsigned nextElement = 0;

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value truth(bool value) {
    return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value));
  }
  Value join(bool isOr, Value a, Value b) {
    return isOr ? arith::OrIOp::create(builder, loc, a, b).getResult()
                : arith::AndIOp::create(builder, loc, a, b).getResult();
  }
  Value negate(Value a) {
    return arith::XOrIOp::create(builder, loc, a, truth(true));
  }

  Value set(const MaskSet &mask, unsigned firstSymbol) {
    bool isOr = mask.kind == MaskSet::Kind::Or;
    Value result;
    auto add = [&](Value next) {
      result = result ? join(isOr, result, next) : next;
    };
    for (const LinearForm &form : mask.constraints) {
      Value value = affine::expandAffineExpr(
          builder, loc, form.expr(mask.context), positions,
          symbols.slice(firstSymbol, mask.numSymbols));
      add(arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, value,
                                constant(0)));
    }
    for (const MaskSet &child : mask.children) {
      add(set(child, firstSymbol));
    }
    if (mask.kind == MaskSet::Kind::Not) {
      return negate(result);
    }
    return result ? result : truth(!isOr);
  }

  Value lists(const MaskExpression &mask) {
    auto type = cast<ShapedType>(mask.listsType);
    Value block = arith::FloorDivSIOp::create(
        builder, loc, positions[KeyDim],
        constant(cast<BlocksAttr>(mask.mask).getSize()));
    Type element = type.getElementType();
    if (!element.isIndex()) {
      block = arith::IndexCastOp::create(builder, loc, element, block);
    }
    Value result;
    for (int64_t n = 0; n < type.getDimSize(type.getRank() - 1); ++n) {
      Value same = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                         elements[nextElement++], block);
      result = result ? join(/*isOr=*/true, result, same) : same;
    }
    return result ? result : truth(false);
  }

  Value write(const MaskExpression &mask) {
    if (mask.kind == Kind::Blocks) {
      return lists(mask);
    }
    if (mask.kind == Kind::Set) {
      return set(cast<MaskAttrInterface>(mask.mask).getMaskSet(),
                 mask.firstSymbol);
    }
    Value result;
    for (const MaskExpression &child : mask.children) {
      Value next = write(child);
      result = result ? join(mask.kind == Kind::Or, result, next) : next;
    }
    return mask.kind == Kind::Not ? negate(result) : result;
  }
};

} // namespace

static void collectLists(const MaskExpression &mask,
                         SmallVectorImpl<const MaskExpression *> &lists) {
  if (mask.kind == Kind::Blocks) {
    lists.push_back(&mask);
  }
  for (const MaskExpression &child : mask.children) {
    collectLists(child, lists);
  }
}

// ((b, h, or h)?, i floordiv c, n)
static AffineMap listMap(const MaskExpression &mask, int64_t n) {
  MLIRContext *context = mask.mask.getContext();
  SmallVector<AffineExpr> results;
  int64_t rank = cast<ShapedType>(mask.listsType).getRank();
  if (rank == 4) {
    results.push_back(getAffineDimExpr(BatchDim, context));
  }
  if (rank >= 3) {
    results.push_back(getAffineDimExpr(HeadDim, context));
  }
  results.push_back(getAffineDimExpr(QueryDim, context)
                        .floorDiv(cast<BlocksAttr>(mask.mask).getSize()));
  results.push_back(getAffineConstantExpr(n, context));
  return AffineMap::get(4, 0, results, context);
}

ParseResult
writeMaskRegion(OpAsmParser &parser, const MaskExpression &mask,
                SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols,
                SmallVectorImpl<OpAsmParser::UnresolvedOperand> &captured,
                SmallVectorImpl<Type> &types, SmallVectorImpl<Attribute> &maps,
                Region &region) {
  OpBuilder builder(parser.getContext());
  Location loc = parser.getEncodedSourceLoc(parser.getCurrentLocation());
  SmallVector<Value> values;
  for (const OpAsmParser::UnresolvedOperand &symbol : symbols) {
    if (parser.resolveOperand(symbol, builder.getIndexType(), values)) {
      return failure();
    }
  }
  symbols.clear();
  Block *block = builder.createBlock(&region);
  SmallVector<const MaskExpression *> lists;
  collectLists(mask, lists);
  for (const MaskExpression *list : lists) {
    auto type = cast<ShapedType>(list->listsType);
    for (int64_t n = 0; n < type.getDimSize(type.getRank() - 1); ++n) {
      captured.push_back(list->lists);
      types.push_back(type);
      maps.push_back(AffineMapAttr::get(listMap(*list, n)));
      block->addArgument(type.getElementType(), loc);
    }
  }
  size_t elements = block->getNumArguments();
  for (unsigned d = 0; d < 4; ++d) {
    block->addArgument(builder.getIndexType(), loc);
  }
  RegionWriter writer{builder, loc, values,
                      block->getArguments().drop_front(elements),
                      block->getArguments().take_front(elements)};
  YieldOp::create(builder, loc, writer.write(mask));
  return success();
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

namespace {

struct MaskPrinter {
  OpAsmPrinter &printer;
  OperandRange symbols;

  void print(Attribute mask) {
    unsigned count = cast<MaskAttrInterface>(mask).getMaskSet().numSymbols;
    auto list = [&](ArrayRef<Attribute> masks, StringRef keyword) {
      llvm::interleave(
          masks, [&](Attribute child) { nested(child); },
          [&] { printer << " " << keyword << " "; });
    };
    // One child has no syntax of its own.
    if (auto any = dyn_cast<OrAttr>(mask);
        any && count > 0 && any.getMasks().size() > 1) {
      return list(any.getMasks(), "or");
    }
    if (auto all = dyn_cast<AndAttr>(mask);
        all && count > 0 && all.getMasks().size() > 1) {
      return list(all.getMasks(), "and");
    }
    if (auto complement = dyn_cast<NotAttr>(mask); complement && count > 0) {
      printer << "not ";
      return nested(complement.getMask());
    }
    printer << mask;
    if (count > 0) {
      printer << "[";
      printer.printOperands(symbols.take_front(count));
      printer << "]";
      symbols = symbols.drop_front(count);
    }
  }

  void nested(Attribute mask) {
    bool isList = isa<OrAttr, AndAttr>(mask) &&
                  cast<MaskAttrInterface>(mask).getMaskSet().numSymbols > 0;
    printer << (isList ? "(" : "");
    print(mask);
    printer << (isList ? ")" : "");
  }
};

} // namespace

void printMaskExpression(OpAsmPrinter &printer, MaskAttrInterface mask,
                         OperandRange symbols) {
  MaskPrinter{printer, symbols}.print(mask);
}

LogicalResult verifyMaskSymbols(Operation *op, MaskAttrInterface mask,
                                OperandRange symbols, StringRef label) {
  size_t expected = mask ? mask.getMaskSet().numSymbols : 0;
  if (symbols.size() != expected) {
    return op->emitOpError("expected an operand for each of the ")
           << expected << " symbols of the mask, but got " << symbols.size()
           << " [" << label << "]";
  }
  return success();
}

} // namespace attn
