//===- Program.cpp - a compiled module, from the cache where it is there --===//

#include "Program.h"

#include "attn/Runtime/File.h"
#include "attn/Runtime/KernelCache.h"
#include "attn/Target/GPUDescription.h"

#include "mlir/IR/MLIRContext.h"

#include <chrono>
#include <cstdio>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;

namespace {

std::string format(const char *text, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), text, value);
  return buffer;
}

std::string describeTimes(const CompileResult &result) {
  std::string text = format("compiled in %.3f s (", result.seconds());
  const char *separator = "";
  for (const PhaseTime &phase : result.times) {
    text += separator + phase.name + format(" %.3f", phase.seconds);
    separator = ", ";
  }
  return text + ")";
}

/// Writes what --emit makes. Standard output may be a file that holds more, so
/// it is written to, and not replaced as a named file is.
Status writeEmitted(const std::string &bytes, const Options &options) {
  if (options.emitTo != "-") {
    return rt::writeFileAtomically(options.emitTo, {bytes});
  }
  bool written =
      std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
      std::fflush(stdout) == 0;
  return written ? Status()
                 : Status::runtime("cannot write to standard output");
}

/// All of standard input.
std::string readStandardInput() {
  std::string bytes;
  char buffer[1 << 16];
  while (size_t count = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    bytes.append(buffer, count);
  }
  return bytes;
}

Status emitPackage(const Source &source, const Options &options) {
  Result<Program> program = loadProgram(source, options);
  if (!program) {
    return program.status();
  }
  Result<std::string> bytes = rt::packPackage(program->package);
  if (!bytes) {
    return bytes.status();
  }
  note(program->how);
  return writeEmitted(*bytes, options);
}

} // namespace

void attn::run::note(const std::string &text) {
  std::fprintf(stderr, "attn-run: %s\n", text.c_str());
}

bool Source::isPackage() const { return bytes.compare(0, 2, "PK") == 0; }

Result<Source> attn::run::readSource(const Options &options) {
  Source source;
  if (options.input == "-") {
    source.name = "<stdin>";
    source.bytes = readStandardInput();
    return source;
  }
  source.name = options.input;
  Result<std::string> bytes = rt::readFile(options.input, int64_t(1) << 30);
  if (!bytes) {
    return bytes.status();
  }
  source.bytes = *std::move(bytes);
  return source;
}

Result<Program> attn::run::loadProgram(const Source &source,
                                       const Options &options) {
  Program program;
  auto start = std::chrono::steady_clock::now();
  if (source.isPackage()) {
    Result<rt::Package> package = rt::unpackPackage(source.bytes, source.name);
    if (!package) {
      return package.status();
    }
    program.package = *std::move(package);
    program.how = "package";
    return program;
  }

  CompileOptions compile = options.compile;
  Result<std::string> key = cacheKey(source.bytes, compile);
  if (!key) {
    return key.status();
  }
  compile.contentHash = *key;
  rt::KernelCache cache = options.cacheDir.empty()
                              ? rt::KernelCache()
                              : rt::KernelCache(options.cacheDir);
  std::string text;
  if (options.useCache) {
    std::optional<rt::Package> found = cache.lookup(*key, &text);
    if (!text.empty()) {
      note("warning: " + text);
    }
    if (found) {
      program.package = *std::move(found);
      std::chrono::duration<double> time =
          std::chrono::steady_clock::now() - start;
      program.how = format("cached, loaded in %.3f s", time.count());
      return program;
    }
  }
  Result<CompileResult> result =
      compileText(source.bytes, source.name, compile);
  if (!result) {
    return result.status();
  }
  program.how = describeTimes(*result);
  program.package = std::move(result->package);
  text.clear();
  if (options.useCache && !cache.store(*key, program.package, &text)) {
    note("warning: " + text);
  }
  return program;
}

Result<const rt::FunctionInfo *>
attn::run::findEntry(const rt::Manifest &manifest, const std::string &entry) {
  std::string names;
  for (const rt::FunctionInfo &function : manifest.functions) {
    names += (names.empty() ? "" : ", ") + function.name;
  }
  if (!entry.empty()) {
    if (const rt::FunctionInfo *function = manifest.findFunction(entry)) {
      return function;
    }
    return Status::usage("--entry: there is no function '" + entry +
                         "' (one of " + names + ")");
  }
  if (manifest.functions.size() == 1) {
    return &manifest.functions.front();
  }
  if (const rt::FunctionInfo *function = manifest.findFunction("main")) {
    return function;
  }
  return Status::usage("--entry is needed: the module has " +
                       (names.empty() ? "no function" : names));
}

Status attn::run::emitSource(const Source &source, const Options &options) {
  if (options.emit == Emit::kReference && source.isPackage()) {
    return Status::usage("--emit=reference needs the module, not a package");
  }
  if (options.emit == Emit::kPackage || options.emit == Emit::kReference) {
    return emitPackage(source, options);
  }
  bool ptx = options.emit == Emit::kPTX;
  if (ptx && !GPUDescription::get(options.compile.target)) {
    return Status::usage("--emit=ptx: the target is a CPU");
  }
  if (source.isPackage()) {
    return Status::usage("--emit: '" + source.name +
                         "' is a package, of which only that can be emitted");
  }
  std::unique_ptr<mlir::MLIRContext> context = makeCompilerContext();
  Result<mlir::OwningOpRef<mlir::ModuleOp>> module =
      parseModule(source.bytes, source.name, *context);
  if (!module) {
    return module.status();
  }
  Result<std::string> text = emitText(**module, options.compile,
                                      ptx ? Level::kAssembly : options.level);
  if (!text) {
    return text.status();
  }
  return writeEmitted(*text, options);
}
