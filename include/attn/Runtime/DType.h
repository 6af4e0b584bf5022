//===- DType.h - element types of tensors -----------------------*- C++ -*-===//
// The element types that cross the boundary of a compiled function, and the
// conversions between them and double. All conversions round to nearest, ties
// to even, once: there is no double rounding on the way from double to f16.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_DTYPE_H
#define ATTN_RUNTIME_DTYPE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace attn::rt {

/// kI1 is a bool: one byte that holds 0 or 1.
enum class DType : uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kI1,
  kF8E4M3FN,
  kF8E5M2,
};
inline constexpr int kNumDTypes = 12;

/// Bytes of one element.
int64_t sizeOf(DType type);

bool isFloat(DType type);

/// The name as MLIR spells it: "f64", "f32", "f16", "bf16", "i64", "i32",
/// "i16", "i8", "i1", "f8E4M3FN", "f8E5M2"; kU8 is "u8".
const char *nameOf(DType type);

/// Inverse of nameOf; also takes MLIR's "ui8" for kU8 and "index" for kI64.
std::optional<DType> parseDType(std::string_view name);

/// Bit patterns of the 16-bit floats. Overflow goes to infinity, NaN stays NaN
/// (quiet, its top payload bits kept).
uint16_t toF16(double value);
uint16_t toF16(float value);
uint16_t toBF16(double value);
uint16_t toBF16(float value);
float fromF16(uint16_t bits);
float fromBF16(uint16_t bits);

/// Reads element `index` of `data`. i64 beyond 2^53 rounds.
double loadElement(DType type, const void *data, int64_t index);

/// Writes `value` to element `index` of `data`. Integers: rounded to nearest
/// even and saturated, NaN gives 0. Bool: value != 0. Floats of 8 bits:
/// saturated to the largest finite one.
void storeElement(DType type, void *data, int64_t index, double value);

/// loadElement and storeElement over `count` consecutive elements.
void toDoubles(DType type, const void *from, double *to, int64_t count);
void fromDoubles(DType type, const double *from, void *to, int64_t count);

/// Bulk conversion from float; vectorised for the float types.
void fromFloats(DType type, const float *from, void *to, int64_t count);

} // namespace attn::rt

#endif // ATTN_RUNTIME_DTYPE_H
