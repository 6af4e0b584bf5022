//===- LaneBuilder.cpp - code on vectors of query lanes -------------------===//

#include "LaneBuilder.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

#include <limits>

using namespace mlir;

namespace attn {

Value LaneBuilder::constant(double value) {
  return arith::ConstantOp::create(
      b, loc,
      SplatElementsAttr::get(vector, Attribute(b.getFloatAttr(type, value))));
}

Value LaneBuilder::splat(Value scalar) {
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value LaneBuilder::convert(Value value, Type element) {
  Type from = getElementTypeOrSelf(value);
  if (from == element) {
    return value;
  }
  auto as = [&](Value x, Type to) -> Value {
    unsigned width = getElementTypeOrSelf(x).getIntOrFloatBitWidth();
    if (auto shaped = dyn_cast<VectorType>(x.getType())) {
      return width < to.getIntOrFloatBitWidth()
                 ? arith::ExtFOp::create(b, loc, shaped.clone(to), x)
                       .getResult()
                 : arith::TruncFOp::create(b, loc, shaped.clone(to), x);
    }
    return width < to.getIntOrFloatBitWidth()
               ? arith::ExtFOp::create(b, loc, to, x).getResult()
               : arith::TruncFOp::create(b, loc, to, x);
  };
  // bf16 and f16 meet in f32.
  if (from.getIntOrFloatBitWidth() == element.getIntOrFloatBitWidth()) {
    value = as(value, b.getF32Type());
  }
  return as(value, element);
}

Value LaneBuilder::load(Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  Value value =
      vector::LoadOp::create(b, loc, vector.clone(element), memref, indices);
  return convert(value, type);
}

void LaneBuilder::store(Value value, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  vector::StoreOp::create(b, loc, convert(value, element), memref, indices);
}

static Value partMask(LaneBuilder &lb, int64_t size, Value count) {
  return vector::CreateMaskOp::create(
      lb.b, lb.loc, VectorType::get({size}, lb.b.getI1Type()), count);
}

static Value loadPartOf(LaneBuilder &lb, VectorType part, Value memref,
                        ValueRange indices, Value count) {
  Value zero = arith::ConstantOp::create(lb.b, lb.loc, lb.b.getZeroAttr(part));
  return vector::MaskedLoadOp::create(lb.b, lb.loc, part, memref, indices,
                                      partMask(lb, part.getDimSize(0), count),
                                      zero);
}

Value LaneBuilder::loadPart(Value memref, ValueRange indices, Value count) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return convert(
      loadPartOf(*this, vector.clone(element), memref, indices, count), type);
}

void LaneBuilder::storePart(Value value, Value memref, ValueRange indices,
                            Value count) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  vector::MaskedStoreOp::create(b, loc, memref, indices,
                                partMask(*this, lanes, count),
                                convert(value, element));
}

Value LaneBuilder::loadScalar(Value memref, ValueRange indices) {
  return convert(memref::LoadOp::create(b, loc, memref, indices), type);
}

int64_t LaneBuilder::lineOf(Value memref) {
  constexpr int64_t kLineBits = 64 * 8;
  return kLineBits /
         cast<MemRefType>(memref.getType()).getElementTypeBitWidth();
}

void LaneBuilder::prefetchPart(Value memref, Value row, Value column,
                               int64_t count, unsigned locality, bool isWrite) {
  if (!isUnitStride(memref, 1)) {
    return;
  }
  for (int64_t c = 0; c < count; c += lineOf(memref)) {
    memref::PrefetchOp::create(b, loc, memref,
                               ValueRange{row, index.add(column, c)}, isWrite,
                               locality, /*isDataCache=*/true);
  }
}

void LaneBuilder::prefetchRow(Value memref, Value row, unsigned locality) {
  int64_t columns = cast<MemRefType>(memref.getType()).getDimSize(1);
  if (!ShapedType::isDynamic(columns)) {
    prefetchPart(memref, row, index.constant(0), columns, locality);
  }
}

Value LaneBuilder::add(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y);
}
Value LaneBuilder::sub(Value x, Value y) {
  return arith::SubFOp::create(b, loc, x, y);
}
Value LaneBuilder::mul(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y);
}
Value LaneBuilder::fma(Value x, Value y, Value z) {
  return vector::FMAOp::create(b, loc, x, y, z);
}
Value LaneBuilder::weightedSum(Value x, Value weight, Value sum,
                               bool skipZero) {
  Value next = fma(x, weight, sum);
  if (!skipZero) {
    return next;
  }
  Value any = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, weight,
                                    constant(0.0));
  return arith::SelectOp::create(b, loc, any, next, sum);
}

static VectorType pairsOf(LaneBuilder &lb) {
  return VectorType::get({2 * lb.lanes}, lb.b.getBF16Type());
}
Value LaneBuilder::loadPairs(Value memref, ValueRange indices) {
  return vector::BitCastOp::create(
      b, loc, vector,
      vector::LoadOp::create(b, loc, pairsOf(*this), memref, indices));
}
Value LaneBuilder::loadPairsPart(Value memref, ValueRange indices,
                                 Value count) {
  return vector::BitCastOp::create(
      b, loc, vector,
      loadPartOf(*this, pairsOf(*this), memref, indices, count));
}
void LaneBuilder::storePairs(Value pairs, Value memref, ValueRange indices) {
  vector::StoreOp::create(
      b, loc, vector::BitCastOp::create(b, loc, pairsOf(*this), pairs), memref,
      indices);
}
Value LaneBuilder::roundPairs(Value low, Value high) {
  Value halves = LLVM::CallIntrinsicOp::create(
                     b, loc, pairsOf(*this),
                     b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
                     ValueRange{high, low})
                     .getResult(0);
  SmallVector<int64_t> from;
  for (int64_t l = 0; l < lanes; ++l) {
    from.append({l, lanes + l});
  }
  return vector::BitCastOp::create(b, loc, vector, shuffle(halves, from));
}
std::pair<Value, Value> LaneBuilder::zipPairs(Value low, Value high) {
  auto half = [&](int64_t first) -> Value {
    SmallVector<int64_t> from;
    for (int64_t l = first; l < first + lanes; ++l) {
      from.append({l, 2 * lanes + l});
    }
    auto elements = [&](Value pairs) {
      return vector::BitCastOp::create(b, loc, pairsOf(*this), pairs);
    };
    return vector::BitCastOp::create(
        b, loc, vector,
        vector::ShuffleOp::create(b, loc, elements(low), elements(high), from));
  };
  return {half(0), half(lanes)};
}
Value LaneBuilder::dotPairs(Value x, Value y, Value sum) {
  auto pairs = [&](Value bits) {
    return vector::BitCastOp::create(b, loc, pairsOf(*this), bits);
  };
  return x86vector::DotBF16Op::create(b, loc, vector, sum, pairs(x), pairs(y));
}
Value LaneBuilder::whereNonZero(Value x, Value weights) {
  auto ints = VectorType::get({2 * lanes}, b.getI16Type());
  auto bits = [&](Value pairs) {
    return vector::BitCastOp::create(b, loc, ints, pairs);
  };
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(ints));
  Value any = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                    bits(weights), zero);
  return vector::BitCastOp::create(
      b, loc, vector, arith::SelectOp::create(b, loc, any, bits(x), zero));
}

Value LaneBuilder::max(Value x, Value y) {
  Value greater =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, loc, greater, x, y);
}
Value LaneBuilder::exp(Value x) {
  constexpr double kLog2E = 1.4426950408889634074;
  return math::Exp2Op::create(b, loc, mul(x, constant(kLog2E)));
}

Value LaneBuilder::shuffle(Value x, ArrayRef<int64_t> from) {
  return vector::ShuffleOp::create(b, loc, x, x, from);
}
Value LaneBuilder::extract(Value x, int64_t lane) {
  return vector::ExtractOp::create(b, loc, x, lane);
}
Value LaneBuilder::offset(Value base, Value by) {
  return isa<VectorType>(by.getType())
             ? arith::AddIOp::create(b, loc, splat(base), by).getResult()
             : index.add(base, by);
}

Value LaneBuilder::finiteMax(Value x) {
  Value none =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x,
                            constant(-std::numeric_limits<double>::infinity()));
  return arith::SelectOp::create(b, loc, none, constant(0.0), x);
}

Value LaneBuilder::selectZero(Value test, Value x, Value y) {
  Value zero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, test,
                                     constant(0.0));
  return arith::SelectOp::create(b, loc, zero, x, y);
}

Value LaneBuilder::scaled(Value x, Value factor) {
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(x.getType()));
  Value any =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, factor, zero);
  return arith::SelectOp::create(b, loc, any, mul(x, factor), zero);
}

// Swaps ever smaller blocks: after the stage of distance s, element (i, l) has
// the bits >= s of i and l exchanged.
SmallVector<Value> LaneBuilder::transpose(SmallVector<Value> rows) {
  for (int64_t s = lanes / 2; s > 0; s /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t l = 0; l < lanes; ++l) {
      low.push_back((l & s) == 0 ? l : lanes + l - s);
      high.push_back((l & s) == 0 ? l + s : lanes + l);
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if ((i & s) != 0) {
        continue;
      }
      Value x = rows[i], y = rows[i + s];
      rows[i] = vector::ShuffleOp::create(b, loc, x, y, low);
      rows[i + s] = vector::ShuffleOp::create(b, loc, x, y, high);
    }
  }
  return rows;
}

std::pair<Value, Value> LaneBuilder::row(AffineMap rowMap, Value panel,
                                         Value lane) {
  auto results =
      affine::expandAffineMap(b, loc, rowMap, ValueRange{panel, lane});
  return {(*results)[0], (*results)[1]};
}

// The lane-wise form of expandAffineMap for the maps that packing makes:
// constants, the row number r = p * W + w, r mod G and r floordiv G.
static Value expandOnLanes(LaneBuilder &lb, AffineExpr expr, Value panel,
                           Value lane) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    return lb.index.constant(constant.getValue());
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    if (dim.getPosition() == 0) {
      return panel;
    }
    Value step = vector::StepOp::create(
        lb.b, lb.loc, VectorType::get({lb.lanes}, lb.b.getIndexType()));
    return arith::AddIOp::create(lb.b, lb.loc, lb.splat(lane), step);
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = expandOnLanes(lb, binary.getLHS(), panel, lane);
  Value rhs = expandOnLanes(lb, binary.getRHS(), panel, lane);
  if (isa<VectorType>(lhs.getType()) != isa<VectorType>(rhs.getType())) {
    Value &scalar = isa<VectorType>(lhs.getType()) ? rhs : lhs;
    scalar = lb.splat(scalar);
  }
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(lb.b, lb.loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(lb.b, lb.loc, lhs, rhs);
  case AffineExprKind::FloorDiv: // of row numbers, which are not negative
    return arith::DivUIOp::create(lb.b, lb.loc, lhs, rhs);
  case AffineExprKind::Mod:
    return arith::RemUIOp::create(lb.b, lb.loc, lhs, rhs);
  default:
    llvm_unreachable("row maps have no other operations");
  }
}

std::pair<Value, Value> LaneBuilder::rows(AffineMap rowMap, Value panel,
                                          Value lane) {
  return {expandOnLanes(*this, rowMap.getResult(0), panel, lane),
          expandOnLanes(*this, rowMap.getResult(1), panel, lane)};
}

static bool isEmpty(Value lower, Value upper) {
  std::optional<int64_t> from = getConstantIntValue(lower);
  std::optional<int64_t> to = getConstantIntValue(upper);
  return from && to && *from >= *to;
}

void LaneBuilder::loop(Value lower, Value upper, int64_t step,
                       function_ref<void(Value)> body) {
  // The body of a loop that never runs may not even verify.
  if (isEmpty(lower, upper)) {
    return;
  }
  auto loop = scf::ForOp::create(b, loc, lower, upper, index.constant(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

SmallVector<Value>
LaneBuilder::loop(Value lower, Value upper, int64_t step, ValueRange inits,
                  function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  if (inits.empty()) {
    loop(lower, upper, step, [&](Value iv) { body(iv, {}); });
    return {};
  }
  if (isEmpty(lower, upper)) {
    return SmallVector<Value>(inits);
  }
  auto loop =
      scf::ForOp::create(b, loc, lower, upper, index.constant(step), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, loc, next);
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> LaneBuilder::unrolled(
    Value count, int64_t unroll, ValueRange inits,
    function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Value whole = index.mul(index.div(count, unroll), unroll);
  SmallVector<Value> carried = loop(index.constant(0), whole, unroll, inits,
                                    [&](Value iv, ValueRange args) {
                                      SmallVector<Value> next(args);
                                      for (int64_t u = 0; u < unroll; ++u) {
                                        next = body(index.add(iv, u), next);
                                      }
                                      return next;
                                    });
  if (getConstantIntValue(count).value_or(1) % unroll != 0) {
    carried = loop(whole, count, 1, carried, body);
  }
  return carried;
}

SmallVector<Value> LaneBuilder::tiles(
    Value count, int64_t tile, ValueRange inits,
    function_ref<SmallVector<Value>(int64_t, Value, ValueRange)> body) {
  SmallVector<Value> carried(inits);
  auto run = [&](Value from, Value to, int64_t size) {
    carried = loop(from, to, size, carried, [&](Value iv, ValueRange args) {
      return body(size, iv, args);
    });
  };
  if (std::optional<int64_t> known = getConstantIntValue(count)) {
    int64_t number = (*known + tile - 1) / tile;
    if (number == 0) {
      return carried;
    }
    int64_t small = *known / number, larger = *known - small * number;
    int64_t split = larger * (small + 1);
    if (larger > 0) {
      run(index.constant(0), index.constant(split), small + 1);
    }
    if (split < *known) {
      run(index.constant(split), index.constant(*known), small);
    }
    return carried;
  }
  // Few sizes, so that the rest of a tile of six is two tiles of two and one.
  Value from = index.constant(0);
  SmallVector<int64_t> sizes{tile};
  for (int64_t size : {2, 1}) {
    if (size < tile) {
      sizes.push_back(size);
    }
  }
  for (int64_t size : sizes) {
    Value to = index.add(
        from, index.mul(index.div(index.sub(count, from), size), size));
    run(from, to, size);
    from = to;
  }
  return carried;
}

bool isUnitStride(Value memref, unsigned d) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(cast<MemRefType>(memref.getType())
                       .getStridesAndOffset(strides, offset)) &&
         strides[d] == 1;
}

bool isWorkspace(Value memref) {
  while (auto view = memref.getDefiningOp<memref::SubViewOp>()) {
    memref = view.getSource();
  }
  auto buffer = memref.getDefiningOp<memref::AllocOp>();
  return buffer && buffer->getParentOfType<scf::ForallOp>();
}

} // namespace attn
