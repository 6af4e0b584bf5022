//===- KernelCache.cpp - compiled packages kept on disk -------------------===//

#include "attn/Runtime/KernelCache.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn::rt;

namespace {

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

std::string defaultDirectory() {
  std::string directory = environment("ATTN_CACHE_DIR");
  if (!directory.empty()) {
    return directory;
  }
  // The XDG specification: a relative path is invalid and to be ignored.
  directory = environment("XDG_CACHE_HOME");
  if (!directory.empty() && directory[0] == '/') {
    return directory + "/attn";
  }
  directory = environment("HOME");
  return directory.empty() ? "" : directory + "/.cache/attn";
}

/// mkdir -p, private to the user as the XDG specification asks.
bool makeDirectories(const std::string &path) {
  for (size_t end = 1; end <= path.size(); ++end) {
    if (end < path.size() && path[end] != '/') {
      continue;
    }
    if (::mkdir(path.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST) {
      // A parent may be read-only and exist.
      struct stat info;
      int error = errno;
      if (::stat(path.substr(0, end).c_str(), &info) != 0) {
        errno = error;
        return false;
      }
    }
  }
  return true;
}

/// Keys become file names: nothing but hex digits gets there.
bool isKey(const std::string &key) {
  return key.size() >= 16 && key.size() <= 128 &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

void setNote(std::string *note, const std::string &text) {
  if (note) {
    *note = text;
  }
}

} // namespace

KernelCache::KernelCache() : dir(defaultDirectory()) {}

KernelCache::KernelCache(std::string directory) : dir(std::move(directory)) {}

std::string KernelCache::pathOf(const std::string &key) const {
  return dir + "/" + key + ".attnpkg";
}

std::optional<Package> KernelCache::lookup(const std::string &key,
                                           std::string *note) const {
  setNote(note, "");
  if (dir.empty() || !isKey(key)) {
    setNote(note, dir.empty() ? "no cache directory" : "malformed cache key");
    return std::nullopt;
  }
  std::string path = pathOf(key);
  if (::access(path.c_str(), F_OK) != 0) {
    return std::nullopt;
  }
  Result<Package> package = readPackage(path);
  if (package && package->manifest.contentHash == key) {
    return std::move(*package);
  }
  std::string why =
      package ? "content hash is '" + package->manifest.contentHash + "'"
              : package.message();
  // A process that replaces the entry at this moment loses it: only a miss.
  bool removed = ::unlink(path.c_str()) == 0;
  setNote(note, std::string(removed ? "removed" : "ignored") +
                    " a corrupt cache entry '" + path + "': " + why);
  return std::nullopt;
}

bool KernelCache::store(const std::string &key, const Package &package,
                        std::string *note) const {
  setNote(note, "");
  if (dir.empty()) {
    setNote(note, "not cached: no cache directory");
    return false;
  }
  if (!isKey(key) || package.manifest.contentHash != key) {
    setNote(note, "not cached: the key is malformed or differs from the "
                  "content hash");
    return false;
  }
  if (!makeDirectories(dir)) {
    setNote(note,
            "not cached: cannot create '" + dir + "': " + std::strerror(errno));
    return false;
  }
  Status status = writePackage(pathOf(key), package);
  if (!status.ok()) {
    setNote(note, "not cached: " + status.message());
  }
  return status.ok();
}
