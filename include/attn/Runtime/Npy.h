//===- Npy.h - NumPy array files --------------------------------*- C++ -*-===//
// Format 1.0 and 2.0, little endian. Source: numpy.lib.format.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_NPY_H
#define ATTN_RUNTIME_NPY_H

#include "attn/Runtime/Tensor.h"

#include <optional>
#include <string>
#include <string_view>

namespace attn::rt {

/// Reads `path`; a Fortran-ordered array is transposed to row-major order.
/// NumPy has no bf16: arrays of '<V2' or '<u2' are bf16 only if `expected` says
/// so, and an error otherwise. For other types `expected` has no effect. Bools
/// other than 0 become 1.
/// Errors: kBadInput, naming the file (truncated, trailing bytes, big endian,
/// unsupported type, malformed header).
Result<Tensor> readNpy(const std::string &path,
                       std::optional<DType> expected = std::nullopt);

/// The same from memory; `name` stands for the file in messages.
Result<Tensor> parseNpy(std::string_view bytes, const std::string &name,
                        std::optional<DType> expected = std::nullopt);

/// Writes atomically, format 1.0, row-major; bf16 as '<V2'.
/// Errors: kRuntime (disk).
Status writeNpy(const std::string &path, const Tensor &tensor);

} // namespace attn::rt

#endif // ATTN_RUNTIME_NPY_H
