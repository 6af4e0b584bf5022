//===- PTX.h - PTX from kernels in the LLVM dialect -----------------------===//

#ifndef ATTN_EMIT_PTX_H
#define ATTN_EMIT_PTX_H

#include "attn/Runtime/Status.h"
#include "attn/Target/TargetDescription.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"

#include <string>

namespace attn {

/// Registers the translations to LLVM IR that `emitPTX` needs.
void registerPTXTranslations(mlir::DialectRegistry &registry);

/// How far `emitPTX` goes.
enum class PTXLevel { kLLVM, kPTX };

/// The text of all kernels of `module` (what `attn-to-nvptx` leaves) for the
/// GPU `target`, in process through LLVM's NVPTX backend. Errors: kCompile.
rt::Result<std::string> emitPTX(mlir::ModuleOp module,
                                const TargetDescription &target,
                                PTXLevel level = PTXLevel::kPTX);

} // namespace attn

#endif // ATTN_EMIT_PTX_H
