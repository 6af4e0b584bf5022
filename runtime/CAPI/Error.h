//===- Error.h - the text behind attn_error() -----------------------------===//

#ifndef ATTN_RUNTIME_CAPI_ERROR_H
#define ATTN_RUNTIME_CAPI_ERROR_H

#include "attn/Runtime/Status.h"

namespace attn::rt {

/// Keeps the text for attn_error() of this thread; the code to return.
int finish(const Status &status);

} // namespace attn::rt

#endif // ATTN_RUNTIME_CAPI_ERROR_H
