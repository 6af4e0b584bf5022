//===- KernelCache.h - compiled packages kept on disk -----------*- C++ -*-===//
// One file an entry, `<key>.attnpkg`. Entries appear by rename, so processes
// may share a directory without locks: the last writer of a key wins, and
// equal keys stand for equal content.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KERNELCACHE_H
#define ATTN_RUNTIME_KERNELCACHE_H

#include "attn/Runtime/Package.h"

#include <optional>
#include <string>

namespace attn::rt {

class KernelCache {
public:
  /// In `$ATTN_CACHE_DIR`, else `$XDG_CACHE_HOME/attn`, else
  /// `$HOME/.cache/attn`. With none of these set every lookup misses and
  /// nothing is stored.
  KernelCache();
  explicit KernelCache(std::string directory);

  const std::string &directory() const { return dir; }

  /// The package stored under `key` (lower-case hex, 16 to 128 digits). An
  /// entry that does not load or whose manifest carries another content hash
  /// is removed and counts as a miss; `note` then says so.
  std::optional<Package> lookup(const std::string &key,
                                std::string *note = nullptr) const;

  /// Stores `package`, whose content hash must be `key`. False when it could
  /// not be stored, which is no error: `note` says why.
  bool store(const std::string &key, const Package &package,
             std::string *note = nullptr) const;

  /// Where the entry of `key` is or would be.
  std::string pathOf(const std::string &key) const;

private:
  std::string dir;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_KERNELCACHE_H
