//===- Json.h - strict JSON -------------------------------------*- C++ -*-===//
// The JSON library of the readers, with what it lets pass by default: duplicate
// keys, and nesting deep enough to exhaust the stack.
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_JSON_H
#define ATTN_LIB_RUNTIME_JSON_H

#include "attn/Runtime/Status.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace attn::rt {

/// Keys are sorted: equal values print equally, and lookups stay fast.
using Json = nlohmann::json;

/// Errors: kBadInput.
Result<Json> parseJson(std::string_view text);

/// Text of `value`, indented unless `indent` is negative. Errors: kUsage when a
/// string in it is not UTF-8.
Result<std::string> printJson(const Json &value, int indent = -1);

} // namespace attn::rt

#endif // ATTN_LIB_RUNTIME_JSON_H
