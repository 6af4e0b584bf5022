//===- Hash.h - content hashes ----------------------------------*- C++ -*-===//
// SHA-256 (FIPS 180-4): the key of the kernel cache and the seal of a package.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_HASH_H
#define ATTN_RUNTIME_HASH_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace attn::rt {

class Sha256 {
public:
  Sha256();
  void update(std::string_view bytes);
  /// Adds the length, then the bytes: ("ab","c") and ("a","bc") differ.
  void updateField(std::string_view bytes);
  /// 64 lower-case hex digits. The object is spent afterwards.
  std::string finish();

private:
  void block(const unsigned char *bytes);

  std::array<uint32_t, 8> state;
  std::array<unsigned char, 64> pending;
  size_t numPending = 0;
  uint64_t numBytes = 0;
};

/// 64 lower-case hex digits.
std::string sha256Hex(std::string_view bytes);

} // namespace attn::rt

#endif // ATTN_RUNTIME_HASH_H
