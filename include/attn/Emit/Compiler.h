//===- Compiler.h - from a module to a package in memory ------------------===//
// The whole way for tools and tests: parse, run the pipeline, emit, link, and
// put the result in a package that the runtime loads. Errors are values; what
// MLIR says about the program is in their text.
//===----------------------------------------------------------------------===//

#ifndef ATTN_EMIT_COMPILER_H
#define ATTN_EMIT_COMPILER_H

#include "attn/Runtime/Package.h"
#include "attn/Runtime/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

/// Where the compilation of `emitText` stops.
enum class Level {
  kGraph,       // attn.* on tensors, canonical
  kTile,        // level 2
  kBufferized,  // tile ops on memrefs
  kVector,      // scf, vector, memref, omp
  kLLVMDialect, // the LLVM dialect
  kLLVM,        // LLVM IR, optimised
  kAssembly,
};

enum class Form {
  kOptimized, // the attn-to-cpu pipeline
  kReference, // the materialised form in f64: the oracle
};

struct CompileOptions {
  Form form = Form::kOptimized;
  std::string target = "host";           // or an LLVM CPU name
  int64_t rows = 0, keys = 0, split = 0; // tile sizes; 0: cost model
  bool openmp = true;
  /// Goes into the manifest; empty: cacheKey of the module as it prints.
  std::string contentHash;
};

struct PhaseTime {
  std::string name;
  double seconds = 0;
};

struct CompileResult {
  rt::Package package;
  std::vector<PhaseTime> times;
  std::vector<std::string> remarks; // remarks and warnings, one a line
  double seconds() const;
};

/// "attn 0.1.0 (LLVM 22.1.8)".
std::string compilerVersion();

/// The key of `text` (the bytes of a module, not parsed) in the kernel cache:
/// it covers the options, the target's CPU and features, and the builds of this
/// library, MLIR and LLVM. Errors: kUsage for an unknown target.
rt::Result<std::string> cacheKey(std::string_view text,
                                 const CompileOptions &options);

/// The dialects, interfaces and translations of the compiler.
const mlir::DialectRegistry &compilerRegistry();

/// Makes a context with them, for use on one thread.
std::unique_ptr<mlir::MLIRContext> makeCompilerContext();

/// Parses and verifies MLIR text or bytecode; `name` stands for the file in
/// messages. Arguments of entry functions without `attn.name` get their SSA
/// name as one. Errors: kCompile.
rt::Result<mlir::OwningOpRef<mlir::ModuleOp>>
parseModule(std::string_view text, const std::string &name,
            mlir::MLIRContext &context);

/// Compiles `module` (level 1), which is left as it was.
/// Errors: kUsage for an unknown target, kCompile.
rt::Result<CompileResult> compileModule(mlir::ModuleOp module,
                                        const CompileOptions &options);

/// Compiles the text of a module. Errors: those of the two above.
rt::Result<CompileResult> compileText(std::string_view text,
                                      const std::string &name,
                                      const CompileOptions &options);

/// Compiles up to `level` and prints that. Errors: as compileModule.
rt::Result<std::string> emitText(mlir::ModuleOp module,
                                 const CompileOptions &options, Level level);

} // namespace attn

#endif // ATTN_EMIT_COMPILER_H
