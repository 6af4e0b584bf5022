//===- ObjectCode.h - machine code from the LLVM dialect ------------------===//
// The last steps of the CPU target: LLVM dialect -> LLVM IR -> optimised IR ->
// object code. Every public function marked `llvm.emit_c_interface` is exported
// as `attn_call_<name>` with the ABI of attn/Runtime/Launch.h; all others are
// internal, so that they are inlined or dropped.
//===----------------------------------------------------------------------===//

#ifndef ATTN_EMIT_OBJECTCODE_H
#define ATTN_EMIT_OBJECTCODE_H

#include "attn/Runtime/Status.h"
#include "attn/Target/TargetDescription.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <memory>
#include <string>
#include <vector>

namespace attn {

/// Registers the translations to LLVM IR that `LLVMModule::create` needs.
void registerLLVMTranslations(mlir::DialectRegistry &registry);

/// The exported symbol of function `name`.
std::string callSymbol(llvm::StringRef name);

/// What the loops of a module are like. Those of our own lowering are vectors
/// in unrolled tiles already; there, LLVM's loop passes only cost time.
enum class Loops { kVector, kScalar };

/// A module of LLVM IR for one CPU target, and its context.
class LLVMModule {
public:
  LLVMModule(LLVMModule &&) noexcept;
  LLVMModule &operator=(LLVMModule &&) noexcept;
  ~LLVMModule();

  /// Translates `module`, which must be in the LLVM dialect (and those that
  /// translate with it, such as omp), and adds the exported functions.
  /// Errors: kCompile.
  static rt::Result<LLVMModule> create(mlir::ModuleOp module,
                                       const TargetDescription &target);

  /// The same from LLVM IR as text, of which every function is exported as it
  /// is. Errors: kCompile.
  static rt::Result<LLVMModule> parse(llvm::StringRef ir,
                                      const TargetDescription &target);

  /// Runs LLVM's O3 pipeline. Once.
  void optimize(Loops loops);

  /// The module as LLVM IR, or lowered to assembly or an object file. The last
  /// two consume the module: call only one of them, once.
  std::string toText() const;
  rt::Result<std::string> toAssembly();
  rt::Result<std::string> toObject();

  /// Whether the module calls an OpenMP runtime.
  bool needsOpenMP() const;
  /// Of `Manifest::libraries`.
  std::vector<std::string> neededLibraries() const;

private:
  struct State;
  explicit LLVMModule(std::unique_ptr<State> state);

  std::unique_ptr<State> state;
};

} // namespace attn

#endif // ATTN_EMIT_OBJECTCODE_H
