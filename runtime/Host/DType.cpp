//===- DType.cpp - element types and their conversions --------------------===//
// The scalar conversions work on bit patterns, so that they round once and give
// the same bits everywhere; the bulk ones are written without branches, for the
// vectoriser, and agree with them.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/DType.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace attn::rt;

namespace {

template <typename To, typename From> To bitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

/// Rounds a double to a 16-bit float with `manBits` stored mantissa bits.
template <int manBits> uint16_t narrow(double value) {
  constexpr int kExpBits = 15 - manBits;
  constexpr int kBias = (1 << (kExpBits - 1)) - 1;
  constexpr uint64_t kInf = ((uint64_t(1) << kExpBits) - 1) << manBits;

  uint64_t bits = bitCast<uint64_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 63) << 15;
  int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  if (exponent == 0x7ff) {
    uint64_t payload =
        mantissa ? (mantissa >> (52 - manBits)) | (1u << (manBits - 1)) : 0;
    return static_cast<uint16_t>(sign | kInf | payload);
  }
  // Doubles below their own normal range are far below half a subnormal here.
  if (exponent == 0) {
    return sign;
  }
  int newExponent = exponent - 1023 + kBias;
  uint64_t significand = mantissa | (uint64_t(1) << 52);
  int shift = 52 - manBits;
  if (newExponent <= 0) {
    shift += 1 - newExponent;
    newExponent = 1;
    if (shift >= 54) {
      return sign;
    }
  }
  uint64_t kept = significand >> shift;
  uint64_t rest = significand & ((uint64_t(1) << shift) - 1);
  uint64_t half = uint64_t(1) << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  // `kept` carries the implicit bit of a normal number, and a carry out of the
  // mantissa, into the exponent.
  uint64_t result = (uint64_t(newExponent - 1) << manBits) + kept;
  return static_cast<uint16_t>(sign | (result < kInf ? result : kInf));
}

// Source: F. Giesen, "half to float done quick" and its round-to-even inverse.
inline uint16_t toF16Fast(float value) {
  constexpr uint32_t kInf = 255u << 23;
  constexpr uint32_t kTooLarge = (127u + 16) << 23;
  constexpr uint32_t kMinNormal = 113u << 23;
  constexpr uint32_t kDenormMagic = ((127u - 15) + (23 - 10) + 1) << 23;
  uint32_t bits = bitCast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000;
  bits &= 0x7fffffff;
  uint32_t special =
      bits > kInf ? 0x7e00 | ((bits >> 13) & 0x3ff) : uint32_t(0x7c00);
  uint32_t subnormal =
      bitCast<uint32_t>(bitCast<float>(bits) + bitCast<float>(kDenormMagic)) -
      kDenormMagic;
  uint32_t normal = (bits - (112u << 23) + 0xfff + ((bits >> 13) & 1)) >> 13;
  uint32_t finite = bits < kMinNormal ? subnormal : normal;
  return static_cast<uint16_t>(sign | (bits >= kTooLarge ? special : finite));
}

inline float fromF16Fast(uint16_t half) {
  constexpr uint32_t kExponent = 0x7c00u << 13;
  uint32_t bits = (half & 0x7fffu) << 13;
  uint32_t exponent = bits & kExponent;
  bits += 112u << 23;
  float subnormal =
      bitCast<float>(bits + (1u << 23)) - bitCast<float>(113u << 23);
  uint32_t normal = exponent == kExponent ? bits + (112u << 23) : bits;
  uint32_t result = exponent == 0 ? bitCast<uint32_t>(subnormal) : normal;
  return bitCast<float>(result | ((half & 0x8000u) << 16));
}

inline uint16_t toBF16Fast(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  uint32_t quiet = bits | 0x400000;
  bool isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>((isNaN ? quiet : rounded) >> 16);
}

inline float fromBF16Fast(uint16_t bits) {
  return bitCast<float>(uint32_t(bits) << 16);
}

template <typename T> T saturate(double value) {
  if (std::isnan(value)) {
    return 0;
  }
  double rounded = std::nearbyint(value);
  // The upper limit of int64 is no double; 2^63 is the first that is too large.
  constexpr double kLimit =
      static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
  if (rounded >= kLimit) {
    return std::numeric_limits<T>::max();
  }
  if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  return static_cast<T>(rounded);
}

struct DTypeEntry {
  const char *name;
  int64_t size;
};
constexpr DTypeEntry kTypes[kNumDTypes] = {
    {"f64", 8}, {"f32", 4}, {"f16", 2},      {"bf16", 2},
    {"i64", 8}, {"i32", 4}, {"i16", 2},      {"i8", 1},
    {"u8", 1},  {"i1", 1},  {"f8E4M3FN", 1}, {"f8E5M2", 1},
};

/// Calls body(load, store) with the accessors of `type`: load(pointer, index)
/// and store(pointer, index, double).
template <typename T> struct Plain {
  static double load(const void *data, int64_t i) {
    return static_cast<double>(static_cast<const T *>(data)[i]);
  }
  static void store(void *data, int64_t i, double value) {
    if constexpr (std::numeric_limits<T>::is_integer) {
      static_cast<T *>(data)[i] = saturate<T>(value);
    } else {
      static_cast<T *>(data)[i] = static_cast<T>(value);
    }
  }
};
struct Half {
  static double load(const void *data, int64_t i) {
    return fromF16Fast(static_cast<const uint16_t *>(data)[i]);
  }
  static void store(void *data, int64_t i, double value) {
    static_cast<uint16_t *>(data)[i] = narrow<10>(value);
  }
};
struct Brain {
  static double load(const void *data, int64_t i) {
    return fromBF16Fast(static_cast<const uint16_t *>(data)[i]);
  }
  static void store(void *data, int64_t i, double value) {
    static_cast<uint16_t *>(data)[i] = narrow<7>(value);
  }
};
struct Bool {
  static double load(const void *data, int64_t i) {
    return static_cast<const uint8_t *>(data)[i] != 0;
  }
  static void store(void *data, int64_t i, double value) {
    static_cast<uint8_t *>(data)[i] = value != 0;
  }
};

/// A float of 8 bits, `manBits` of them mantissa; only with two of them there
/// is an infinity.
template <int manBits> struct Float8 {
  static constexpr int kBias = (1 << (6 - manBits)) - 1;
  static constexpr int kLargest = manBits == 3 ? 0x7e : 0x7b;

  static double load(const void *data, int64_t i) {
    uint8_t bits = static_cast<const uint8_t *>(data)[i];
    int rest = bits & 0x7f, exponent = rest >> manBits;
    int fraction = rest & ((1 << manBits) - 1);
    double value = std::ldexp(exponent ? fraction + (1 << manBits) : fraction,
                              std::max(exponent, 1) - kBias - manBits);
    if (rest > kLargest) {
      value = manBits == 2 && fraction == 0
                  ? std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::quiet_NaN();
    }
    return bits & 0x80 ? -value : value;
  }
  static void store(void *data, int64_t i, double value) {
    int code = 0x7f;
    if (!std::isnan(value)) {
      double size = std::min(std::fabs(value), 1e6);
      int exponent =
          size > 0 ? std::max(std::ilogb(size), 1 - kBias) : 1 - kBias;
      // The bit in front of the mantissa carries into the exponent.
      code = ((exponent + kBias - 1) << manBits) +
             static_cast<int>(
                 std::nearbyint(std::ldexp(size, manBits - exponent)));
      code = std::min(code, kLargest);
    }
    static_cast<uint8_t *>(data)[i] =
        static_cast<uint8_t>(code | (std::signbit(value) ? 0x80 : 0));
  }
};

template <typename Body> auto withAccess(DType type, Body body) {
  switch (type) {
  case DType::kF64:
    return body(Plain<double>());
  case DType::kF32:
    return body(Plain<float>());
  case DType::kF16:
    return body(Half());
  case DType::kBF16:
    return body(Brain());
  case DType::kI64:
    return body(Plain<int64_t>());
  case DType::kI32:
    return body(Plain<int32_t>());
  case DType::kI16:
    return body(Plain<int16_t>());
  case DType::kI8:
    return body(Plain<int8_t>());
  case DType::kU8:
    return body(Plain<uint8_t>());
  case DType::kF8E4M3FN:
    return body(Float8<3>());
  case DType::kF8E5M2:
    return body(Float8<2>());
  case DType::kI1:
    break;
  }
  return body(Bool());
}

} // namespace

int64_t attn::rt::sizeOf(DType type) {
  return kTypes[static_cast<int>(type)].size;
}

bool attn::rt::isFloat(DType type) {
  return type == DType::kF64 || type == DType::kF32 || type == DType::kF16 ||
         type == DType::kBF16 || type == DType::kF8E4M3FN ||
         type == DType::kF8E5M2;
}

const char *attn::rt::nameOf(DType type) {
  return kTypes[static_cast<int>(type)].name;
}

std::optional<DType> attn::rt::parseDType(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (name == kTypes[i].name) {
      return static_cast<DType>(i);
    }
  }
  if (name == "ui8") {
    return DType::kU8;
  }
  if (name == "index") {
    return DType::kI64;
  }
  return std::nullopt;
}

uint16_t attn::rt::toF16(double value) { return narrow<10>(value); }
uint16_t attn::rt::toF16(float value) { return toF16Fast(value); }
uint16_t attn::rt::toBF16(double value) { return narrow<7>(value); }
uint16_t attn::rt::toBF16(float value) { return toBF16Fast(value); }
float attn::rt::fromF16(uint16_t bits) { return fromF16Fast(bits); }
float attn::rt::fromBF16(uint16_t bits) { return fromBF16Fast(bits); }

double attn::rt::loadElement(DType type, const void *data, int64_t index) {
  return withAccess(type,
                    [&](auto access) { return access.load(data, index); });
}

void attn::rt::storeElement(DType type, void *data, int64_t index,
                            double value) {
  withAccess(type, [&](auto access) { access.store(data, index, value); });
}

void attn::rt::toDoubles(DType type, const void *from, double *to,
                         int64_t count) {
  withAccess(type, [&](auto access) {
    for (int64_t i = 0; i < count; ++i) {
      to[i] = access.load(from, i);
    }
  });
}

void attn::rt::fromDoubles(DType type, const double *from, void *to,
                           int64_t count) {
  withAccess(type, [&](auto access) {
    for (int64_t i = 0; i < count; ++i) {
      access.store(to, i, from[i]);
    }
  });
}

void attn::rt::fromFloats(DType type, const float *from, void *to,
                          int64_t count) {
  switch (type) {
  case DType::kF32:
    if (count > 0) {
      std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    }
    return;
  case DType::kF16:
    for (int64_t i = 0; i < count; ++i) {
      static_cast<uint16_t *>(to)[i] = toF16Fast(from[i]);
    }
    return;
  case DType::kBF16:
    for (int64_t i = 0; i < count; ++i) {
      static_cast<uint16_t *>(to)[i] = toBF16Fast(from[i]);
    }
    return;
  default:
    for (int64_t i = 0; i < count; ++i) {
      storeElement(type, to, i, from[i]);
    }
  }
}
