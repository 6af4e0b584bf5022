//===- MaskSyntax.cpp - masks with their symbols in ops -------------------===//
// mask ::= term (`or` term)*     term ::= factor (`and` factor)*
// factor ::= `not` factor | `(` mask `)` | attribute (`[` operands `]`)?
// A mask without symbols is printed as its attribute.
//===----------------------------------------------------------------------===//

#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnDialect.h"

using namespace mlir;

namespace attn {

namespace {

struct MaskParser {
  OpAsmParser &parser;
  SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols;
  bool isStarted = false, isAbsent = false;

  // Null after an error, or where nothing starts an expression.
  Attribute factor() {
    if (succeeded(parser.parseOptionalKeyword("not"))) {
      isStarted = true;
      SMLoc loc = parser.getCurrentLocation();
      Attribute mask = factor();
      return mask ? parser.getChecked<NotAttr>(loc, parser.getContext(), mask)
                  : Attribute();
    }
    if (succeeded(parser.parseOptionalLParen())) {
      isStarted = true;
      Attribute mask = any();
      return mask && succeeded(parser.parseRParen()) ? mask : Attribute();
    }
    Attribute mask;
    SMLoc loc = parser.getCurrentLocation();
    OptionalParseResult result = parser.parseOptionalAttribute(mask);
    isAbsent = !result.has_value() && !isStarted;
    if (!result.has_value() && isStarted) {
      parser.emitError(loc, "expected a mask");
    }
    if (!result.has_value() || failed(*result)) {
      return {};
    }
    isStarted = true;
    auto interface = dyn_cast<MaskAttrInterface>(mask);
    if (!interface) {
      parser.emitError(loc, "expected a mask, but got ") << mask;
      return {};
    }
    size_t before = symbols.size();
    if (parser.parseOperandList(symbols,
                                OpAsmParser::Delimiter::OptionalSquare)) {
      return {};
    }
    size_t expected = interface.getMaskSet().numSymbols;
    if (symbols.size() - before != expected) {
      parser.emitError(loc, "expected ")
          << expected << " symbols of " << mask << ", but got "
          << symbols.size() - before;
      return {};
    }
    return mask;
  }

  template <typename AttrT>
  Attribute list(StringRef keyword, function_ref<Attribute()> element) {
    SMLoc loc = parser.getCurrentLocation();
    SmallVector<Attribute> masks;
    do {
      masks.push_back(element());
      if (!masks.back()) {
        return {};
      }
    } while (succeeded(parser.parseOptionalKeyword(keyword)));
    return masks.size() == 1
               ? masks.front()
               : parser.getChecked<AttrT>(loc, parser.getContext(),
                                          ArrayRef<Attribute>(masks));
  }
  Attribute all() {
    return list<AndAttr>("and", [&] { return factor(); });
  }
  Attribute any() {
    return list<OrAttr>("or", [&] { return all(); });
  }
};

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

OptionalParseResult
parseMaskExpression(OpAsmParser &parser, MaskAttrInterface &mask,
                    SmallVectorImpl<OpAsmParser::UnresolvedOperand> &symbols) {
  MaskParser expression{parser, symbols};
  Attribute parsed = expression.any();
  if (expression.isAbsent) {
    return std::nullopt;
  }
  mask = dyn_cast_or_null<MaskAttrInterface>(parsed);
  return success(static_cast<bool>(parsed));
}

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
