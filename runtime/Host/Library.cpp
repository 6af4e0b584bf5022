//===- Library.cpp - compiled CPU code in this process --------------------===//

#include "attn/Runtime/Library.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <mutex>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace attn::rt;

namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#else
constexpr int kMachine = EM_NONE;
#endif

bool inside(uint64_t offset, uint64_t count, uint64_t size) {
  return offset <= size && count <= size - offset;
}

/// The system's loader maps what the headers say and dies by a signal where the
/// file is too short for it. Empty on success, else what is wrong.
std::string checkElf(std::string_view bytes) {
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header)) {
    return "not an ELF file: too short";
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64) {
    return "not a 64-bit ELF file";
  }
  if (header.e_type != ET_DYN) {
    return "not a shared object";
  }
  if (kMachine != EM_NONE && header.e_machine != kMachine) {
    return "made for another machine";
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr),
              bytes.size())) {
    return "truncated: the program headers are missing";
  }
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment,
                bytes.data() + header.e_phoff +
                    static_cast<size_t>(i) * sizeof(segment),
                sizeof(segment));
    if (segment.p_type != PT_NULL &&
        !inside(segment.p_offset, segment.p_filesz, bytes.size())) {
      return "truncated: a segment is missing";
    }
  }
  return "";
}

bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string loaderError() {
  const char *text = ::dlerror();
  return text ? text : "unknown error";
}

constexpr int kLoadMode = RTLD_NOW | RTLD_LOCAL;

/// For systems that forbid code in anonymous files. Null on failure, with the
/// reason in `why`.
void *loadThroughFile(std::string_view bytes, std::string &why) {
  const char *directory = std::getenv("TMPDIR");
  std::string path = std::string(directory && *directory ? directory : "/tmp") +
                     "/attn-XXXXXX.so";
  int fd = ::mkstemps(path.data(), 3);
  if (fd < 0) {
    why = "cannot create '" + path + "': " + std::strerror(errno);
    return nullptr;
  }
  void *handle = nullptr;
  if (writeAll(fd, bytes)) {
    handle = ::dlopen(path.c_str(), kLoadMode);
    why = handle ? "" : loaderError();
  } else {
    why = "cannot write '" + path + "': " + std::strerror(errno);
  }
  ::close(fd);
  ::unlink(path.c_str());
  return handle;
}

} // namespace

Status attn::rt::loadOpenMP() {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  // The entry point of every parallel region in LLVM's ABI.
  if (::dlsym(RTLD_DEFAULT, "__kmpc_fork_call")) {
    return Status::success();
  }
  static constexpr const char *kNames[] = {
      "libomp.so.5",
      "libomp.so",
      "libiomp5.so",
      "/usr/lib/llvm-22/lib/libomp.so.5",
      "/usr/lib/llvm-22/lib/libomp.so",
  };
  std::string tried;
  for (const char *name : kNames) {
    void *handle = ::dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    if (handle && ::dlsym(handle, "__kmpc_fork_call")) {
      return Status::success();
    }
    tried += std::string(tried.empty() ? "" : ", ") + name;
  }
  return Status::runtime("no OpenMP runtime found (tried " + tried +
                         "): install the Debian package libomp5-22");
}

Status attn::rt::loadFFTW(const std::string &name) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  bool isDouble = name == "fftw";
  std::string safe = name + "_make_planner_thread_safe";
  if (::dlsym(RTLD_DEFAULT, safe.c_str())) {
    return Status::success();
  }
  // Its needs bring the library itself, whose symbols become visible with it.
  std::string file =
      isDouble ? "libfftw3_threads.so.3" : "libfftw3f_threads.so.3";
  void *handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  void *makeSafe = handle ? ::dlsym(handle, safe.c_str()) : nullptr;
  if (!makeSafe) {
    return Status::runtime(
        "no FFTW found (tried " + file + "): install the Debian package " +
        (isDouble ? "libfftw3-double3" : "libfftw3-single3"));
  }
  reinterpret_cast<void (*)()>(makeSafe)();
  return Status::success();
}

Library::Library(Library &&other) noexcept { *this = std::move(other); }

Library &Library::operator=(Library &&other) noexcept {
  if (this != &other) {
    close();
    handle = std::exchange(other.handle, nullptr);
    fd = std::exchange(other.fd, -1);
    name = std::move(other.name);
  }
  return *this;
}

Library::~Library() { close(); }

void Library::close() {
  if (handle) {
    ::dlclose(handle);
  }
  if (fd >= 0) {
    ::close(fd);
  }
}

Result<Library> Library::load(std::string_view bytes, const std::string &name) {
  std::string wrong = checkElf(bytes);
  if (!wrong.empty()) {
    return Status::badInput("'" + name + "': " + wrong);
  }
  int fd = ::memfd_create("attn-kernel", MFD_CLOEXEC);
  void *handle = nullptr;
  if (fd >= 0 && writeAll(fd, bytes)) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    handle = ::dlopen(path.c_str(), kLoadMode);
    wrong = handle ? "" : loaderError();
  }
  if (!handle) {
    if (fd >= 0) {
      ::close(fd);
      fd = -1;
    }
    std::string why;
    handle = loadThroughFile(bytes, why);
    // Both may have failed for the same reason, an undefined symbol for one;
    // the path in the second message is the more telling one.
    if (!handle) {
      return Status::runtime("cannot load '" + name + "': " + why);
    }
  }
  return Library(handle, fd, name);
}

Result<Library> Library::load(const Package &package) {
  const Manifest &manifest = package.manifest;
  Status status = checkHost(manifest.target);
  if (!status.ok()) {
    return status;
  }
  const std::string *object = package.findObject("shared-object");
  if (!object) {
    return Status::badInput("the package holds no shared object");
  }
  if (manifest.openmp) {
    status = loadOpenMP();
    if (!status.ok()) {
      return status;
    }
  }
  for (const std::string &library : manifest.libraries) {
    if (status = loadFFTW(library); !status.ok()) {
      return status;
    }
  }
  return load(*object, manifest.objects[0].name);
}

Result<void *> Library::symbol(const std::string &symbolName) const {
  void *address = handle ? ::dlsym(handle, symbolName.c_str()) : nullptr;
  if (!address) {
    return Status::badInput("'" + name + "' has no symbol '" + symbolName +
                            "'");
  }
  return address;
}
