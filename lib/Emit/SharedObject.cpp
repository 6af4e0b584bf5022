//===- SharedObject.cpp - link object code in this process ----------------===//

#include "attn/Emit/SharedObject.h"
#include "SoftFloat.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

/// A temporary file that is removed with the object.
class TemporaryFile {
public:
  ~TemporaryFile() {
    if (!path.empty()) {
      llvm::sys::fs::remove(path);
    }
  }

  Status create(llvm::StringRef suffix) {
    int fd = -1;
    if (std::error_code error =
            llvm::sys::fs::createTemporaryFile("attn", suffix, fd, path)) {
      return Status::runtime("cannot create a temporary file: " +
                             error.message());
    }
    llvm::raw_fd_ostream stream(fd, /*shouldClose=*/true);
    return {};
  }

  Status create(llvm::StringRef suffix, std::string_view bytes) {
    if (Status status = create(suffix); !status.ok()) {
      return status;
    }
    std::error_code error;
    llvm::raw_fd_ostream stream(path, error);
    if (!error) {
      stream.write(bytes.data(), bytes.size());
      stream.close();
      error = stream.error();
      stream.clear_error();
    }
    if (error) {
      return Status::runtime("cannot write '" + path.str().str() +
                             "': " + error.message());
    }
    return {};
  }

  llvm::SmallString<128> path;
};

/// Whether the object has an undefined symbol that our conversions define.
Result<bool> needsSoftFloat(std::string_view object) {
  llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()),
                               "attn.o");
  auto file = llvm::object::ObjectFile::createObjectFile(buffer);
  if (!file) {
    return Status::compile("object code: " + llvm::toString(file.takeError()));
  }
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags ? llvm::Error::success() : flags.takeError());
      llvm::consumeError(name ? llvm::Error::success() : name.takeError());
      continue;
    }
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) &&
        isSoftFloatSymbol(*name)) {
      return true;
    }
  }
  return false;
}

/// The first line of the linker's text, as our messages are one line.
std::string firstLine(const std::string &text) {
  llvm::StringRef line = llvm::StringRef(text).ltrim().split('\n').first;
  return line.empty() ? "no message" : line.str();
}

} // namespace

Result<std::string> attn::linkSharedObject(std::string_view object,
                                           const TargetDescription &target) {
  Result<bool> soft = needsSoftFloat(object);
  if (!soft) {
    return soft.status();
  }
  TemporaryFile input, helper, output;
  if (Status status = input.create("o", object); !status.ok()) {
    return status;
  }
  if (Status status = output.create("so"); !status.ok()) {
    return status;
  }
  llvm::SmallVector<const char *> args = {
      "ld.lld", "-shared", "--no-undefined-version", "--threads=1",
      // One segment a kind of access is enough: the file stays small.
      "-z", "noseparate-code", "--gc-sections", "--hash-style=gnu", "-o",
      output.path.c_str(), input.path.c_str()};
  if (*soft) {
    Result<std::string> code = softFloatObject(target);
    if (!code) {
      return code.status();
    }
    if (Status status = helper.create("o", *code); !status.ok()) {
      return status;
    }
    args.push_back(helper.path.c_str());
  }

  // lld keeps its state in globals, and after a crash it cannot run again.
  static std::mutex mutex;
  static bool usable = true;
  std::string text;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!usable) {
      return Status::compile("the linker crashed earlier in this process");
    }
    llvm::raw_string_ostream stream(text);
    lld::Result result =
        lld::lldMain(args, stream, stream, {{lld::Gnu, &lld::elf::link}});
    usable = result.canRunAgain;
    if (result.retCode != 0) {
      return Status::compile("linking failed: " + firstLine(text));
    }
  }
  auto bytes = llvm::MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!bytes) {
    return Status::runtime("cannot read the linked object: " +
                           bytes.getError().message());
  }
  return (*bytes)->getBuffer().str();
}
