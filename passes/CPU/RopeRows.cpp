//===- RopeRows.cpp - rows of elements turned by their position -----------===//

#include "RopeRows.h"
#include "../Trigonometry.h"
#include "LowerTiles.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

ElementRow::ElementRow(Value memref, SmallVector<Value> leading)
    : memref(memref), leading(std::move(leading)),
      contiguous(isUnitStride(memref, this->leading.size())) {}

SmallVector<Value> ElementRow::at(Value d) const {
  SmallVector<Value> indices(leading);
  indices.push_back(d);
  return indices;
}

static void storeScalar(LaneBuilder &lb, Value value, const ElementRow &row,
                        Value d) {
  Type to = cast<MemRefType>(row.memref.getType()).getElementType();
  memref::StoreOp::create(lb.b, lb.loc, lb.convert(value, to), row.memref,
                          row.at(d));
}

void copyElements(LaneBuilder &lb, const ElementRow &source,
                  const ElementRow &dest, int64_t from, Value size) {
  Value first = lb.index.constant(from), rest = first;
  Type element = cast<MemRefType>(source.memref.getType()).getElementType();
  bool asIs =
      element == cast<MemRefType>(dest.memref.getType()).getElementType();
  auto type = VectorType::get({lb.lanes}, element);
  if (source.contiguous && dest.contiguous) {
    Value whole = lb.index.mul(
        lb.index.div(lb.index.sub(size, first), lb.lanes), lb.lanes);
    rest = lb.index.add(first, whole);
    lb.loop(first, rest, lb.lanes, [&](Value d) {
      if (asIs) {
        vector::StoreOp::create(lb.b, lb.loc,
                                vector::LoadOp::create(lb.b, lb.loc, type,
                                                       source.memref,
                                                       source.at(d)),
                                dest.memref, dest.at(d));
        return;
      }
      lb.store(lb.load(source.memref, source.at(d)), dest.memref, dest.at(d));
    });
  }
  lb.loop(rest, size, 1, [&](Value d) {
    Value x = memref::LoadOp::create(lb.b, lb.loc, source.memref, source.at(d));
    if (asIs) {
      memref::StoreOp::create(lb.b, lb.loc, x, dest.memref, dest.at(d));
      return;
    }
    storeScalar(lb, lb.convert(x, lb.type), dest, d);
  });
}

RopeRows::RopeRows(LaneBuilder &lb, Operation *op, RopeForm form)
    : lb(lb), form(form), half(form.rotary / 2),
      neox(form.pairs == RopePairs::NeoX),
      cosRow(scratch(lb, op, {form.rotary})),
      sinRow(scratch(lb, op, {form.rotary})) {}

// Element i of both rows, and its partner's.
void RopeRows::put(Value i, Value cos, Value sin) {
  Value u = neox ? i : lb.index.mul(i, 2);
  Value w = lb.index.add(u, neox ? half : 1);
  auto store = [&](Value value, Value row, Value at) {
    memref::StoreOp::create(lb.b, lb.loc, value, row, at);
  };
  store(cos, cosRow, u);
  store(cos, cosRow, w);
  store(arith::NegFOp::create(lb.b, lb.loc, sin), sinRow, u);
  store(sin, sinRow, w);
}

void RopeRows::putHalves(Value i, Value cos, Value sin) {
  Value w = lb.index.add(i, half);
  auto store = [&](Value value, Value row, Value at) {
    vector::StoreOp::create(lb.b, lb.loc, value, row, at);
  };
  store(cos, cosRow, i);
  store(cos, cosRow, w);
  store(arith::NegFOp::create(lb.b, lb.loc, sin), sinRow, i);
  store(sin, sinRow, w);
}

void RopeRows::moveTo(Value position) {
  Value zero = lb.index.constant(0), count = lb.index.constant(half);
  if (form.cos) {
    Value rows =
        lb.index.value(memref::getMixedSize(lb.b, lb.loc, form.cos, 0));
    Value row = lb.index.clamp(position, zero, lb.index.add(rows, -1));
    lb.loop(zero, count, 1, [&](Value i) {
      put(i, lb.loadScalar(form.cos, {row, i}),
          lb.loadScalar(form.sin, {row, i}));
    });
    return;
  }
  Value row = zero;
  if (form.kept) {
    Value isKept =
        arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::slt, position,
                              lb.index.constant(*form.kept));
    row = arith::SelectOp::create(lb.b, lb.loc, isKept, zero,
                                  lb.index.constant(1));
  }
  Type f64 = lb.b.getF64Type();
  Value turns = arith::SIToFPOp::create(
      lb.b, lb.loc, f64,
      arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI64Type(), position));
  LaneBuilder wide(lb.b, lb.loc, lb.target, cast<FloatType>(f64));
  int64_t whole = half / wide.lanes * wide.lanes;
  auto compute = [&](Value frequency, Value turns) {
    Trigonometry trig(lb.b, lb.loc, frequency.getType());
    auto [cos, sin] = trig.cosSin(trig.mul(frequency, turns));
    if (form.magnitude != 1) {
      cos = trig.mul(cos, trig.constant(form.magnitude));
      sin = trig.mul(sin, trig.constant(form.magnitude));
    }
    return std::make_pair(lb.convert(cos, lb.type), lb.convert(sin, lb.type));
  };
  lb.loop(zero, lb.index.constant(whole), wide.lanes, [&](Value i) {
    Value f = wide.load(form.frequencies, {row, i});
    auto [cos, sin] = compute(f, wide.splat(turns));
    if (neox) {
      putHalves(i, cos, sin);
      return;
    }
    for (int64_t lane = 0; lane < wide.lanes; ++lane) {
      put(lb.index.add(i, lane),
          vector::ExtractOp::create(lb.b, lb.loc, cos, lane),
          vector::ExtractOp::create(lb.b, lb.loc, sin, lane));
    }
  });
  lb.loop(lb.index.constant(whole), count, 1, [&](Value i) {
    Value f = memref::LoadOp::create(lb.b, lb.loc, form.frequencies,
                                     ValueRange{row, i});
    auto [cos, sin] = compute(f, turns);
    put(i, cos, sin);
  });
}

Value RopeRows::turned(Value x, Value partner, Value cos, Value sin) {
  if (isa<VectorType>(x.getType())) {
    return lb.fma(partner, sin, lb.mul(x, cos));
  }
  return math::FmaOp::create(lb.b, lb.loc, partner, sin,
                             arith::MulFOp::create(lb.b, lb.loc, x, cos));
}

// A pair is read before either of it is written, since `out` may be `x`.
void RopeRows::turnPair(const ElementRow &from, const ElementRow &to, Value u,
                        Value w) {
  Value x = lb.loadScalar(from.memref, from.at(u));
  Value y = lb.loadScalar(from.memref, from.at(w));
  auto row = [&](Value memref, Value i) { return lb.loadScalar(memref, {i}); };
  Value first = turned(x, y, row(cosRow, u), row(sinRow, u));
  Value second = turned(y, x, row(cosRow, w), row(sinRow, w));
  storeScalar(lb, first, to, u);
  storeScalar(lb, second, to, w);
}

void RopeRows::turnHalves(const ElementRow &from, const ElementRow &to) {
  int64_t whole =
      from.contiguous && to.contiguous ? half / lb.lanes * lb.lanes : 0;
  Value zero = lb.index.constant(0);
  lb.loop(zero, lb.index.constant(whole), lb.lanes, [&](Value u) {
    Value w = lb.index.add(u, half);
    Value x = lb.load(from.memref, from.at(u)),
          y = lb.load(from.memref, from.at(w));
    Value first = turned(x, y, lb.load(cosRow, u), lb.load(sinRow, u));
    Value second = turned(y, x, lb.load(cosRow, w), lb.load(sinRow, w));
    lb.store(first, to.memref, to.at(u));
    lb.store(second, to.memref, to.at(w));
  });
  lb.loop(lb.index.constant(whole), lb.index.constant(half), 1,
          [&](Value u) { turnPair(from, to, u, lb.index.add(u, half)); });
}

void RopeRows::turnNeighbours(const ElementRow &from, const ElementRow &to) {
  int64_t whole =
      from.contiguous && to.contiguous ? form.rotary / lb.lanes * lb.lanes : 0;
  Value zero = lb.index.constant(0);
  SmallVector<int64_t> swap;
  for (int64_t lane = 0; lane < lb.lanes; ++lane) {
    swap.push_back(lane ^ 1);
  }
  lb.loop(zero, lb.index.constant(whole), lb.lanes, [&](Value u) {
    Value x = lb.load(from.memref, from.at(u));
    lb.store(
        turned(x, lb.shuffle(x, swap), lb.load(cosRow, u), lb.load(sinRow, u)),
        to.memref, to.at(u));
  });
  lb.loop(lb.index.constant(whole), lb.index.constant(form.rotary), 2,
          [&](Value u) { turnPair(from, to, u, lb.index.add(u, 1)); });
}

void RopeRows::turn(const ElementRow &from, const ElementRow &to, Value size) {
  neox ? turnHalves(from, to) : turnNeighbours(from, to);
  if (getConstantIntValue(size) != form.rotary) {
    copyElements(lb, from, to, form.rotary, size);
  }
}

} // namespace attn
