//===- Library.h - compiled CPU code in this process ------------*- C++ -*-===//
// Loads a shared object from memory, without a file where the system allows.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_LIBRARY_H
#define ATTN_RUNTIME_LIBRARY_H

#include "attn/Runtime/Package.h"
#include "attn/Runtime/Status.h"

#include <string>
#include <string_view>

namespace attn::rt {

/// Makes an OpenMP runtime visible to libraries loaded later: one that is in
/// the process already, else libomp.so.5, libomp.so, libiomp5.so or LLVM's own.
/// It is never unloaded. Errors: kRuntime, naming the package to install.
Status loadOpenMP();
/// The same of FFTW, by its name in a manifest, with a planner that threads may
/// share.
Status loadFFTW(const std::string &name);

class Library {
public:
  Library(Library &&other) noexcept;
  Library &operator=(Library &&other) noexcept;
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;
  /// Unloads: no function of the library may run or be called afterwards.
  ~Library();

  /// Loads the bytes of an ELF shared object; `name` is for messages.
  /// Errors: kBadInput (not a shared object for this machine, truncated),
  /// kRuntime (with the loader's text).
  static Result<Library> load(std::string_view bytes, const std::string &name);

  /// Loads the shared object of `package`, after the checks and the
  /// libraries that its manifest asks for.
  static Result<Library> load(const Package &package);

  /// Address of an exported symbol. Errors: kBadInput.
  Result<void *> symbol(const std::string &name) const;

private:
  Library(void *handle, int fd, std::string name)
      : handle(handle), fd(fd), name(std::move(name)) {}
  void close();

  void *handle = nullptr;
  /// Kept open as long as the library: the loader knows it by its /proc path,
  /// and would take another file under the same number for the same library.
  int fd = -1;
  std::string name;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_LIBRARY_H
