//===- VectorizeScore.cpp - score and mask regions on vectors of rows -----===//
// Scalars stay scalars while all lanes agree on them (a key, a slope of a
// head); what depends on the lane or the score becomes a vector.
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"
#include "LowerTiles.h"
#include "attn/Mask/TileAnalysis.h"
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

// What a term of a mask leaves of lanes of consecutive queries, for one key:
// bounds of the query, and conditions without it.
struct LaneTerm {
  MaskTerm lowers, uppers, conditions;
};

// Nothing where some constraint is no bound of the query.
static std::optional<std::vector<LaneTerm>> laneTerms(const MaskSet &mask) {
  constexpr size_t kMostTerms = 4; // more are not cheaper than the predicate
  std::optional<std::vector<MaskTerm>> terms = mask.terms();
  if (!terms || terms->size() > kMostTerms) {
    return std::nullopt;
  }
  std::vector<LaneTerm> lanes;
  for (const MaskTerm &term : *terms) {
    LaneTerm &lane = lanes.emplace_back();
    for (LinearForm form : term) {
      bool exact = true;
      std::optional<VariableBound> bound =
          solveFor(form, QueryDim, mask.context, exact);
      if (!exact) {
        return std::nullopt;
      }
      MaskTerm &part = !bound           ? lane.conditions
                       : bound->isLower ? lane.lowers
                                        : lane.uppers;
      part.push_back(bound ? std::move(bound->value) : std::move(form));
    }
  }
  return lanes;
}

// The lanes that see a key are a range of them, found on scalars. Null where
// all do.
static Value termOnLanes(LaneBuilder &lb, const LaneTerm &term,
                         const ScorePoint &point, ValueRange symbols) {
  auto ints = VectorType::get({lb.lanes}, lb.b.getI32Type());
  SmallVector<Attribute> numbers;
  for (int64_t l = 0; l < lb.lanes; ++l) {
    numbers.push_back(lb.b.getI32IntegerAttr(l));
  }
  Value lane = arith::ConstantOp::create(lb.b, lb.loc,
                                         DenseElementsAttr::get(ints, numbers));
  Value dims[] = {point.batch, point.head, Value(), point.key};
  auto emit = [&](const LinearForm &form) {
    return emitForm(lb.b, lb.loc, form, dims, symbols);
  };
  Value visible;
  auto restrict = [&](Value condition) {
    visible = visible ? arith::AndIOp::create(lb.b, lb.loc, visible, condition)
                            .getResult()
                      : condition;
  };
  // A limit outside of the lanes means all or none of them.
  auto compare = [&](arith::CmpIPredicate predicate, Value limit) {
    limit = lb.index.clamp(lb.index.sub(limit, point.firstQuery),
                           lb.index.constant(-1), lb.index.constant(lb.lanes));
    limit = arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI32Type(), limit);
    restrict(
        arith::CmpIOp::create(lb.b, lb.loc, predicate, lane, lb.splat(limit)));
  };
  Value lower, upper;
  for (const LinearForm &bound : term.lowers) {
    lower = lower ? lb.index.max(lower, emit(bound)) : emit(bound);
  }
  for (const LinearForm &bound : term.uppers) {
    upper = upper ? lb.index.min(upper, emit(bound)) : emit(bound);
  }
  if (lower) {
    compare(arith::CmpIPredicate::sge, lower);
  }
  if (upper) {
    compare(arith::CmpIPredicate::sle, upper);
  }
  for (const LinearForm &condition : term.conditions) {
    restrict(
        lb.splat(arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::sge,
                                       emit(condition), lb.index.constant(0))));
  }
  return visible;
}

// Of the attribute; null where all pairs are visible.
static Value pairsOfSet(LaneBuilder &lb, OnlineAttentionOp op,
                        const ScorePoint &point) {
  MaskSet mask = op.getMaskAttr().getMaskSet();
  ValueRange symbols = op.getMaskSymbols();
  std::optional<std::vector<LaneTerm>> terms;
  if (point.firstQuery && !isVector(point.key) && !isVector(point.head)) {
    terms = laneTerms(mask);
  }
  if (!terms) {
    Value visible =
        emitMask(lb.b, lb.loc, mask,
                 {point.batch, point.head, point.query, point.key, symbols});
    return isVector(visible) ? visible : lb.splat(visible);
  }
  Value visible;
  for (const LaneTerm &term : *terms) {
    Value pairs = termOnLanes(lb, term, point, symbols);
    if (!pairs) {
      return Value();
    }
    visible =
        visible ? arith::OrIOp::create(lb.b, lb.loc, visible, pairs) : pairs;
  }
  return visible ? visible
                 : lb.splat(arith::ConstantOp::create(lb.b, lb.loc,
                                                      lb.b.getBoolAttr(false)));
}

bool mayHoldHiddenKeys(OnlineAttentionOp op) {
  return mayHoldHiddenKeys(op, op.getRowMap().getResult(0) ==
                                   getAffineConstantExpr(0, op.getContext()));
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
  if (op.getMaskAttr()) {
    visible = pairsOfSet(lb, op, point);
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
