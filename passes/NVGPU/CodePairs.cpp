//===- CodePairs.cpp - from words of codes to operands of products --------===//
// Integers become floats by the bits of a larger one: of m + code, with m so
// large that the last place is 1, the code is the mantissa. fp8 has
// instructions, to f16.
//===----------------------------------------------------------------------===//

#include "CodeTile.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

using Grain = CodeForm::Grain;

Value CodeTile::both(uint64_t bits) {
  return warp.c(static_cast<int32_t>(static_cast<uint32_t>(bits)));
}

Value CodeTile::pairOf(Value word) {
  return LLVM::BitcastOp::create(warp.builder, warp.loc,
                                 VectorType::get(2, type), word);
}

Value CodeTile::word(Value pair) {
  return LLVM::BitcastOp::create(warp.builder, warp.loc, warp.i32(), pair);
}

Value CodeTile::twice(double value) { return pairOf(warp.twice(value, type)); }

Value CodeTile::scaled(Value pair, Value scale, Value zero) {
  return warp.fmaPair(pair, pairOf(scale), zero ? pairOf(zero) : twice(0));
}

// Four codes of 4 bits are one in each half of the word, from the last bits on.
SmallVector<Value> CodeTile::largeHalves(Value word) {
  // 128 + code in bf16. In f16 it is 64, with 4 places behind the point: sums
  // of what is large by 1024 lose what they are to keep. Numbers with a sign
  // are moved by 8.
  bool f16 = type.isF16();
  int64_t place = f16 ? 4 : 0;
  uint64_t base = f16 ? 0x54005400 : 0x43004300;
  uint64_t flip = form.zero ? 0 : uint64_t(0x00080008) << place;
  Value mask = warp.c(0x000f000f << place);
  SmallVector<Value> pairs;
  for (int64_t i = 0; i < 4; ++i) {
    int64_t down = 4 * i - place;
    Value bits = down > 0   ? warp.shr(word, down)
                 : down < 0 ? warp.mul(word, int64_t(1) << -down)
                            : word;
    pairs.push_back(warp.maskedXor(bits, mask, both(base | flip)));
  }
  return pairs;
}

SmallVector<Value> CodeTile::decodeHalves(Value word) {
  double moved = (type.isF16() ? 64 : 128) + (form.zero ? 0 : 8);
  return llvm::map_to_vector(largeHalves(word), [&](Value large) {
    return warp.fmaPair(pairOf(large), twice(1), twice(-moved));
  });
}

bool CodeTile::isInteger() {
  return !isa<FloatType>(
      cast<ShapedType>(op.getCodes().getType()).getElementType());
}

double CodeTile::centre() {
  bool moves = place.folded && form.zero && isInteger();
  return !moves ? 0 : form.bits == 4 ? 8 : 128;
}

// Of 4 bits the code is left where it is, in a mantissa; other codes are exact.
double CodeTile::offset() const {
  return form.bits != 4 ? 0 : type.isF16() ? 72 : 136;
}

SmallVector<Value> CodeTile::integers(Value codes) {
  if (form.bits == 4) {
    return largeHalves(codes);
  }
  return llvm::map_to_vector(decodeBytes(codes),
                             [&](Value pair) { return word(pair); });
}

// Two pairs of codes of 8 bits: neighbours of a row of K, or of a column of V,
// where a half of the word is a key.
SmallVector<Value> CodeTile::decodeBytes(Value word) {
  bool hasSign = !form.zero || place.folded;
  if (form.zero && place.folded && isInteger()) {
    word = warp.xori(word, both(0x80808080));
  }
  Type code = cast<ShapedType>(op.getCodes().getType()).getElementType();
  Value zero = warp.c(0);
  // Of byte n of each half: selectors for prmt, in the low or the high half of
  // an element.
  auto select = [&](int64_t n, bool high, int64_t fill) -> int64_t {
    int64_t first = ofValues ? n : 2 * n;
    int64_t second = ofValues ? n + 2 : 2 * n + 1;
    return high ? fill | first << 4 | fill << 8 | second << 12
                : first | fill << 4 | second << 8 | fill << 12;
  };
  bool converts = isa<Float8E4M3FNType>(code);
  Value ordered =
      converts && ofValues ? warp.permute(word, zero, 0x3120) : word;
  SmallVector<Value> pairs;
  for (int64_t n = 0; n < 2; ++n) {
    if (isa<FloatType>(code)) {
      // Of e5m2 a code is the first byte of an f16.
      Value exact =
          converts ? warp.fromE4M3(n == 0 ? ordered : warp.shr(ordered, 16))
                   : LLVM::BitcastOp::create(
                         warp.builder, warp.loc,
                         VectorType::get(2, warp.builder.getF16Type()),
                         warp.permute(word, zero, select(n, /*high=*/true, 4)))
                         .getResult();
      pairs.push_back(type.isF16() ? exact : warp.toBF16(exact));
      continue;
    }
    if (type.isF16()) {
      Value moved = hasSign ? warp.xori(word, both(0x80808080)) : word;
      Value large = pairOf(
          warp.permute(moved, both(0x64646464), select(n, /*high=*/false, 4)));
      pairs.push_back(
          warp.fmaPair(large, twice(1), twice(hasSign ? -1024 - 128 : -1024)));
      continue;
    }
    // Seven bits as a mantissa, and the first one as 128 or 256.
    Value large =
        warp.permute(word, both(0x43434343), select(n, /*high=*/false, 4));
    Value low =
        pairOf(warp.either(warp.andi(large, 0x007f007f), both(0x43004300)));
    Value high = pairOf(warp.andi(
        large, static_cast<int32_t>(static_cast<uint32_t>(0xff80ff80))));
    if (hasSign) {
      pairs.push_back(warp.fmaPair(high, twice(-1), low));
    } else {
      pairs.push_back(warp.fmaPair(high, twice(1),
                                   warp.fmaPair(low, twice(1), twice(-256))));
    }
  }
  return pairs;
}

SmallVector<Value> CodeTile::decode(Value word) {
  return form.bits == 4 ? decodeHalves(word) : decodeBytes(word);
}

SmallVector<Value> CodeTile::ofChannels(Value group, int64_t chunk, Value stage,
                                        bool zeros) {
  // Elements of the chunk: those of a lane of the quad lie together.
  int64_t size = form.unit();
  int64_t columns = llvm::alignTo(form.columns, form.padding());
  int64_t start = (zeros ? zeroStart() : 0) + chunk * 16 * form.unit();
  Value bytes = warp.add(warp.mul(warp.andi(place.lane, 3), 4 * size),
                         warp.mul(group, 2 * columns));
  Value all = warp.load(VectorType::get(size, warp.i32()),
                        at(bytes, stage, start), 4 * size);
  SmallVector<Value> words;
  for (int64_t i = 0; i < size; ++i) {
    words.push_back(
        LLVM::ExtractElementOp::create(warp.builder, warp.loc, all, warp.c(i)));
  }
  return words;
}

Value CodeTile::ofGroup(Value key, Value group, Value stage, bool zeros) {
  Value bytes = warp.add(warp.mul(key, 2), warp.mul(group, place.keys * 2));
  return warp.load(warp.i32(), at(bytes, stage, zeros ? zeroStart() : 0));
}

Value CodeTile::times(Value a, Value b) {
  return word(scaled(pairOf(a), b, Value()));
}

SmallVector<Value> CodeTile::keyPairs(Value codes, Value key, int64_t chunk,
                                      Value phase, Value stage) {
  SmallVector<Value> pairs = decode(codes);
  int64_t size = static_cast<int64_t>(pairs.size());
  auto read = [&](bool zeros) -> SmallVector<Value> {
    if (form.grain == Grain::Groups) {
      int64_t start = zeros ? zeroStart() : 0;
      int64_t group = chunk * 8 * form.unit() / form.elements;
      Value one = warp.load(warp.i32(), at(warp.mul(key, 4 * form.groups()),
                                           stage, start + 4 * group));
      return SmallVector<Value>(size, one);
    }
    Value group = phase ? warp.div(warp.add(phase, key), form.keys) : warp.c(0);
    return ofChannels(group, chunk, stage, zeros);
  };
  if (!scalesKeys()) {
    SmallVector<Value> scales = read(/*zeros=*/false), zeros(size);
    if (form.zero) {
      zeros = read(/*zeros=*/true);
    }
    for (int64_t i = 0; i < size; ++i) {
      pairs[i] = scaled(pairs[i], scales[i], zeros[i]);
    }
  }
  return llvm::map_to_vector(pairs, [&](Value pair) { return word(pair); });
}

SmallVector<Value> CodeTile::valuePairs(Value codes, Value key, Value group,
                                        Value stage) {
  SmallVector<Value> pairs = decode(codes);
  if (!scalesKeys()) {
    Value scale = ofGroup(key, group, stage, /*zeros=*/false);
    Value zero =
        form.zero ? ofGroup(key, group, stage, /*zeros=*/true) : Value();
    for (Value &pair : pairs) {
      pair = scaled(pair, scale, zero);
    }
  }
  return llvm::map_to_vector(pairs, [&](Value pair) { return word(pair); });
}

} // namespace attn
