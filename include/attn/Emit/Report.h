//===- Report.h - what a compiled module will do --------------------------===//

#ifndef ATTN_EMIT_REPORT_H
#define ATTN_EMIT_REPORT_H

#include "attn/Emit/Compiler.h"
#include "attn/Target/TargetDescription.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace attn {

/// Describes every `attn.attention` of `module` (level 1) and how it is tiled:
///
///   {"machine": {"cores", "vectorBits", "gigahertz", "peakF32", "peakF64",
///                "readGBs"},
///    "ops": [{
///     "function": "layer", "op": "attn.attention", "location": "m.mlir:7:8",
///     "element": "f32", "layout": "bhsd",
///     "batch": size, "queryHeads": size, "keyHeads": size,
///     "queries": size, "keys": size, "headSize": size, "valueSize": size,
///     "lse": bool, "score": bool,
///     "mask": null or {"kind": "set", "of": [constraint...]}
///                  or {"kind": "and" | "or" | "not", "of": [mask...]},
///     "maskSymbols": [value...],
///     "offset", "kvLens", "cuSeqlensQ", "cuSeqlensK": null or value,
///     "prefill": tiles, "decode": tiles, "decodeRows": n}]}
///
/// A size is a number, {"arg": a, "dim": d} for a size of an argument, {"arg":
/// a} for the value of one, or null where it follows from none; a value is
/// {"arg": a}, or {"constant": n}, or true where it is computed; a constraint
/// (0 or more in the set) is a number, "b", "h", "q", "k", {"symbol": n} or
/// ["add" | "mul" | "floordiv", constraint, constraint]; tiles are
/// {"rows", "keys", "lanes", "vectors", "split", "why"}. Without batch (`thd`)
/// "batch" is 1 less than the size of the operand "cuSeqlensQ", and sizes of
/// sequences are totals.
/// The tile sizes are those of `options` where it gives them.
llvm::json::Object buildReport(mlir::ModuleOp module,
                               const TargetDescription &target,
                               const CompileOptions &options);

} // namespace attn

#endif // ATTN_EMIT_REPORT_H
