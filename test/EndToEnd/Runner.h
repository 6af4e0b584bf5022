//===- Runner.h - compile a case and run it --------------------*- C++ -*-===//

#ifndef ATTN_TEST_ENDTOEND_RUNNER_H
#define ATTN_TEST_ENDTOEND_RUNNER_H

#include "Problem.h"

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Library.h"

#include <memory>

namespace attn::sweep {

CompileOptions compileOptions(const Schedule &schedule);

class Program {
public:
  /// Compiles and loads the module of `c`. On failure the text says why; null
  /// without a text is code that compiles and cannot run on this machine.
  static std::unique_ptr<Program> make(const Case &c, std::string &error);

  /// Launches once. Empty on success, else what went wrong.
  std::string run(const Data &data, Values &values) const;
  rt::Result<Values> run(Launch &launch) const;

  const Case &spec() const { return c; }

private:
  Program(const Case &c, rt::Package package, rt::Library library)
      : c(c), package(std::move(package)), library(std::move(library)) {}

  Case c;
  rt::Package package;
  rt::Library library;
};

/// Compiles, then runs and compares every launch. Empty, or all that is needed
/// to see the failure again: module, seed, options, verdict.
std::string check(const Case &c);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_RUNNER_H
