//===- Cubin.h - machine code of a GPU from PTX
//----------------------------===//

#ifndef ATTN_EMIT_CUBIN_H
#define ATTN_EMIT_CUBIN_H

#include "attn/Runtime/Status.h"

#include <optional>
#include <string>

namespace attn {

/// The assembler of the CUDA toolkit: the program $ATTN_PTXAS (empty: none),
/// else `ptxas` on the path, else nothing.
std::optional<std::string> findPtxas();

/// Machine code for `chip` (`sm_90`) by the assembler at `ptxas`. Errors:
/// kCompile with its text, kRuntime where files cannot be written.
rt::Result<std::string> assembleCubin(const std::string &ptxas,
                                      const std::string &ptx,
                                      const std::string &chip);

} // namespace attn

#endif // ATTN_EMIT_CUBIN_H
