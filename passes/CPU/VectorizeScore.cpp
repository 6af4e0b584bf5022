//===- VectorizeScore.cpp - score and mask regions on vectors of rows -----===//
// Scalars stay scalars while all lanes agree on them (a key, a slope of a
// head); what depends on the lane or the score becomes a vector.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "attn/Passes/EmitMask.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

#include <limits>

using namespace mlir;

namespace attn {

static bool isVector(Value value) { return isa<VectorType>(value.getType()); }

// One element of a captured memref. Rows that pad a panel have positions past
// the end, so indices are clamped: what they read is never used.
static Value loadCaptured(LaneBuilder &lb, Value memref, AffineMap map,
                          ValueRange point) {
  auto results = affine::expandAffineMap(lb.b, lb.loc, map, point);
  SmallVector<Value> indices;
  for (auto [d, at] : llvm::enumerate(*results)) {
    Value size = memref::DimOp::create(lb.b, lb.loc, memref, d);
    indices.push_back(lb.index.max(lb.index.min(at, lb.index.add(size, -1)),
                                   lb.index.constant(0)));
  }
  return memref::LoadOp::create(lb.b, lb.loc, memref, indices);
}

static Value captured(LaneBuilder &lb, Value memref, AffineMap map,
                      const ScorePoint &point) {
  Value operands[] = {point.batch, point.head, point.query, point.key};
  bool uniform = true;
  for (auto [d, operand] : llvm::enumerate(operands)) {
    uniform &= !isVector(operand) || !map.isFunctionOfDim(d);
  }
  // A dimension that the map does not use may stand for itself as any index.
  auto scalars = [&](int64_t lane) {
    return llvm::map_to_vector(operands, [&](Value operand) -> Value {
      return isVector(operand)
                 ? vector::ExtractOp::create(lb.b, lb.loc, operand, lane)
                       .getResult()
                 : operand;
    });
  };
  if (uniform) {
    return loadCaptured(lb, memref, map, scalars(0));
  }
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value result;
  for (int64_t lane = 0; lane < lb.lanes; ++lane) {
    Value value = loadCaptured(lb, memref, map, scalars(lane));
    if (!result) {
      result = vector::BroadcastOp::create(
          lb.b, lb.loc, VectorType::get({lb.lanes}, element), value);
    } else {
      result = vector::InsertOp::create(lb.b, lb.loc, value, result, lane);
    }
  }
  return result;
}

// `inner` once a lane: for ops that do not work on vectors, such as scf.if.
// `used` is what it reads, in its regions too.
static void laneByLane(LaneBuilder &lb, Operation &inner, ArrayRef<Value> used,
                       IRMapping &mapping) {
  SmallVector<Value> results;
  for (int64_t lane = 0; lane < lb.lanes; ++lane) {
    IRMapping scalars;
    for (Value value : used) {
      Value mapped = mapping.lookupOrDefault(value);
      if (isVector(mapped)) {
        mapped = vector::ExtractOp::create(lb.b, lb.loc, mapped, lane);
      }
      scalars.map(value, mapped);
    }
    Operation *clone = lb.b.clone(inner, scalars);
    for (auto [d, result] : llvm::enumerate(clone->getResults())) {
      if (lane == 0) {
        auto type = VectorType::get({lb.lanes}, result.getType());
        results.push_back(
            vector::BroadcastOp::create(lb.b, lb.loc, type, result));
      } else {
        results[d] =
            vector::InsertOp::create(lb.b, lb.loc, result, results[d], lane);
      }
    }
  }
  mapping.map(inner.getResults(), results);
}

// `region`, of scores or the mask, at `point`. `reads` holds the elements of
// `captured` that are there already.
static Value vectorizeRegion(LaneBuilder &lb, Region &region,
                             ValueRange leading, ValueRange memrefs,
                             ArrayAttr maps, ArrayRef<Value> reads,
                             const ScorePoint &point) {
  Block &block = region.front();
  IRMapping mapping;
  unsigned position = 0;
  for (Value value : leading) {
    mapping.map(block.getArgument(position++), value);
  }
  for (auto [n, memref] : llvm::enumerate(memrefs)) {
    Value element = n < reads.size() ? reads[n] : Value();
    mapping.map(block.getArgument(position++),
                element
                    ? element
                    : captured(lb, memref,
                               cast<AffineMapAttr>(maps[n]).getValue(), point));
  }
  for (Value value : {point.batch, point.head, point.query, point.key}) {
    mapping.map(block.getArgument(position++), value);
  }
  for (Operation &inner : block.without_terminator()) {
    SetVector<Value> used(inner.getOperands().begin(),
                          inner.getOperands().end());
    getUsedValuesDefinedAbove(inner.getRegions(), used);
    bool vectors = llvm::any_of(used, [&](Value value) {
      return isVector(mapping.lookupOrDefault(value));
    });
    if (!vectors) {
      lb.b.clone(inner, mapping);
      continue;
    }
    if (!OpTrait::hasElementwiseMappableTraits(&inner)) {
      laneByLane(lb, inner, used.getArrayRef(), mapping);
      continue;
    }
    OperationState state(inner.getLoc(), inner.getName());
    for (Value operand : inner.getOperands()) {
      Value value = mapping.lookupOrDefault(operand);
      state.addOperands(isVector(value) ? value : lb.splat(value));
    }
    for (Type result : inner.getResultTypes()) {
      state.addTypes(VectorType::get({lb.lanes}, result));
    }
    state.addAttributes(inner.getAttrs());
    Operation *turned = lb.b.create(state);
    mapping.map(inner.getResults(), turned->getResults());
  }
  Value result = mapping.lookupOrDefault(
      cast<YieldOp>(block.getTerminator()).getValues()[0]);
  return isVector(result) ? result : lb.splat(result);
}

// A term of a mask against lanes of consecutive queries: the lanes that see a
// key are a range of them, found on scalars. Null where all do.
static Value termOnLanes(LaneBuilder &lb, const MaskTerm &term,
                         Value firstQuery, Value key) {
  auto ints = VectorType::get({lb.lanes}, lb.b.getI32Type());
  SmallVector<Attribute> numbers;
  for (int64_t l = 0; l < lb.lanes; ++l) {
    numbers.push_back(lb.b.getI32IntegerAttr(l));
  }
  Value lane = arith::ConstantOp::create(lb.b, lb.loc,
                                         DenseElementsAttr::get(ints, numbers));
  Value visible;
  auto restrict = [&](Value condition) {
    visible = visible ? arith::AndIOp::create(lb.b, lb.loc, visible, condition)
                            .getResult()
                      : condition;
  };
  // A limit outside of the lanes means all or none of them.
  auto compare = [&](arith::CmpIPredicate predicate, Value limit) {
    limit = lb.index.clamp(limit, lb.index.constant(-1),
                           lb.index.constant(lb.lanes));
    limit = arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI32Type(), limit);
    restrict(
        arith::CmpIOp::create(lb.b, lb.loc, predicate, lane, lb.splat(limit)));
  };
  Value distance = lb.index.sub(key, firstQuery);
  if (term.right >= 0) { // k <= q + right
    compare(arith::CmpIPredicate::sge, lb.index.add(distance, -term.right));
  }
  if (term.left >= 0) { // q - left <= k
    compare(arith::CmpIPredicate::sle, lb.index.add(distance, term.left));
  }
  if (term.count >= 0) {
    restrict(
        lb.splat(arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::slt,
                                       key, lb.index.constant(term.count))));
  }
  return visible;
}

// Of the attribute; null where all pairs are visible.
static Value pairsOfSet(LaneBuilder &lb, const MaskSet &mask,
                        const ScorePoint &point) {
  std::vector<MaskTerm> terms = mask.terms();
  if (!point.firstQuery || isVector(point.key) || terms.empty()) {
    auto vector = [&](Value index) {
      return isVector(index) ? index : lb.splat(index);
    };
    return emitMask(lb.b, lb.loc, mask, vector(point.query), vector(point.key));
  }
  Value visible;
  for (const MaskTerm &term : terms) {
    Value pairs = termOnLanes(lb, term, point.firstQuery, point.key);
    if (!pairs) {
      return Value();
    }
    visible =
        visible ? arith::OrIOp::create(lb.b, lb.loc, visible, pairs) : pairs;
  }
  return visible;
}

RegionReads readRegions(LaneBuilder &lb, OnlineAttentionOp op,
                        ScorePoint point) {
  point.key = lb.index.constant(0); // nothing uses it
  auto readAll = [&](ValueRange memrefs, ArrayAttr maps) {
    SmallVector<Value> elements;
    for (auto [memref, attr] : llvm::zip_equal(memrefs, maps)) {
      AffineMap map = cast<AffineMapAttr>(attr).getValue();
      bool usesKey = map.isFunctionOfDim(3);
      elements.push_back(usesKey ? Value() : captured(lb, memref, map, point));
    }
    return elements;
  };
  return {readAll(op.getCaptured(), op.getCapturedMaps()),
          readAll(op.getMaskCaptured(), op.getMaskMaps())};
}

Value visiblePairs(LaneBuilder &lb, OnlineAttentionOp op,
                   const ScorePoint &point, const RegionReads &reads) {
  Value visible;
  if (MaskAttrInterface mask = op.getMaskAttr()) {
    visible = pairsOfSet(lb, mask.getMaskSet(), point);
  }
  if (op.getMaskRegion().empty()) {
    return visible;
  }
  Value shown =
      vectorizeRegion(lb, op.getMaskRegion(), {}, op.getMaskCaptured(),
                      op.getMaskMaps(), reads.mask, point);
  return visible
             ? arith::AndIOp::create(lb.b, lb.loc, visible, shown).getResult()
             : shown;
}

Value scorePairs(LaneBuilder &lb, OnlineAttentionOp op, Value sum,
                 const ScorePoint &point, const RegionReads &reads) {
  Value x = lb.mul(sum, lb.constant(op.getScaleValue()));
  if (!op.getScore().empty()) {
    x = vectorizeRegion(lb, op.getScore(), x, op.getCaptured(),
                        op.getCapturedMaps(), reads.score, point);
  }
  return x;
}

Value hidePairs(LaneBuilder &lb, Value visible, Value x) {
  return visible ? arith::SelectOp::create(
                       lb.b, lb.loc, visible, x,
                       lb.constant(-std::numeric_limits<double>::infinity()))
                       .getResult()
                 : x;
}

} // namespace attn
