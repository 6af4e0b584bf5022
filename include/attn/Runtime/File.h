//===- File.h - whole files, written atomically -----------------*- C++ -*-===//
// Bytes are std::string and std::string_view throughout the runtime.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_FILE_H
#define ATTN_RUNTIME_FILE_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

/// Writes `pieces` one after another to `path`: to a temporary file in the same
/// directory, fsync, rename. A reader sees the old file or the whole new one,
/// and a failure leaves the old one and no temporary. A symbolic link is
/// followed; a device or pipe is written in place.
/// Errors: kRuntime, with the path and the system's reason.
Status writeFileAtomically(const std::string &path,
                           const std::vector<std::string_view> &pieces);

/// The bytes of a regular file. Errors: kBadInput when it cannot be read or is
/// larger than `maxBytes`, with the path and the reason.
Result<std::string> readFile(const std::string &path,
                             int64_t maxBytes = int64_t(1) << 32);

} // namespace attn::rt

#endif // ATTN_RUNTIME_FILE_H
