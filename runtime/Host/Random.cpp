//===- Random.cpp - reproducible random tensors ---------------------------===//
// A counter-based generator (the SplitMix64 finaliser) feeds the inverse of the
// normal distribution. Both use integer arithmetic and correctly rounded float
// operations only, in a fixed order and without contraction (see the compile
// options of this file), so the bits are the same on every platform.
// Source: M. Giles, "Approximating the erfinv function", GPU Computing Gems 2;
//         Cephes logf.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace attn::rt;

namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
constexpr int64_t kBlock = 1024;

inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// 64 random bits as a function of (key, counter).
inline uint64_t bitsAt(uint64_t key, int64_t counter) {
  return mix(key + static_cast<uint64_t>(counter) * kGolden);
}

/// -log(t) for t in (0, 1], to about two units in the last place.
inline float minusLog(float t) {
  // Bring the mantissa to [sqrt(1/2), sqrt(2)).
  uint32_t bits;
  std::memcpy(&bits, &t, sizeof(bits));
  uint32_t shifted = bits - 0x3f3504f3u;
  int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  bits -= static_cast<uint32_t>(exponent) << 23;
  float m;
  std::memcpy(&m, &bits, sizeof(m));
  float f = m - 1.0f;
  float z = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float e = static_cast<float>(exponent);
  float log = f + (p * f * z - 0.5f * z + e * -2.12194440e-4f);
  return -(log + e * 0.693359375f);
}

/// The quantile of the standard normal distribution at a probability made from
/// 25 of the bits: one for the sign, 24 for the tail.
inline float normalFromBits(uint32_t bits) {
  float tail = (static_cast<float>((bits >> 7) & 0xffffff) + 0.5f) * 0x1p-25f;
  float x = 1.0f - 2.0f * tail;
  float w = minusLog(4.0f * tail * (1.0f - tail));
  float a = w - 2.5f;
  float central = 2.81022636e-08f;
  central = central * a + 3.43273939e-07f;
  central = central * a - 3.5233877e-06f;
  central = central * a - 4.39150654e-06f;
  central = central * a + 0.00021858087f;
  central = central * a - 0.00125372503f;
  central = central * a - 0.00417768164f;
  central = central * a + 0.246640727f;
  central = central * a + 1.50140941f;
  float b = std::sqrt(std::max(w, 0.0f)) - 3.0f;
  float outer = -0.000200214257f;
  outer = outer * b + 0.000100950558f;
  outer = outer * b + 0.00134934322f;
  outer = outer * b - 0.00367342844f;
  outer = outer * b + 0.00573950773f;
  outer = outer * b - 0.0076224613f;
  outer = outer * b + 0.00943887047f;
  outer = outer * b + 1.00167406f;
  outer = outer * b + 2.83297682f;
  float magnitude = (w < 5.0f ? central : outer) * x * 1.41421356f;
  return bits >> 31 ? -magnitude : magnitude;
}

void fillNormal(Tensor &tensor, uint64_t key) {
  uint32_t bits[kBlock];
  float values[kBlock];
  uint64_t lowKey = mix(key ^ kGolden);
  DType type = tensor.dtype();
  char *to = tensor.dataAs<char>();
  for (int64_t at = 0; at < tensor.numElements(); at += kBlock) {
    for (int64_t i = 0; i < kBlock / 2; ++i) {
      uint64_t word = bitsAt(key, at / 2 + i);
      bits[2 * i] = static_cast<uint32_t>(word);
      bits[2 * i + 1] = static_cast<uint32_t>(word >> 32);
    }
    for (int64_t i = 0; i < kBlock; ++i) {
      values[i] = normalFromBits(bits[i]);
    }
    int64_t n = std::min(kBlock, tensor.numElements() - at);
    if (type != DType::kF64) {
      fromFloats(type, values, to + at * sizeOf(type), n);
      continue;
    }
    // Fill the mantissa of a double: with 24 bits products would be exact, and
    // errors of a double computation would not show.
    auto *doubles = tensor.dataAs<double>() + at;
    for (int64_t i = 0; i < n; ++i) {
      auto low = static_cast<int32_t>(bitsAt(lowKey, at + i));
      doubles[i] = values[i] * (1.0 + low * 0x1p-56);
    }
  }
}

template <typename T>
void fillUniform(Tensor &tensor, uint64_t key, IntRange range) {
  int64_t lo = std::max<int64_t>(range.lo, std::numeric_limits<T>::min());
  int64_t hi = std::min<int64_t>(range.hi, std::numeric_limits<T>::max());
  hi = std::max(lo, hi);
  // A range that the type cannot hold at all is cut to its nearest value.
  lo = std::min<int64_t>(lo, std::numeric_limits<T>::max());
  hi = std::min<int64_t>(hi, std::numeric_limits<T>::max());
  uint64_t span = static_cast<uint64_t>(hi) - static_cast<uint64_t>(lo) + 1;
  T *to = tensor.dataAs<T>();
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    uint64_t word = bitsAt(key, i);
    // The high half of a product is a division-free word % span; span 0 stands
    // for all of 2^64.
    uint64_t offset =
        span ? static_cast<uint64_t>(
                   (static_cast<unsigned __int128>(word) * span) >> 64)
             : word;
    to[i] = static_cast<T>(static_cast<uint64_t>(lo) + offset);
  }
}

} // namespace

void attn::rt::fillRandom(Tensor &tensor, uint64_t seed, uint64_t stream,
                          IntRange range) {
  uint64_t key = mix(mix(seed + kGolden) ^ (stream + 1) * kGolden);
  switch (tensor.dtype()) {
  case DType::kI64:
    return fillUniform<int64_t>(tensor, key, range);
  case DType::kI32:
    return fillUniform<int32_t>(tensor, key, range);
  case DType::kI16:
    return fillUniform<int16_t>(tensor, key, range);
  case DType::kI8:
    return fillUniform<int8_t>(tensor, key, range);
  case DType::kU8:
    return fillUniform<uint8_t>(tensor, key, range);
  case DType::kI1:
    return fillUniform<uint8_t>(tensor, key, {0, 1});
  default:
    return fillNormal(tensor, key);
  }
}
