//===- JsonReader.h - fields of a JSON object -------------------*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_JSONREADER_H
#define ATTN_LIB_RUNTIME_JSONREADER_H

#include "Json.h"

#include <cstdint>
#include <string>

namespace attn::rt {

/// Reads the fields of one JSON object. The first problem is kept with its path
/// (`functions[0].arguments[2].dtype`); later reads then give defaults.
class Reader {
public:
  Reader(const Json &value, std::string path, std::string &wrong)
      : value(value), path(std::move(path)), wrong(wrong) {
    if (!value.is_object()) {
      fail("", "expected an object");
    }
  }

  void fail(const std::string &field, const std::string &message) {
    if (wrong.empty()) {
      std::string at = join(field);
      wrong = at.empty() ? message : "'" + at + "': " + message;
    }
  }

  std::string join(const std::string &field) const {
    return path.empty() || field.empty() ? path + field : path + "." + field;
  }

  std::string getString(const char *field) {
    const Json *found = find(field);
    if (found && !found->is_string()) {
      fail(field, "expected a string");
      found = nullptr;
    }
    return found ? found->get<std::string>() : std::string();
  }

  bool getBool(const char *field) {
    const Json *found = find(field);
    if (found && !found->is_boolean()) {
      fail(field, "expected true or false");
      found = nullptr;
    }
    return found && found->get<bool>();
  }

  /// An integer; anything else, and what does not fit, is an error.
  int64_t getInteger(const char *field) {
    const Json *found = find(field);
    int64_t number = 0;
    if (found && !toInteger(*found, number)) {
      fail(field, "expected an integer");
    }
    return number;
  }

  /// body(element, its path) for each element of an array.
  template <typename Body> void forEach(const char *field, Body body) {
    const Json *found = find(field);
    if (!found) {
      return;
    }
    if (!found->is_array() || found->size() > kMaxEntries) {
      fail(field, "expected an array");
      return;
    }
    size_t index = 0;
    for (const Json &element : *found) {
      body(element, join(field) + "[" + std::to_string(index++) + "]");
    }
  }

  /// Null when it is not there, which is no error.
  const Json *findOptional(const char *field) const {
    if (!value.is_object()) {
      return nullptr;
    }
    auto found = value.find(field);
    return found == value.end() ? nullptr : &*found;
  }

  const Json *find(const char *field) {
    if (!value.is_object()) {
      return nullptr;
    }
    auto found = value.find(field);
    if (found == value.end()) {
      fail(field, "missing");
      return nullptr;
    }
    return &*found;
  }

  static bool toInteger(const Json &value, int64_t &number) {
    if (value.is_number_unsigned()) {
      auto wide = value.get<uint64_t>();
      number = static_cast<int64_t>(wide);
      return wide <= static_cast<uint64_t>(INT64_MAX);
    }
    if (value.is_number_integer()) {
      number = value.get<int64_t>();
      return true;
    }
    return false;
  }

private:
  static constexpr size_t kMaxEntries = 1 << 16;

  const Json &value;
  std::string path;
  std::string &wrong;
};

} // namespace attn::rt

#endif // ATTN_LIB_RUNTIME_JSONREADER_H
