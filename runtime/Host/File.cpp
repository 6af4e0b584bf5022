//===- File.cpp - atomic writes, checked reads ----------------------------===//

#include "attn/Runtime/File.h"
#include "ByteSource.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn::rt;

namespace {

std::string reason() { return std::strerror(errno); }

/// One read or write beyond this size fails on Linux.
constexpr int64_t kMaxTransfer = int64_t(1) << 30;

bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    size_t chunk = std::min<size_t>(bytes.size(), kMaxTransfer);
    ssize_t written = ::write(fd, bytes.data(), chunk);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool writePieces(int fd, const std::vector<std::string_view> &pieces) {
  return std::all_of(pieces.begin(), pieces.end(), [&](std::string_view piece) {
    return writeAll(fd, piece);
  });
}

} // namespace

Status
attn::rt::writeFileAtomically(const std::string &path,
                              const std::vector<std::string_view> &pieces) {
  auto fail = [&](const std::string &why) {
    return Status::runtime("cannot write '" + path + "': " + why);
  };

  std::string target = path;
  struct stat info;
  bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return fail("it is a directory");
    }
    // A rename would replace the device or pipe itself.
    int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
      return fail(reason());
    }
    bool written = writePieces(fd, pieces);
    std::string why = reason();
    ::close(fd);
    return written ? Status::success() : fail(why);
  }
  if (exists) {
    char resolved[PATH_MAX];
    if (!::realpath(path.c_str(), resolved)) {
      return fail(reason());
    }
    target = resolved;
  }

  size_t slash = target.rfind('/');
  std::string directory =
      slash == std::string::npos ? "" : target.substr(0, slash + 1);
  static std::atomic<uint64_t> counter{0};
  std::string temporary;
  int fd = -1;
  // Names of a killed process with our number may be left: take the next one.
  for (int attempt = 0; attempt < 100 && fd < 0; ++attempt) {
    temporary = directory + ".attn-" + std::to_string(::getpid()) + "-" +
                std::to_string(counter++) + ".tmp";
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                0666);
    if (fd < 0 && errno != EEXIST) {
      break;
    }
  }
  if (fd < 0) {
    return fail(reason());
  }
  std::string why;
  if (exists && ::fchmod(fd, info.st_mode & 07777) != 0) {
    why = reason();
  }
  if (why.empty() && (!writePieces(fd, pieces) || ::fsync(fd) != 0)) {
    why = reason();
  }
  if (::close(fd) != 0 && why.empty()) {
    why = reason();
  }
  if (why.empty() && ::rename(temporary.c_str(), target.c_str()) != 0) {
    why = reason();
  }
  if (!why.empty()) {
    ::unlink(temporary.c_str());
    return fail(why);
  }
  return Status::success();
}

Result<std::string> attn::rt::readFile(const std::string &path,
                                       int64_t maxBytes) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) {
    return source.status();
  }
  if (source->size() > maxBytes) {
    return source->error("too large: " + std::to_string(source->size()) +
                         " bytes, at most " + std::to_string(maxBytes) +
                         " are read");
  }
  std::string bytes(static_cast<size_t>(source->size()), '\0');
  Status status = source->read(0, bytes.data(), source->size(), "file");
  if (!status.ok()) {
    return status;
  }
  return bytes;
}

Result<ByteSource> ByteSource::open(const std::string &path) {
  ByteSource source;
  source.theName = path;
  // Without O_NONBLOCK opening a pipe would wait for a writer.
  source.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (source.fd < 0 || ::fstat(source.fd, &info) != 0) {
    return Status::badInput("cannot read '" + path + "': " + reason());
  }
  if (!S_ISREG(info.st_mode)) {
    return Status::badInput("cannot read '" + path +
                            "': it is not a regular file");
  }
  source.theSize = info.st_size;
  return source;
}

ByteSource ByteSource::memory(std::string_view bytes, std::string name) {
  ByteSource source;
  source.theName = std::move(name);
  source.bytes = bytes;
  source.theSize = static_cast<int64_t>(bytes.size());
  return source;
}

ByteSource::ByteSource(ByteSource &&other) noexcept {
  *this = std::move(other);
}

ByteSource &ByteSource::operator=(ByteSource &&other) noexcept {
  theName.swap(other.theName);
  std::swap(bytes, other.bytes);
  std::swap(fd, other.fd);
  std::swap(theSize, other.theSize);
  return *this;
}

ByteSource::~ByteSource() {
  if (fd >= 0) {
    ::close(fd);
  }
}

Status ByteSource::error(const std::string &message) const {
  return Status::badInput("'" + theName + "': " + message);
}

Status ByteSource::read(int64_t offset, void *to, int64_t count,
                        const char *what) const {
  auto truncated = [&] {
    return error("truncated: expected " + std::to_string(count) + " bytes of " +
                 what + " at offset " + std::to_string(offset) +
                 ", but the file has " + std::to_string(theSize) + " bytes");
  };
  if (offset < 0 || count < 0 || offset > theSize || count > theSize - offset) {
    return truncated();
  }
  if (count == 0) {
    return Status::success();
  }
  if (fd < 0) {
    std::memcpy(to, bytes.data() + offset, static_cast<size_t>(count));
    return Status::success();
  }
  auto *at = static_cast<char *>(to);
  while (count > 0) {
    ssize_t got =
        ::pread(fd, at, static_cast<size_t>(std::min(count, kMaxTransfer)),
                static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return error("cannot be read: " + reason());
    }
    if (got == 0) {
      return truncated();
    }
    at += got;
    offset += got;
    count -= got;
  }
  return Status::success();
}
