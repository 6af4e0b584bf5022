//===- Cubin.cpp - machine code of a GPU from PTX
//--------------------------===//

#include "attn/Emit/Cubin.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

/// A file that goes away with this.
class ScratchFile {
public:
  explicit ScratchFile(llvm::StringRef suffix)
      : error(llvm::sys::fs::createTemporaryFile("attn", suffix, path)),
        remover(error ? llvm::Twine("") : llvm::Twine(path)) {}

  llvm::SmallString<128> path;
  std::error_code error;

private:
  llvm::FileRemover remover;
};

std::string contents(llvm::StringRef path) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

} // namespace

std::optional<std::string> attn::findPtxas() {
  const char *chosen = std::getenv("ATTN_PTXAS");
  std::string name = chosen ? chosen : "ptxas";
  if (name.empty()) {
    return std::nullopt;
  }
  llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name);
  // One that was asked for and is not there is told when it is run.
  return found    ? std::optional<std::string>(*found)
         : chosen ? std::optional<std::string>(name)
                  : std::nullopt;
}

Result<std::string> attn::assembleCubin(const std::string &ptxas,
                                        const std::string &ptx,
                                        const std::string &chip) {
  ScratchFile source("ptx"), object("cubin"), log("log");
  for (const ScratchFile *file : {&source, &object, &log}) {
    if (file->error) {
      return Status::runtime("cannot make a temporary file: " +
                             file->error.message());
    }
  }
  {
    std::error_code error;
    llvm::raw_fd_ostream stream(source.path, error);
    stream << ptx;
    stream.close();
    if (error || stream.has_error()) {
      stream.clear_error();
      return Status::runtime("cannot write a temporary file");
    }
  }
  std::string arch = "-arch=" + chip, failure;
  llvm::StringRef arguments[] = {ptxas, arch, source.path, "-o", object.path};
  std::optional<llvm::StringRef> streams[] = {"", log.path.str(),
                                              log.path.str()};
  int code = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, streams,
                                       /*SecondsToWait=*/0, /*MemoryLimit=*/0,
                                       &failure);
  std::string cubin = code == 0 ? contents(object.path) : std::string();
  if (!cubin.empty()) {
    return cubin;
  }
  llvm::SmallVector<llvm::StringRef> lines;
  std::string said = failure.empty() ? contents(log.path) : failure;
  llvm::StringRef(said).trim().split(lines, '\n');
  return Status::compile(ptxas + " for " + chip + ": " +
                         llvm::join(lines, " "));
}
