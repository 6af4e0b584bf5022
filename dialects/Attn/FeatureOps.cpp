//===- FeatureOps.cpp - projections of queries, keys and values -----------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"

using namespace mlir;
using namespace attn;

namespace {

constexpr int64_t kAny = ShapedType::kDynamic;

} // namespace

LogicalResult LinformerProjectOp::verify() {
  ShapedType x = shaped(getX());
  if (getOuts().size() != 1 || getLayout() == Layout::THD || x.getRank() != 4) {
    return emitOpError("expected 'x' and one 'out' of rank 4, of layout bhsd "
                       "or bshd, but got ")
           << x << " [linformer_project_c1]";
  }
  if (failed(verifySemantics(*this, "linformer_project_c3"))) {
    return failure();
  }
  ShapedType out = shaped(getOut());
  SmallVector<int64_t> expected(x.getShape());
  int64_t rows = out.getRank() == 4 ? out.getDimSize(getSeqDim()) : kAny;
  expected[getSeqDim()] = rows;
  if (!hasShape(getOut(), expected)) {
    return emitOpError("expected 'out' of the batches, heads and D of 'x', but "
                       "got ")
           << x << " and " << out << " [linformer_project_c1]";
  }
  if (!hasShape(getE(), {kAny, rows}) &&
      !hasShape(getE(), {x.getDimSize(getHeadDim()), kAny, rows})) {
    return emitOpError("expected 'e' of N x R or H x N x R, but got ")
           << getE().getType() << " [linformer_project_c2]";
  }
  return success();
}

LogicalResult FavorFeaturesOp::verify() {
  ShapedType x = shaped(getX()), w = shaped(getW());
  bool counts = getOuts().size() == 1 || getOuts().size() == 3;
  bool fits = counts && x.getRank() == 2 && w.getRank() == 2 &&
              hasShape(getW(), {x.getDimSize(1), kAny}) &&
              hasShape(getOut(), {x.getDimSize(0), w.getDimSize(1)});
  if (fits && getOuts().size() == 3) {
    fits = hasShape(getOuts()[1], {x.getDimSize(0)}) &&
           hasShape(getOuts()[2], {1});
  }
  if (!fits) {
    return emitOpError("expected tokens of D elements, 'w' of D x M, and their "
                       "features, alone or with a decay of each and one "
                       "maximum [favor_features_c1]");
  }
  return verifySemantics(*this, "favor_features_c2");
}

LogicalResult PairProductsOp::verify() {
  ShapedType q = shaped(getQ());
  bool fits = getOuts().size() == 1 && q.getRank() == 2 && !q.isDynamicDim(1) &&
              hasShape(getK(), q.getShape());
  if (fits) {
    ShapedType out = shaped(getOut());
    fits = out.getRank() == 2 && out.hasStaticShape() &&
           out.getDimSize(0) == out.getDimSize(1);
  }
  if (!fits) {
    return emitOpError("expected 'q' and 'k' of T x K and a square 'out', with "
                       "a static K and size [pair_products_c1]");
  }
  return verifySemantics(*this, "pair_products_c2");
}
