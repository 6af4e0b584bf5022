//===- Json.cpp - strict JSON ---------------------------------------------===//

#include "Json.h"

#include <set>
#include <vector>

using namespace attn::rt;

namespace {
constexpr int kMaxDepth = 64;
} // namespace

Result<Json> attn::rt::parseJson(std::string_view text) {
  using Event = Json::parse_event_t;
  std::vector<std::set<std::string>> keys;
  std::string wrong;
  auto callback = [&](int depth, Event event, Json &value) {
    switch (event) {
    case Event::object_start:
      keys.emplace_back();
      [[fallthrough]];
    case Event::array_start:
      if (depth > kMaxDepth && wrong.empty()) {
        wrong = "nested too deeply";
      }
      break;
    case Event::object_end:
      if (!keys.empty()) {
        keys.pop_back();
      }
      break;
    case Event::key:
      if (!keys.empty() && wrong.empty() &&
          !keys.back().insert(value.get_ref<const std::string &>()).second) {
        wrong = "duplicate key '" + value.get_ref<const std::string &>() + "'";
      }
      break;
    default:
      break;
    }
    // After an error build nothing more; the parser itself uses no stack.
    return wrong.empty();
  };
  Json value = Json::parse(text.begin(), text.end(), callback,
                           /*allow_exceptions=*/false);
  if (!wrong.empty()) {
    return Status::badInput("malformed JSON: " + wrong);
  }
  if (value.is_discarded()) {
    return Status::badInput("malformed JSON");
  }
  return value;
}

Result<std::string> attn::rt::printJson(const Json &value, int indent) {
  // `replace` never throws. It changes strings that are not UTF-8, which is
  // found by looking for what it puts in: strict output would throw instead.
  std::string text =
      value.dump(indent, ' ', false, Json::error_handler_t::replace);
  if (text != value.dump(indent, ' ', false, Json::error_handler_t::ignore)) {
    return Status::usage("a string is not UTF-8");
  }
  return text;
}
