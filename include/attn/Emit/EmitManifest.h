//===- EmitManifest.h - the manifest of a module at level 1 ---------------===//

#ifndef ATTN_EMIT_EMITMANIFEST_H
#define ATTN_EMIT_EMITMANIFEST_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace attn {

/// Attributes of arguments and results of an entry function.
inline constexpr char kNameAttr[] = "attn.name";         // string
inline constexpr char kDimsAttr[] = "attn.dims";         // array of strings
inline constexpr char kDonatedAttr[] = "attn.donated";   // unit
inline constexpr char kOverlapsAttr[] = "attn.overlaps"; // unit, of launches

/// Describes the public functions of `module` that have a body, in order. An
/// argument is named by `attn.name`, else by its name location, else `arg<n>`;
/// a result by `attn.name`, else `result<n>`. Errors: kCompile for a type that
/// cannot cross the boundary of a compiled function, for attributes that do not
/// fit it, for two arguments (or results) of one name, and for a call of a
/// function without a body.
rt::Result<std::vector<rt::FunctionInfo>>
describeFunctions(mlir::ModuleOp module);

} // namespace attn

#endif // ATTN_EMIT_EMITMANIFEST_H
