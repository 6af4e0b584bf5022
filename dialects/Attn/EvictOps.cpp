//===- EvictOps.cpp - which keys a cache keeps ----------------------------===//

#include "Destinations.h"
#include "ScoreRegion.h"
#include "attn/Dialect/Attn/AttnOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// KVScoreOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVScoreOp::getDpsInitsMutable() { return getOutMutable(); }

ATTN_DESTINATIONS(KVScoreOp)

std::optional<double> KVScoreOp::getStaticScale() {
  if (auto scale = getScaleAttr()) {
    return cast<FloatAttr>(scale).getValueAsDouble();
  }
  int64_t size = shaped(getQ()).getDimSize(3);
  if (ShapedType::isDynamic(size)) {
    return std::nullopt;
  }
  return size ? 1.0 / std::sqrt(static_cast<double>(size)) : 1.0;
}

LogicalResult KVScoreOp::verify() {
  if (failed(verifySemantics(*this, "kv_score_c4"))) {
    return failure();
  }
  ShapedType q = shaped(getQ()), k = shaped(getK());
  constexpr int64_t any = ShapedType::kDynamic;
  bool fits = q.getRank() == 4 && k.getRank() == 4 &&
              q.getElementType() == k.getElementType() &&
              hasShape(getK(), {q.getDimSize(0), any, any, q.getDimSize(3)});
  int64_t heads = fits ? q.getDimSize(1) : any;
  int64_t keyHeads = fits ? k.getDimSize(1) : any;
  if (!fits || (heads != any && keyHeads != any &&
                (keyHeads == 0 ? heads != 0 : heads % keyHeads != 0))) {
    return emitOpError("expected 'q' and 'k' of B x heads x length x D with "
                       "heads that share those of 'k', but got ")
           << q << " and " << k << " [kv_score_c1]";
  }
  if (!hasShape(getLse(), {q.getDimSize(0), heads, q.getDimSize(2)}) ||
      !hasShape(getOut(), {q.getDimSize(0), keyHeads, k.getDimSize(2)}) ||
      (getKvLens() && !hasShape(getKvLens(), {q.getDimSize(0)}))) {
    return emitOpError("expected 'lse' for each row of 'q', scores for each "
                       "key, and 'kv_lens' for each sequence [kv_score_c2]");
  }
  if ((getPower() != 1 && getPower() != 2) ||
      (getQueries() && static_cast<int64_t>(*getQueries()) < 1)) {
    return emitOpError("expected a power of 1 or 2, and 1 or more queries "
                       "[kv_score_c3]");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// KVEvictOp
//===----------------------------------------------------------------------===//

MutableOperandRange KVEvictOp::getDpsInitsMutable() {
  // The two destinations are operands of their own that follow each other.
  return MutableOperandRange(getOperation(),
                             getKeptMutable().getOperandNumber(), 2);
}

ATTN_DESTINATIONS(KVEvictOp)

LogicalResult KVEvictOp::verify() {
  if (failed(verifySemantics(*this, "kv_evict_c3"))) {
    return failure();
  }
  ShapedType kept = shaped(getKept());
  int64_t batch = kept.getDimSize(0), heads = kept.getDimSize(1);
  if (!hasShape(getCounts(), {batch, heads}) ||
      !hasShape(getKvLens(), {batch}) ||
      (getScores() &&
       !hasShape(getScores(), {batch, heads, ShapedType::kDynamic}))) {
    return emitOpError("expected scores, counts and 'kv_lens' for the "
                       "sequences and heads of ")
           << kept << " [kv_evict_c1]";
  }
  auto sinks = static_cast<int64_t>(getSinks());
  auto recent = static_cast<int64_t>(getRecent());
  auto pool = static_cast<int64_t>(getPool());
  int64_t budget =
      getBudget() ? static_cast<int64_t>(*getBudget()) : kept.getDimSize(2);
  if (sinks < 0 || recent < 0 || pool < 1 || pool % 2 == 0 ||
      (!ShapedType::isDynamic(budget) && sinks + recent > budget)) {
    return emitOpError("expected sinks and recent keys within a budget, and an "
                       "odd pool, but got ")
           << sinks << ", " << recent << " and " << pool << " [kv_evict_c2]";
  }
  return success();
}
