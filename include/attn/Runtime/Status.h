//===- Status.h - errors as values ------------------------------*- C++ -*-===//
// Every fallible function of the runtime returns a Status or a Result<T>; no
// exception leaves a public function and nothing aborts or prints.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_STATUS_H
#define ATTN_RUNTIME_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace attn::rt {

/// Who has to act on an error. The order is that of severity for a caller.
enum class Code {
  kOk,       ///< no error
  kMismatch, ///< results were compared and differ
  kUsage,    ///< the request makes no sense (options, names)
  kBadInput, ///< data from outside is wrong (shape, dtype, file)
  kCompile,  ///< the program cannot be compiled
  kRuntime,  ///< the system failed (memory, disk, missing library)
};

/// The process exit code for `code`: 0 ok, 1 mismatch, 2 usage or bad input,
/// 3 compile error, 4 runtime error.
constexpr int exitCode(Code code) {
  switch (code) {
  case Code::kOk:
    return 0;
  case Code::kMismatch:
    return 1;
  case Code::kUsage:
  case Code::kBadInput:
    return 2;
  case Code::kCompile:
    return 3;
  case Code::kRuntime:
    return 4;
  }
  return 4;
}

/// Success, or a code and one line of text: lower case, no full stop.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message)
      : theCode(code), theMessage(std::move(message)) {}

  static Status success() { return {}; }
  static Status usage(std::string m) { return {Code::kUsage, std::move(m)}; }
  static Status badInput(std::string m) {
    return {Code::kBadInput, std::move(m)};
  }
  static Status compile(std::string m) {
    return {Code::kCompile, std::move(m)};
  }
  static Status runtime(std::string m) {
    return {Code::kRuntime, std::move(m)};
  }

  bool ok() const { return theCode == Code::kOk; }
  Code code() const { return theCode; }
  const std::string &message() const { return theMessage; }

  /// The same error with `context` and ": " in front of its text.
  Status withContext(const std::string &context) const {
    return ok() ? *this : Status(theCode, context + ": " + theMessage);
  }

private:
  Code theCode = Code::kOk;
  std::string theMessage;
};

/// A value, or the Status that says why there is none. Dereferencing an error
/// is a programming error (asserted).
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value(std::move(value)) {}
  Result(Status error) : error(std::move(error)) {
    assert(!this->error.ok() && "a Result without a value needs an error");
  }

  bool ok() const { return value.has_value(); }
  explicit operator bool() const { return ok(); }

  /// Success when there is a value.
  const Status &status() const { return error; }
  const std::string &message() const { return error.message(); }

  T &operator*() & {
    assert(ok());
    return *value;
  }
  const T &operator*() const & {
    assert(ok());
    return *value;
  }
  T &&operator*() && {
    assert(ok());
    return std::move(*value);
  }
  T *operator->() {
    assert(ok());
    return &*value;
  }
  const T *operator->() const {
    assert(ok());
    return &*value;
  }

private:
  std::optional<T> value;
  Status error;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_STATUS_H
