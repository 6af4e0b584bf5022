//===- ByteSource.h - checked reads from a file or memory -------*- C++ -*-===//
// What the file format readers read from. Files are read, not mapped: a file
// that shrinks meanwhile is then an error and not a signal.
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_BYTESOURCE_H
#define ATTN_LIB_RUNTIME_BYTESOURCE_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace attn::rt {

class ByteSource {
public:
  /// Errors: kBadInput, naming the file (cannot be opened, no regular file).
  static Result<ByteSource> open(const std::string &path);
  /// `bytes` must outlive the source.
  static ByteSource memory(std::string_view bytes, std::string name);

  ByteSource(ByteSource &&other) noexcept;
  ByteSource &operator=(ByteSource &&other) noexcept;
  ~ByteSource();

  const std::string &name() const { return theName; }
  int64_t size() const { return theSize; }

  /// Copies [offset, offset + count) to `to`. Errors: kBadInput, saying what is
  /// truncated ("header", "data").
  Status read(int64_t offset, void *to, int64_t count, const char *what) const;

  /// A kBadInput error that names the source.
  Status error(const std::string &message) const;

private:
  ByteSource() = default;

  std::string theName;
  std::string_view bytes;
  int fd = -1;
  int64_t theSize = 0;
};

} // namespace attn::rt

#endif // ATTN_LIB_RUNTIME_BYTESOURCE_H
