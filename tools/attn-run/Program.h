//===- Program.h - a compiled module, from the cache where it is there ----===//

#ifndef ATTN_TOOLS_ATTN_RUN_PROGRAM_H
#define ATTN_TOOLS_ATTN_RUN_PROGRAM_H

#include "Options.h"

#include "attn/Runtime/Library.h"
#include "attn/Runtime/Package.h"

#include <string>

namespace attn::run {

/// The file that the user named: a module, or a package made earlier.
struct Source {
  std::string name;
  std::string bytes;

  bool isPackage() const;
};

/// Reads it. Errors: kBadInput.
rt::Result<Source> readSource(const Options &options);

struct Program {
  rt::Package package;
  std::string how; ///< "compiled in 0.812 s (...)", "cached"
};

/// The package of `source` for `options.compile`: unpacked, found in the cache,
/// or compiled and stored there. Notes about the cache go to standard error.
/// Errors: kBadInput, kUsage, kCompile.
rt::Result<Program> loadProgram(const Source &source, const Options &options);

/// The function that `--entry` names, or the only one.
/// Errors: kUsage.
rt::Result<const rt::FunctionInfo *> findEntry(const rt::Manifest &manifest,
                                               const std::string &entry);

/// Handles `--emit`. Errors: kUsage, kCompile, kRuntime (disk).
rt::Status emitSource(const Source &source, const Options &options);

/// One line on standard error.
void note(const std::string &text);

} // namespace attn::run

#endif // ATTN_TOOLS_ATTN_RUN_PROGRAM_H
