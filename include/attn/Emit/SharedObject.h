//===- SharedObject.h - link object code in this process ------------------===//

#ifndef ATTN_EMIT_SHAREDOBJECT_H
#define ATTN_EMIT_SHAREDOBJECT_H

#include "attn/Runtime/Status.h"
#include "attn/Target/TargetDescription.h"

#include <string>
#include <string_view>

namespace attn {

/// Links the bytes of an ELF object to those of a shared object, through lld in
/// this process. Symbols of libc, libm and OpenMP stay undefined for the
/// loader; conversions of 16-bit floats that compilers take from their own
/// support library are linked in. May be called from several threads, which
/// then take turns (lld has global state). lld also resets the llvm::cl options
/// of the process to their defaults: read yours before. Errors: kCompile with
/// the linker's text, kRuntime when no temporary file can be written.
rt::Result<std::string> linkSharedObject(std::string_view object,
                                         const TargetDescription &target);

} // namespace attn

#endif // ATTN_EMIT_SHAREDOBJECT_H
