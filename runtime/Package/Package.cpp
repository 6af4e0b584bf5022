//===- Package.cpp - packages as zip files --------------------------------===//

#include "attn/Runtime/Package.h"
#include "attn/Runtime/File.h"
#include "attn/Runtime/Hash.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <zip.h>

using namespace attn::rt;

namespace {

constexpr const char *kManifestName = "manifest.json";
constexpr uint64_t kMaxManifestBytes = uint64_t(64) << 20;
constexpr uint64_t kMaxObjectBytes = uint64_t(1) << 30;
constexpr int64_t kMaxPackageBytes = int64_t(2) << 30;
constexpr zip_int64_t kMaxZipEntries = 1 << 16;
/// Deflate cannot do better than 1032 to 1.
constexpr uint64_t kMaxRatio = 1032;

/// A libzip error object that is released with its scope.
struct ZipError {
  zip_error_t error;
  ZipError() { zip_error_init(&error); }
  ~ZipError() { zip_error_fini(&error); }
  ZipError(const ZipError &) = delete;
  ZipError &operator=(const ZipError &) = delete;
  std::string text() { return zip_error_strerror(&error); }
};

struct DiscardArchive {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, DiscardArchive>;

struct FreeSource {
  void operator()(zip_source_t *source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

/// Empty on success, else what is wrong.
std::string readEntry(zip_t *archive, const char *name, uint64_t maxBytes,
                      std::string &bytes) {
  std::string at = std::string("entry '") + name + "': ";
  zip_int64_t index = zip_name_locate(archive, name, 0);
  if (index < 0) {
    return at + "missing";
  }
  zip_stat_t info;
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(archive, static_cast<zip_uint64_t>(index), 0, &info) !=
          0 ||
      (info.valid & kNeeded) != kNeeded) {
    return at + "has no size";
  }
  if (info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE) {
    return at + "compression method is not supported";
  }
  if (info.size > maxBytes || info.size / kMaxRatio > info.comp_size) {
    return at + "size " + std::to_string(info.size) + " is absurd";
  }
  zip_file_t *file =
      zip_fopen_index(archive, static_cast<zip_uint64_t>(index), 0);
  if (!file) {
    return at + zip_strerror(archive);
  }
  bytes.assign(info.size, '\0');
  std::string wrong;
  uint64_t done = 0;
  // The checksum is verified by the read that meets the end, so read on until
  // there is nothing left.
  for (;;) {
    char extra;
    bool full = done == info.size;
    zip_int64_t got =
        full ? zip_fread(file, &extra, 1)
             : zip_fread(file, bytes.data() + done,
                         std::min<uint64_t>(info.size - done, 1 << 20));
    if (got < 0) {
      wrong = at + zip_file_strerror(file);
    } else if ((got == 0) != full) {
      wrong = at + "its data does not have the stated size";
    }
    if (got <= 0 || full) {
      break;
    }
    done += static_cast<uint64_t>(got);
  }
  zip_fclose(file);
  return wrong;
}

/// Adds a copy-free entry; `bytes` must live until the archive is closed.
bool addEntry(zip_t *archive, const char *name, const std::string &bytes) {
  zip_source_t *source =
      zip_source_buffer(archive, bytes.data(), bytes.size(), /*freep=*/0);
  if (!source) {
    return false;
  }
  zip_int64_t index = zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return false;
  }
  auto at = static_cast<zip_uint64_t>(index);
  // The earliest DOS time, whatever the clock and the zone say: equal packages
  // must have equal bytes.
  return zip_file_set_dostime(archive, at, 0, (1 << 5) | 1, 0) == 0 &&
         zip_set_file_compression(archive, at, ZIP_CM_DEFLATE, 6) == 0;
}

} // namespace

const std::string *Package::findObject(std::string_view kind) const {
  for (size_t i = 0; i < manifest.objects.size() && i < objects.size(); ++i) {
    if (manifest.objects[i].kind == kind) {
      return &objects[i];
    }
  }
  return nullptr;
}

Result<std::string> attn::rt::packPackage(const Package &package) {
  Manifest manifest = package.manifest;
  if (manifest.objects.size() != package.objects.size()) {
    return Status::usage(
        "expected bytes for " + std::to_string(manifest.objects.size()) +
        " objects, but got " + std::to_string(package.objects.size()));
  }
  for (size_t i = 0; i < package.objects.size(); ++i) {
    if (package.objects[i].size() > kMaxObjectBytes) {
      return Status::usage("object '" + manifest.objects[i].name +
                           "' is too large");
    }
    manifest.objects[i].sha256 = sha256Hex(package.objects[i]);
  }
  Result<std::string> text = printManifest(manifest);
  if (!text) {
    return text;
  }

  ZipError error;
  Source buffer(zip_source_buffer_create(nullptr, 0, 0, &error.error));
  if (!buffer) {
    return Status::runtime("cannot make a package: " + error.text());
  }
  Archive archive(
      zip_open_from_source(buffer.get(), ZIP_TRUNCATE, &error.error));
  if (!archive) {
    return Status::runtime("cannot make a package: " + error.text());
  }
  // The archive took over one reference; the bytes are needed afterwards.
  zip_source_keep(buffer.get());
  bool good = addEntry(archive.get(), kManifestName, *text);
  for (size_t i = 0; good && i < package.objects.size(); ++i) {
    good = addEntry(archive.get(), manifest.objects[i].name.c_str(),
                    package.objects[i]);
  }
  if (!good || zip_close(archive.get()) != 0) {
    return Status::runtime(std::string("cannot make a package: ") +
                           zip_strerror(archive.get()));
  }
  // zip_close has freed the archive.
  (void)archive.release();

  if (zip_source_open(buffer.get()) != 0) {
    return Status::runtime("cannot make a package: its bytes are gone");
  }
  zip_stat_t info;
  zip_stat_init(&info);
  std::string bytes;
  bool read = zip_source_stat(buffer.get(), &info) == 0 &&
              (info.valid & ZIP_STAT_SIZE) != 0;
  if (read) {
    bytes.assign(info.size, '\0');
    read = zip_source_read(buffer.get(), bytes.data(), bytes.size()) ==
           static_cast<zip_int64_t>(bytes.size());
  }
  zip_source_close(buffer.get());
  if (!read) {
    return Status::runtime("cannot make a package: its bytes cannot be read");
  }
  return bytes;
}

Result<Package> attn::rt::unpackPackage(std::string_view bytes,
                                        const std::string &name) {
  auto fail = [&](const std::string &why) {
    return Status::badInput("package '" + name + "': " + why);
  };
  ZipError error;
  Source buffer(
      zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error));
  if (!buffer) {
    return fail(error.text());
  }
  Archive archive(zip_open_from_source(buffer.get(), ZIP_RDONLY | ZIP_CHECKCONS,
                                       &error.error));
  if (!archive) {
    return fail("not a package: " + error.text());
  }
  // The archive frees the source with itself.
  (void)buffer.release();
  if (zip_get_num_entries(archive.get(), 0) > kMaxZipEntries) {
    return fail("too many entries");
  }

  std::string text;
  std::string wrong =
      readEntry(archive.get(), kManifestName, kMaxManifestBytes, text);
  if (!wrong.empty()) {
    return fail(wrong);
  }
  Result<Manifest> manifest = parseManifest(text);
  if (!manifest) {
    return fail(manifest.message());
  }
  Package package;
  package.manifest = std::move(*manifest);
  uint64_t budget = static_cast<uint64_t>(kMaxPackageBytes);
  for (const ObjectInfo &object : package.manifest.objects) {
    std::string content;
    wrong = readEntry(archive.get(), object.name.c_str(),
                      std::min(budget, kMaxObjectBytes), content);
    if (wrong.empty() && sha256Hex(content) != object.sha256) {
      wrong = "entry '" + object.name + "': its content hash differs";
    }
    if (!wrong.empty()) {
      return fail(wrong);
    }
    budget -= content.size();
    package.objects.push_back(std::move(content));
  }
  return package;
}

Status attn::rt::writePackage(const std::string &path, const Package &package) {
  Result<std::string> bytes = packPackage(package);
  return bytes ? writeFileAtomically(path, {*bytes}) : bytes.status();
}

Result<Package> attn::rt::readPackage(const std::string &path) {
  Result<std::string> bytes = readFile(path, kMaxPackageBytes);
  if (!bytes) {
    return bytes.status();
  }
  return unpackPackage(*bytes, path);
}
