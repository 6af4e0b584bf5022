//===- Codes.cpp - codes of few bits on vectors ---------------------------===//

#include "Codes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attn {

constexpr int64_t kBlock = 32; // elements of a block of q8_0 and q4_0

double Codes::largest() const {
  if (isa<Float8E4M3FNType>(element)) {
    return 448;
  }
  if (isa<Float8E5M2Type>(element)) {
    return 57344;
  }
  int bits = packing == Packing::Int4 ? 4 : 8;
  return isSigned ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
}

double Codes::least() const {
  return isa<FloatType>(element) || isSigned ? -largest() : 0;
}

Value Codes::all(VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      lb.b, lb.loc,
      SplatElementsAttr::get(
          type, Attribute(lb.b.getIntegerAttr(type.getElementType(), value))));
}

Value Codes::bytes(const ElementRow &row, Value at, int64_t count) {
  auto type = VectorType::get({count}, element);
  Value loaded = row.contiguous ? vector::LoadOp::create(lb.b, lb.loc, type,
                                                         row.memref, row.at(at))
                                      .getResult()
                                : Value();
  if (!loaded) {
    SmallVector<Value> elements;
    for (int64_t n = 0; n < count; ++n) {
      elements.push_back(memref::LoadOp::create(lb.b, lb.loc, row.memref,
                                                row.at(lb.index.add(at, n))));
    }
    loaded = vector::FromElementsOp::create(lb.b, lb.loc, type, elements);
  }
  return element.isInteger(8)
             ? loaded
             : vector::BitCastOp::create(lb.b, lb.loc,
                                         type.clone(lb.b.getI8Type()), loaded);
}

// The exponent and the mantissa at the place of those of f16 are the number by
// 2^8, subnormals included. What would be 480 is NaN.
Value Codes::fromE4M3(Value bits) {
  auto type = cast<VectorType>(bits.getType()).clone(lb.b.getI16Type());
  auto half = type.clone(lb.b.getF16Type());
  Value wide = arith::ExtUIOp::create(lb.b, lb.loc, type, bits);
  auto shifted = [&](Value x, int64_t by) {
    return arith::ShLIOp::create(lb.b, lb.loc, x, all(type, by));
  };
  auto masked = [&](Value x, int64_t by) {
    return arith::AndIOp::create(lb.b, lb.loc, x, all(type, by));
  };
  Value rest = masked(wide, 0x7f);
  Value isNaN = arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::eq,
                                      rest, all(type, 0x7f));
  Value number = arith::OrIOp::create(
      lb.b, lb.loc, shifted(masked(wide, 0x80), 8),
      arith::SelectOp::create(lb.b, lb.loc, isNaN, all(type, 0x7e00),
                              shifted(rest, 7)));
  Value x =
      lb.convert(arith::BitcastOp::create(lb.b, lb.loc, half, number), lb.type);
  Value factor = arith::ConstantOp::create(
      lb.b, lb.loc,
      SplatElementsAttr::get(cast<VectorType>(x.getType()),
                             Attribute(lb.b.getFloatAttr(lb.type, 256.0))));
  return lb.mul(x, factor);
}

// The high byte of f16.
Value Codes::fromE5M2(Value bits) {
  auto type = cast<VectorType>(bits.getType()).clone(lb.b.getI16Type());
  Value high = arith::ShLIOp::create(
      lb.b, lb.loc, arith::ExtUIOp::create(lb.b, lb.loc, type, bits),
      all(type, 8));
  return lb.convert(arith::BitcastOp::create(
                        lb.b, lb.loc, type.clone(lb.b.getF16Type()), high),
                    lb.type);
}

Value Codes::load(const ElementRow &row, Value d, int64_t count) {
  auto ofBytes = VectorType::get({count}, lb.b.getI8Type());
  auto toFloat = [&](Value integers, bool hasSign) -> Value {
    auto wide = ofBytes.clone(lb.b.getI32Type());
    auto type = ofBytes.clone(lb.type);
    Value x =
        hasSign
            ? arith::ExtSIOp::create(lb.b, lb.loc, wide, integers).getResult()
            : arith::ExtUIOp::create(lb.b, lb.loc, wide, integers);
    return arith::SIToFPOp::create(lb.b, lb.loc, type, x);
  };
  // Nibbles with a sign are moved by 8, so that all are unsigned.
  auto fromNibbles = [&](Value nibbles, bool hasSign) -> Value {
    if (!hasSign) {
      return toFloat(nibbles, false);
    }
    Value eight = all(ofBytes, 8);
    Value flipped =
        packing == Packing::Q4_0
            ? nibbles
            : arith::XOrIOp::create(lb.b, lb.loc, nibbles, eight).getResult();
    return toFloat(arith::SubIOp::create(lb.b, lb.loc, flipped, eight), true);
  };
  auto low = [&](Value x) -> Value {
    return arith::AndIOp::create(lb.b, lb.loc, x,
                                 all(cast<VectorType>(x.getType()), 15));
  };
  auto shifted = [&](Value x, Value by) -> Value {
    auto type = cast<VectorType>(x.getType());
    Value amount = vector::BroadcastOp::create(
        lb.b, lb.loc, type,
        arith::IndexCastOp::create(lb.b, lb.loc, lb.b.getI8Type(), by));
    return arith::ShRUIOp::create(lb.b, lb.loc, x, amount);
  };
  Value block, inBlock;
  if (packing == Packing::Q8_0 || packing == Packing::Q4_0) {
    block = lb.index.div(d, kBlock);
    inBlock = lb.index.sub(d, lb.index.mul(block, kBlock));
  }
  switch (packing) {
  case Packing::Plain: {
    Value x = bytes(row, d, count);
    return isa<Float8E4M3FNType>(element) ? fromE4M3(x)
           : isa<Float8E5M2Type>(element) ? fromE5M2(x)
                                          : toFloat(x, isSigned);
  }
  case Packing::Int4: {
    Value at = lb.index.div(d, 2);
    if (count == 1) {
      Value odd = lb.index.sub(d, lb.index.mul(at, 2));
      return fromNibbles(low(shifted(bytes(row, at, 1), lb.index.mul(odd, 4))),
                         isSigned);
    }
    Value x = bytes(row, at, count / 2);
    Value high = arith::ShRUIOp::create(lb.b, lb.loc, x,
                                        all(cast<VectorType>(x.getType()), 4));
    SmallVector<int64_t> zip;
    for (int64_t n = 0; n < count / 2; ++n) {
      zip.append({n, count / 2 + n});
    }
    return fromNibbles(
        vector::ShuffleOp::create(lb.b, lb.loc, low(x), high, zip), isSigned);
  }
  case Packing::Q8_0:
    return toFloat(
        bytes(row,
              lb.index.add(lb.index.add(lb.index.mul(block, 34), 2), inBlock),
              count),
        true);
  case Packing::Q4_0: {
    Value half = lb.index.div(inBlock, kBlock / 2);
    Value at = lb.index.sub(inBlock, lb.index.mul(half, kBlock / 2));
    Value x = bytes(
        row, lb.index.add(lb.index.add(lb.index.mul(block, 18), 2), at), count);
    return fromNibbles(low(shifted(x, lb.index.mul(half, 4))), true);
  }
  }
  llvm_unreachable("unknown packing");
}

Value Codes::innerScale(const ElementRow &row, Value d) {
  if (packing != Packing::Q8_0 && packing != Packing::Q4_0) {
    return Value();
  }
  int64_t size = packing == Packing::Q8_0 ? 34 : 18;
  Value at = lb.index.mul(lb.index.div(d, kBlock), size);
  Value half = vector::BitCastOp::create(
      lb.b, lb.loc, VectorType::get({1}, lb.b.getF16Type()), bytes(row, at, 2));
  return lb.convert(lb.extract(half, 0), lb.type);
}

// Source: F. Giesen's "half to float done quick" and its inverse. Numbers are
// finite and within range.
Value Codes::toFloat8(Value x, int64_t mantissa) {
  auto floats = cast<VectorType>(x.getType());
  auto ints = floats.clone(lb.b.getI32Type());
  auto constant = [&](int64_t value) { return all(ints, value); };
  auto bitsOf = [&](Value value) -> Value {
    return arith::BitcastOp::create(lb.b, lb.loc, ints, value);
  };
  auto floatOf = [&](Value value) -> Value {
    return arith::BitcastOp::create(lb.b, lb.loc, floats, value);
  };
  int64_t shift = 23 - mantissa, bias = (1 << (6 - mantissa)) - 1;
  Value bits = bitsOf(x);
  Value sign = integer<arith::AndIOp>(
      integer<arith::ShRUIOp>(bits, constant(24)), constant(0x80));
  bits = integer<arith::AndIOp>(bits, constant(0x7fffffff));
  // Subnormals are multiples of 2^(1 - bias - mantissa), which a sum with
  // 2^23 of them leaves in the low bits.
  int64_t magic = (127 + 24 - bias - mantissa) << 23;
  Value sum = lb.add(floatOf(bits), floatOf(constant(magic)));
  Value subnormal = integer<arith::SubIOp>(bitsOf(sum), constant(magic));
  Value odd = integer<arith::AndIOp>(
      integer<arith::ShRUIOp>(bits, constant(shift)), constant(1));
  int64_t rebias = (127 - bias) << 23, half = (int64_t(1) << (shift - 1)) - 1;
  Value normal = integer<arith::AddIOp>(
      integer<arith::AddIOp>(bits, constant(half - rebias)), odd);
  normal = integer<arith::ShRUIOp>(normal, constant(shift));
  Value small =
      arith::CmpIOp::create(lb.b, lb.loc, arith::CmpIPredicate::ult, bits,
                            constant(rebias + (int64_t(1) << 23)));
  Value code = integer<arith::OrIOp>(
      sign, arith::SelectOp::create(lb.b, lb.loc, small, subnormal, normal));
  return arith::TruncIOp::create(lb.b, lb.loc, floats.clone(lb.b.getI8Type()),
                                 code);
}

void Codes::store(Value numbers, const ElementRow &row, Value d) {
  auto floats = cast<VectorType>(numbers.getType());
  auto bound = [&](double value) {
    return arith::ConstantOp::create(
        lb.b, lb.loc,
        SplatElementsAttr::get(floats,
                               Attribute(lb.b.getFloatAttr(lb.type, value))));
  };
  Value x = arith::MinNumFOp::create(lb.b, lb.loc, numbers, bound(largest()));
  x = arith::MaxNumFOp::create(lb.b, lb.loc, x, bound(least()));
  Value codes;
  if (isa<FloatType>(element)) {
    codes = toFloat8(x, isa<Float8E4M3FNType>(element) ? 3 : 2);
  } else {
    auto ints = floats.clone(lb.b.getI32Type());
    codes = arith::TruncIOp::create(
        lb.b, lb.loc, floats.clone(lb.b.getI8Type()),
        arith::FPToSIOp::create(lb.b, lb.loc, ints,
                                math::RoundEvenOp::create(lb.b, lb.loc, x)));
  }
  if (packing == Packing::Int4) {
    SmallVector<int64_t> even, odd;
    for (int64_t n = 0; n < floats.getDimSize(0); n += 2) {
      even.push_back(n);
      odd.push_back(n + 1);
    }
    auto half = [&](ArrayRef<int64_t> of) -> Value {
      return vector::ShuffleOp::create(lb.b, lb.loc, codes, codes, of);
    };
    Value first = half(even);
    auto type = cast<VectorType>(first.getType());
    codes =
        integer<arith::OrIOp>(integer<arith::AndIOp>(first, all(type, 15)),
                              integer<arith::ShLIOp>(half(odd), all(type, 4)));
    d = lb.index.div(d, 2);
  }
  int64_t count = cast<VectorType>(codes.getType()).getDimSize(0);
  if (!element.isInteger(8)) {
    codes = vector::BitCastOp::create(lb.b, lb.loc,
                                      VectorType::get({count}, element), codes);
  }
  if (row.contiguous) {
    vector::StoreOp::create(lb.b, lb.loc, codes, row.memref, row.at(d));
    return;
  }
  for (int64_t n = 0; n < count; ++n) {
    memref::StoreOp::create(lb.b, lb.loc, lb.extract(codes, n), row.memref,
                            row.at(lb.index.add(d, n)));
  }
}

} // namespace attn
