//===- AttentionClasses.cpp - dilated attention by residue classes --------===//

#include "attn/Dialect/Attn/AttentionClasses.h"
#include "attn/Mask/HeadRanges.h"
#include "attn/Mask/ResidueClasses.h"

using namespace mlir;

namespace attn {

// The map of a captured tensor in the coordinates of a class; null where what
// it reads depends on the residue, which is no dimension of a map.
static AffineMap inClass(AffineMap map, int64_t step) {
  MLIRContext *context = map.getContext();
  AffineExpr i = getAffineDimExpr(2, context), j = getAffineDimExpr(3, context);
  for (AffineExpr result : map.getResults()) {
    if (!result.isFunctionOfDim(2) && !result.isFunctionOfDim(3)) {
      continue;
    }
    if (!result.isPureAffine()) {
      return AffineMap();
    }
    LinearForm form = LinearForm::of(result);
    if (form.hasQuotients() || form.coefficient(i) + form.coefficient(j) != 0) {
      return AffineMap();
    }
  }
  AffineExpr dims[] = {getAffineDimExpr(0, context),
                       getAffineDimExpr(1, context), i * step, j * step};
  return map.replaceDimsAndSymbols(dims, {}, 4, 0);
}

static AttentionClasses wholeOf(AttentionOp op) {
  AttentionClasses whole;
  whole.mask = op.getMaskAttr();
  whole.symbols =
      llvm::to_vector(llvm::seq<unsigned>(0, op.getMaskSymbols().size()));
  whole.capturedMaps = op.getCapturedMapsAttr();
  return whole;
}

// Puts the mask `set`, by its classes where it has some. False, with the
// reason, where the op reads what a class cannot.
static bool useMask(AttentionOp op, const MaskSet &set,
                    AttentionClasses &classes) {
  std::optional<ResidueClasses> found = residueClasses(set);
  classes.mask = maskAttrOf(found ? found->set : set, classes.symbols);
  if (!found) {
    return true;
  }
  classes.step = found->step;
  SmallVector<Attribute> maps;
  for (Attribute attribute : op.getCapturedMaps()) {
    AffineMap map =
        inClass(cast<AffineMapAttr>(attribute).getValue(), found->step);
    if (!map) {
      classes.refused = "the score region reads a tensor at a position, and "
                        "not at a distance";
      return false;
    }
    maps.push_back(AffineMapAttr::get(map));
  }
  classes.capturedMaps = ArrayAttr::get(op.getContext(), maps);
  return true;
}

// The number of heads where they can be cut at `ranges`: a group of heads that
// share a key head stays together.
static bool canCut(AttentionOp op, ArrayRef<HeadRange> ranges) {
  int64_t heads =
      cast<ShapedType>(op.getQ().getType()).getDimSize(op.getHeadDim());
  int64_t keyHeads =
      cast<ShapedType>(op.getK().getType()).getDimSize(op.getHeadDim());
  return keyHeads > 0 && llvm::all_of(ranges, [&](const HeadRange &range) {
           return range.first % (heads / keyHeads) == 0;
         });
}

std::vector<AttentionClasses> AttentionClasses::of(AttentionOp op) {
  AttentionClasses whole = wholeOf(op);
  if (!whole.mask) {
    return {whole};
  }
  MaskSet set = whole.mask.getMaskSet();
  std::vector<HeadRange> ranges;
  int64_t heads =
      cast<ShapedType>(op.getQ().getType()).getDimSize(op.getHeadDim());
  bool dilates = residueClasses(set).has_value();
  if (!dilates && heads > 0) {
    ranges = headRanges(set, heads);
    dilates = llvm::any_of(ranges, [](const HeadRange &range) {
      return residueClasses(range.set).has_value();
    });
  }
  if (!dilates) {
    if (hasDilations(set)) {
      whole.refused = "a term of the mask is not dilated";
    }
    return {whole};
  }
  if (op.isPaged()) {
    whole.refused = "keys lie in pages";
    return {whole};
  }
  if (!op.getMaskRegion().empty()) {
    whole.refused = "the mask has a region beside the dilation";
    return {whole};
  }
  if (ranges.empty()) {
    ranges.push_back({0, -1, set});
  }
  if (ranges.size() > 1 && !canCut(op, ranges)) {
    whole.refused = "the heads that are dilated share key heads with others";
    return {whole};
  }
  std::vector<AttentionClasses> pieces;
  for (const HeadRange &range : ranges) {
    AttentionClasses piece = wholeOf(op);
    if (!useMask(op, range.set, piece)) {
      whole.refused = piece.refused;
      return {whole};
    }
    piece.firstHead = range.first;
    piece.endHead = range.end;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

} // namespace attn
