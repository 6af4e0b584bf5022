//===- SoftFloat.h - conversions of 16-bit floats as code -----------------===//

#ifndef ATTN_LIB_EMIT_SOFTFLOAT_H
#define ATTN_LIB_EMIT_SOFTFLOAT_H

#include "attn/Runtime/Status.h"
#include "attn/Target/TargetDescription.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace attn {

/// Whether `symbol` is one that `softFloatObject` defines.
bool isSoftFloatSymbol(llvm::StringRef symbol);

/// An object file with the conversions, hidden. Errors: kCompile.
rt::Result<std::string> softFloatObject(const TargetDescription &target);

} // namespace attn

#endif // ATTN_LIB_EMIT_SOFTFLOAT_H
