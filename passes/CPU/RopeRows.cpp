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
      neox(form.pairs == RopePairs::NeoX) {
  if (!form.cos) {
    cos.emplace(scratch(lb, op, {half}), SmallVector<Value>());
    sin.emplace(scratch(lb, op, {half}), SmallVector<Value>());
  }
}

RopeRows::Pair RopeRows::angles(Value frequency, Value turns) {
  Trigonometry trig(lb.b, lb.loc, frequency.getType());
  auto [cos, sin] = trig.cosSin(trig.mul(frequency, turns));
  if (form.magnitude != 1) {
    cos = trig.mul(cos, trig.constant(form.magnitude));
    sin = trig.mul(sin, trig.constant(form.magnitude));
  }
  return {lb.convert(cos, lb.type), lb.convert(sin, lb.type)};
}

void RopeRows::moveTo(Value position) {
  Value zero = lb.index.constant(0);
  if (form.cos) {
    Value rows =
        lb.index.value(memref::getMixedSize(lb.b, lb.loc, form.cos, 0));
    Value row = lb.index.clamp(position, zero, lb.index.add(rows, -1));
    cos.emplace(form.cos, SmallVector<Value>{row});
    sin.emplace(form.sin, SmallVector<Value>{row});
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
  lb.loop(zero, lb.index.constant(whole), wide.lanes, [&](Value i) {
    auto [c, s] =
        angles(wide.load(form.frequencies, {row, i}), wide.splat(turns));
    vector::StoreOp::create(lb.b, lb.loc, c, cos->memref, i);
    vector::StoreOp::create(lb.b, lb.loc, s, sin->memref, i);
  });
  lb.loop(lb.index.constant(whole), lb.index.constant(half), 1, [&](Value i) {
    auto [c, s] =
        angles(memref::LoadOp::create(lb.b, lb.loc, form.frequencies, {row, i}),
               turns);
    memref::StoreOp::create(lb.b, lb.loc, c, cos->memref, i);
    memref::StoreOp::create(lb.b, lb.loc, s, sin->memref, i);
  });
}

RopeRows::Pair RopeRows::turned(Pair x, Value cos, Value sin) {
  auto [u, w] = x;
  auto sum = [&](Value a, Value b, Value c) -> Value {
    return math::FmaOp::create(lb.b, lb.loc, a, b, c);
  };
  auto mul = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(lb.b, lb.loc, a, b);
  };
  Value minus = arith::NegFOp::create(lb.b, lb.loc, w);
  return {sum(minus, sin, mul(u, cos)), sum(u, sin, mul(w, cos))};
}

// The elements of pairs [pair, pair + lanes), the first ones and the second
// ones.
RopeRows::Pair RopeRows::loadPairs(const ElementRow &from, Value pair) {
  if (neox) {
    return {lb.load(from.memref, from.at(pair)),
            lb.load(from.memref, from.at(lb.index.add(pair, half)))};
  }
  Type element = cast<MemRefType>(from.memref.getType()).getElementType();
  Value both = vector::LoadOp::create(
      lb.b, lb.loc, VectorType::get({2 * lb.lanes}, element), from.memref,
      from.at(lb.index.mul(pair, 2)));
  auto apart =
      vector::DeinterleaveOp::create(lb.b, lb.loc, lb.convert(both, lb.type));
  return {apart.getRes1(), apart.getRes2()};
}

void RopeRows::storePairs(Pair x, const ElementRow &to, Value pair) {
  if (neox) {
    lb.store(x.first, to.memref, to.at(pair));
    lb.store(x.second, to.memref, to.at(lb.index.add(pair, half)));
    return;
  }
  lb.store(vector::InterleaveOp::create(lb.b, lb.loc, x.first, x.second),
           to.memref, to.at(lb.index.mul(pair, 2)));
}

// A pair is read before either of it is written, since `out` may be `x`.
void RopeRows::turnPair(const ElementRow &from, const ElementRow &to,
                        Value pair) {
  Value u = neox ? pair : lb.index.mul(pair, 2);
  Value w = lb.index.add(u, neox ? half : 1);
  Pair x = {lb.loadScalar(from.memref, from.at(u)),
            lb.loadScalar(from.memref, from.at(w))};
  x = turned(x, lb.loadScalar(cos->memref, cos->at(pair)),
             lb.loadScalar(sin->memref, sin->at(pair)));
  storeScalar(lb, x.first, to, u);
  storeScalar(lb, x.second, to, w);
}

void RopeRows::turn(const ElementRow &from, const ElementRow &to, Value size) {
  bool vectors =
      from.contiguous && to.contiguous && cos->contiguous && sin->contiguous;
  int64_t whole = vectors ? half / lb.lanes : 0;
  constexpr int64_t kUnroll = 4;
  lb.unrolled(lb.index.constant(whole), kUnroll, {},
              [&](Value n, ValueRange) -> SmallVector<Value> {
                Value pair = lb.index.mul(n, lb.lanes);
                storePairs(turned(loadPairs(from, pair),
                                  lb.load(cos->memref, cos->at(pair)),
                                  lb.load(sin->memref, sin->at(pair))),
                           to, pair);
                return {};
              });
  lb.loop(lb.index.constant(whole * lb.lanes), lb.index.constant(half), 1,
          [&](Value pair) { turnPair(from, to, pair); });
  if (getConstantIntValue(size) != form.rotary) {
    copyElements(lb, from, to, form.rotary, size);
  }
}

} // namespace attn
