//===- TileOps.cpp - what tiling makes of attention -----------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "attn/Dialect/Attn/PairedMap.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace attn;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

//===----------------------------------------------------------------------===//
// KeyLoopOp
//===----------------------------------------------------------------------===//

// kind %lower to %upper (, kind %lower to %upper)*
static ParseResult
parseSegments(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &lower,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &upper,
              DenseI32ArrayAttr &kinds) {
  SmallVector<int32_t> parsed;
  auto parseOne = [&]() -> ParseResult {
    StringRef keyword;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword)) {
      return failure();
    }
    std::optional<SegmentKind> kind = symbolizeSegmentKind(keyword);
    if (!kind) {
      return parser.emitError(loc, "expected 'partial' or 'full'");
    }
    parsed.push_back(static_cast<int32_t>(*kind));
    return failure(parser.parseOperand(lower.emplace_back()) ||
                   parser.parseKeyword("to") ||
                   parser.parseOperand(upper.emplace_back()));
  };
  if (parser.parseCommaSeparatedList(parseOne)) {
    return failure();
  }
  kinds = parser.getBuilder().getDenseI32ArrayAttr(parsed);
  return success();
}

static void printSegments(OpAsmPrinter &printer, Operation *op,
                          OperandRange lower, OperandRange upper,
                          DenseI32ArrayAttr kinds) {
  llvm::interleaveComma(llvm::zip_equal(lower, upper, kinds.asArrayRef()),
                        printer, [&](auto segment) {
                          auto [lo, hi, kind] = segment;
                          printer << stringifySegmentKind(
                                         static_cast<SegmentKind>(kind))
                                  << " " << lo << " to " << hi;
                        });
}

YieldOp KeyLoopOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

LogicalResult KeyLoopOp::verify() {
  if (getKinds().size() != getLower().size() ||
      getLower().size() != getUpper().size() ||
      llvm::any_of(getKinds(), [](int32_t kind) {
        return !symbolizeSegmentKind(static_cast<uint32_t>(kind));
      })) {
    return emitOpError("expected as many segment kinds as lower and upper "
                       "bounds [key_loop_c1]");
  }
  bool pages = getSource() == KeySource::Pages;
  SmallVector<Type> expected(pages ? 3 : 2, IndexType::get(getContext()));
  llvm::append_range(expected, getInits().getTypes());
  auto yield = getBody().empty()
                   ? YieldOp()
                   : dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || getBody().getArgumentTypes() != TypeRange(expected) ||
      yield.getValues().getTypes() != getInits().getTypes() ||
      getResultTypes() != getInits().getTypes()) {
    return emitOpError("expected a body that takes (")
           << expected
           << ") and yields the carried types, which are those of the results "
              "[key_loop_c2]";
  }
  if (static_cast<bool>(getList()) != (getSource() != KeySource::Slice)) {
    return emitOpError("expected 'list' with source pages or tiles, and not "
                       "with slice [key_loop_c3]");
  }
  if (pages != static_cast<bool>(getPageSizeAttr()) ||
      (pages && *getPageSize() <= 0)) {
    return emitOpError("expected a positive 'page_size' with source pages, and "
                       "with no other [key_loop_c4]");
  }
  if ((getSource() == KeySource::Tiles) != static_cast<bool>(getLimit())) {
    return emitOpError(
        "expected 'limit' with source tiles, and with no other [key_loop_c5]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// OnlineAttentionOp
//===----------------------------------------------------------------------===//

MutableOperandRange OnlineAttentionOp::getDpsInitsMutable() {
  unsigned start = getAccMutable().getOperandNumber();
  return MutableOperandRange(getOperation(), start, 3);
}

ATTN_DESTINATIONS(OnlineAttentionOp)

void OnlineAttentionOp::getSuccessorRegions(
    RegionBranchPoint point, SmallVectorImpl<RegionSuccessor> &regions) {
  getPairRegions(getOperation(), point, regions);
}

FloatType OnlineAttentionOp::getAccumulatorType() {
  return cast<FloatType>(shaped(getMax()).getElementType());
}

void OnlineAttentionOp::dropMask() {
  removeMaskAttr();
  getMaskSymbolsMutable().clear();
  getMaskRegion().getBlocks().clear();
  getMaskCapturedMutable().clear();
  setMaskMapsAttr(ArrayAttr::get(getContext(), {}));
  setMaskAscending({});
}

double OnlineAttentionOp::getScaleValue() {
  return cast<FloatAttr>(getScale()).getValueAsDouble();
}

OnlineAttentionOp::Dims OnlineAttentionOp::getDims() {
  enum { Q, K, V, Acc, Max };
  Dims dims;
  auto uses = [&](unsigned map, unsigned dim) {
    return getMap(map).isFunctionOfDim(dim);
  };
  for (AffineExpr expr : getMap(Max).getResults()) {
    dims.rows.push_back(cast<AffineDimExpr>(expr).getPosition());
  }
  for (unsigned d = 0; d < getMap(Q).getNumDims(); ++d) {
    if (uses(K, d) && uses(V, d)) {
      dims.keys.push_back(d);
    } else if (uses(Q, d) && uses(K, d)) {
      dims.contraction.push_back(d);
    } else if (uses(V, d) && uses(Acc, d)) {
      dims.value.push_back(d);
    }
  }
  return dims;
}

LogicalResult OnlineAttentionOp::verify() {
  if (failed(verifySemantics(*this, "online_attention_c5"))) {
    return failure();
  }
  Value operands[] = {getQ(), getK(), getV(), getAcc(), getMax(), getSum()};
  if (getIndexingMaps().size() != 6) {
    return emitOpError("expected six indexing maps, but got ")
           << getIndexingMaps().size() << " [online_attention_c1]";
  }
  unsigned space = getMap(0).getNumDims();
  // Of q with its pairs, if any, side by side.
  SmallVector<AffineMap> maps;
  SmallVector<SmallVector<int64_t>> shapes;
  for (unsigned i = 0; i < 6; ++i) {
    maps.push_back(getMap(i));
    shapes.emplace_back(shaped(operands[i]).getShape());
  }
  if (std::optional<AffineMap> plain = unpairResults(maps[0])) {
    maps[0] = *plain;
    shapes[0] = unpairShape(shapes[0]);
  }
  for (unsigned i = 0; i < 6; ++i) {
    AffineMap map = maps[i];
    if (map.getNumDims() != space || map.getNumSymbols() != 0 ||
        !map.isProjectedPermutation() ||
        map.getNumResults() != shaped(operands[i]).getRank()) {
      return emitOpError("expected indexing map ")
             << i << " to be a projected permutation of one iteration space "
             << "for rank " << shaped(operands[i]).getRank() << ", but got "
             << AffineMapAttr::get(getMap(i)) << " [online_attention_c1]";
    }
  }
  Dims dims = getDims();
  auto uses = [&](unsigned map, unsigned d) {
    return getMap(map).isFunctionOfDim(d);
  };
  bool rolesFit = dims.keys.size() == 1 && dims.contraction.size() == 1 &&
                  dims.value.size() == 1 && !dims.rows.empty() &&
                  dims.rows.size() + 3 == space && getMap(4) == getMap(5);
  for (unsigned row : dims.rows) {
    rolesFit &= uses(0, row) && uses(3, row) && !uses(1, row) && !uses(2, row);
  }
  if (rolesFit) {
    rolesFit = getMap(0).getNumResults() == dims.rows.size() + 1 &&
               getMap(3).getNumResults() == dims.rows.size() + 1 &&
               getMap(1).getNumResults() == 2 && getMap(2).getNumResults() == 2;
  }
  if (!rolesFit) {
    return emitOpError("expected row dimensions (in q, acc, max and sum), and "
                       "one dimension each of n (k and v), d (q and k) and e "
                       "(v and acc) [online_attention_c2]");
  }
  SmallVector<int64_t> sizes(space, ShapedType::kDynamic);
  for (unsigned i = 0; i < 6; ++i) {
    for (auto [expr, size] : llvm::zip_equal(maps[i].getResults(), shapes[i])) {
      int64_t &known = sizes[cast<AffineDimExpr>(expr).getPosition()];
      if (!compatible(known, size)) {
        return emitOpError("expected equal sizes along iterator ")
               << cast<AffineDimExpr>(expr).getPosition() << ", but got "
               << known << " and " << size << " [online_attention_c3]";
      }
      known = ShapedType::isDynamic(known) ? size : known;
    }
  }
  AffineMap rows = getRowMap();
  if (rows.getNumDims() != dims.rows.size() || rows.getNumSymbols() != 0 ||
      rows.getNumResults() != 2) {
    return emitOpError("expected 'row_map' to send ")
           << dims.rows.size() << " row dimensions to (head, query) offsets, "
           << "but got " << AffineMapAttr::get(rows)
           << " [online_attention_c4]";
  }
  Type element = shaped(getQ()).getElementType();
  Type state = shaped(getMax()).getElementType();
  // A packed q may already be in the accumulation type.
  bool statesFit = shaped(getAcc()).getElementType() == state &&
                   shaped(getSum()).getElementType() == state;
  bool inputsFit =
      shaped(getK()).getElementType() == shaped(getV()).getElementType() &&
      (element == shaped(getK()).getElementType() || element == state);
  if (!statesFit || !inputsFit) {
    return emitOpError("expected one element type for 'q', 'k' and 'v' and one "
                       "for the state [online_attention_c6]");
  }
  if (getTf32() && !shaped(getK()).getElementType().isF32()) {
    return emitOpError("expected operands of f32 with 'tf32', but got ")
           << shaped(getK()).getElementType() << " [online_attention_c10]";
  }
  if (failed(verifyMaskSymbols(getOperation(), getMaskAttr(), getMaskSymbols(),
                               "online_attention_c9"))) {
    return failure();
  }
  if (failed(verifyScore(getOperation(), getScore(), getCaptured(),
                         getCapturedMaps(), getAccumulatorType(),
                         {"online_attention_c7", "online_attention_c7",
                          "online_attention_c7"}))) {
    return failure();
  }
  return verifyMaskRegion(
      getOperation(), getMaskRegion(), getMaskCaptured(), getMaskMaps(),
      getMaskAscending(),
      {"online_attention_c8", "online_attention_c8", "online_attention_c8"});
}

//===----------------------------------------------------------------------===//
// PackRowsOp
//===----------------------------------------------------------------------===//

MutableOperandRange PackRowsOp::getDpsInitsMutable() {
  return MutableOperandRange(getDestMutable());
}

void PackRowsOp::getEffects(Effects &effects) {
  getDpsEffects(getOperation(), effects);
}

LogicalResult PackRowsOp::verify() {
  AffineMap rows = getRowMap(), source = getSourceMap(), dest = getDestMap();
  std::optional<AffineMap> plain = unpairResults(dest);
  dest = plain.value_or(dest);
  auto permutesThree = [](AffineMap map, Value operand) {
    return map.isPermutation() && map.getNumDims() == 3 &&
           shaped(operand).getRank() == 3;
  };
  if (rows.getNumInputs() != 2 || rows.getNumDims() != 2 ||
      rows.getNumResults() != 2 || !permutesThree(source, getSource()) ||
      !permutesThree(dest, getDest())) {
    return emitOpError("expected 'row_map' to be (p, w) -> (g, m), and "
                       "'source_map' and 'dest_map' to permute the dimensions "
                       "of operands of rank 3 [pack_rows_c1]");
  }
  if (failed(verifySemantics(*this, "pack_rows_c2"))) {
    return failure();
  }
  auto headSize = [&](AffineMap map, Value operand) {
    return shaped(operand).getDimSize(
        *map.getResultPosition(getAffineDimExpr(2, getContext())));
  };
  int64_t from = headSize(source, getSource()), to = headSize(dest, getDest());
  if (plain && !ShapedType::isDynamic(to)) {
    to *= 2;
  }
  if (!compatible(from, to)) {
    return emitOpError("expected 'source' and 'dest' to have equal head sizes, "
                       "but got ")
           << from << " and " << to << " [pack_rows_c3]";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// FinalizeStateOp
//===----------------------------------------------------------------------===//

MutableOperandRange FinalizeStateOp::getDpsInitsMutable() {
  return getOutsMutable();
}

ATTN_DESTINATIONS(FinalizeStateOp)

LogicalResult FinalizeStateOp::verify() {
  unsigned rows = shaped(getMax()).getRank();
  if (getOuts().empty() || getOuts().size() > 2) {
    return emitOpError("expected one or two destinations, 'out' and 'lse', but "
                       "got ")
           << getOuts().size() << " [finalize_state_c1]";
  }
  if (!getStateMap().isPermutation() ||
      getStateMap().getNumDims() != rows + 1 ||
      getRowMap().getNumInputs() != rows || getRowMap().getNumDims() != rows ||
      getRowMap().getNumResults() != 2 || !getOutMap().isPermutation() ||
      getOutMap().getNumDims() != 3 || shaped(getOut()).getRank() != 3) {
    return emitOpError("expected 'state_map', 'row_map' and 'out_map' to fit ")
           << rows << " row dimensions and an output of rank 3 "
           << "[finalize_state_c1]";
  }
  if (failed(verifySemantics(*this, "finalize_state_c2"))) {
    return failure();
  }
  // Buffers may differ in layout.
  if (shaped(getMax()).getShape() != shaped(getSum()).getShape() ||
      shaped(getMax()).getElementType() != shaped(getSum()).getElementType() ||
      shaped(getAcc()).getRank() != static_cast<int64_t>(rows) + 1 ||
      shaped(getAcc()).getElementType() != shaped(getMax()).getElementType() ||
      (getLse() && shaped(getLse()).getRank() != 2)) {
    return emitOpError(
        "expected 'max' and 'sum' of one shape and type, with "
        "the rows of 'acc', and 'lse' of rank 2 [finalize_state_c4]");
  }
  auto value =
      getStateMap().getResultPosition(getAffineDimExpr(rows, getContext()));
  auto out = getOutMap().getResultPosition(getAffineDimExpr(2, getContext()));
  if (!compatible(shaped(getAcc()).getDimSize(*value),
                  shaped(getOut()).getDimSize(*out))) {
    return emitOpError("expected 'acc' and 'out' to have equal head sizes, but "
                       "got ")
           << shaped(getAcc()).getDimSize(*value) << " and "
           << shaped(getOut()).getDimSize(*out) << " [finalize_state_c3]";
  }
  if (static_cast<bool>(getSink()) != static_cast<bool>(getHead())) {
    return emitOpError(
        "expected 'sink' and 'head' together [finalize_state_c5]");
  }
  return success();
}

#define GET_OP_CLASSES
#include "attn/Dialect/Attn/AttnOps.cpp.inc"
