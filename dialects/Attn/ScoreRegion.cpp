//===- ScoreRegion.cpp - what ops with a score region share ---------------===//

#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace attn {

LogicalResult verifyScore(Operation *op, Region &score, OperandRange captured,
                          ArrayAttr maps, FloatType type, ScoreLabels labels) {
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
  if (score.empty()) {
    if (!captured.empty()) {
      return op->emitOpError(
                 "expected a score region for the captured operands [")
             << labels.region << "]";
    }
    return success();
  }
  if (!score.hasOneBlock()) {
    return op->emitOpError("expected a score region of one block [")
           << labels.region << "]";
  }
  Block &block = score.front();
  SmallVector<Type> expected{type};
  for (Value value : captured) {
    expected.push_back(cast<ShapedType>(value.getType()).getElementType());
  }
  expected.append(4, IndexType::get(op->getContext()));
  if (block.getArgumentTypes() != TypeRange(expected)) {
    return op->emitOpError("expected the score region to take (")
           << expected << ") [" << labels.region << "]";
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().getTypes() != TypeRange{Type(type)}) {
    return op->emitOpError("expected the score region to yield one ")
           << type << " [" << labels.region << "]";
  }
  // What a pair reads must be known to tiling, which sees operands only.
  WalkResult walk = score.walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      if (isa<ShapedType>(operand.getType()) &&
          !isa<VectorType>(operand.getType()) &&
          !score.isAncestor(operand.getParentRegion())) {
        op->emitOpError("expected the score region to read tensors and memrefs "
                        "as captured operands only [")
            << labels.pure << "]";
        return WalkResult::interrupt();
      }
    }
    if (!isa<YieldOp>(inner) && !isMemoryEffectFree(inner)) {
      op->emitOpError("expected the score region to be free of side effects, "
                      "but got '")
          << inner->getName() << "' [" << labels.pure << "]";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
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
    AffineMapAttr map;
    if (parser.parseOperand(captured.emplace_back()) ||
        parser.parseKeyword("at") || parser.parseAttribute(map) ||
        parser.parseColonType(types.emplace_back())) {
      return failure();
    }
    parsed.push_back(map);
    return success();
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

ParseResult parseSource(OpAsmParser &parser, KeySourceAttr &source) {
  return parseKeyword<KeySource>(parser, source);
}

void printSource(OpAsmPrinter &printer, Operation *, KeySourceAttr source) {
  printer << stringifyKeySource(source.getValue());
}

void getDpsEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType())) {
      continue;
    }
    effects.emplace_back(MemoryEffects::Read::get(), &operand, /*stage=*/0,
                         /*effectOnFullRegion=*/true,
                         SideEffects::DefaultResource::get());
    if (op.isDpsInit(&operand)) {
      effects.emplace_back(MemoryEffects::Write::get(), &operand, /*stage=*/0,
                           /*effectOnFullRegion=*/true,
                           SideEffects::DefaultResource::get());
    }
  }
}

LogicalResult verifySemantics(DestinationStyleOpInterface op, StringRef label) {
  bool tensors = isa<TensorType>(op->getOperand(0).getType());
  for (Value operand : op->getOperands()) {
    Type type = operand.getType();
    if (isa<ShapedType>(type) && isa<TensorType>(type) != tensors) {
      return op->emitOpError(
                 "expected operands to be all tensors or all memrefs [")
             << label << "]";
    }
  }
  unsigned expected = tensors ? op.getNumDpsInits() : 0;
  if (op->getNumResults() != expected) {
    return op->emitOpError("expected ")
           << expected << " results, one a destination tensor, but got "
           << op->getNumResults() << " [" << label << "]";
  }
  for (auto [result, init] :
       llvm::zip(op->getResultTypes(), op.getDpsInits().getTypes())) {
    if (result != init) {
      return op->emitOpError("expected a result of the type of its "
                             "destination, ")
             << init << ", but got " << result << " [" << label << "]";
    }
  }
  return success();
}

} // namespace attn
