//===- Package.h - a compiled module in one file ----------------*- C++ -*-===//
// A zip of `manifest.json` and the object files it lists. Equal packages have
// equal bytes. The loader trusts nothing: every size is checked before memory
// is spent on it, and every object against its hash.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_PACKAGE_H
#define ATTN_RUNTIME_PACKAGE_H

#include "attn/Runtime/Manifest.h"

#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

struct Package {
  Manifest manifest;
  /// Bytes of the objects, parallel to manifest.objects.
  std::vector<std::string> objects;

  /// Null when there is none of that kind.
  const std::string *findObject(std::string_view kind) const;
};

/// The bytes of the zip. Errors: kUsage when manifest and objects do not fit
/// together, kRuntime out of memory.
Result<std::string> packPackage(const Package &package);

/// Inverse of packPackage; `name` stands for the file in messages.
/// Errors: kBadInput.
Result<Package> unpackPackage(std::string_view bytes, const std::string &name);

/// The same to and from a file; written atomically.
/// Errors: those above, and kRuntime for the disk.
Status writePackage(const std::string &path, const Package &package);
Result<Package> readPackage(const std::string &path);

} // namespace attn::rt

#endif // ATTN_RUNTIME_PACKAGE_H
