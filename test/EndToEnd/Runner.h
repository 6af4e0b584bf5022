//===- Runner.h - compile a case, run it, compare it ------------*- C++ -*-===//

#ifndef ATTN_TEST_ENDTOEND_RUNNER_H
#define ATTN_TEST_ENDTOEND_RUNNER_H

#include "Case.h"

#include "attn/Runtime/Launch.h"

#include <memory>

namespace attn::sweep {

/// What a launch reads, beside what follows from the case. Rows of k and v that
/// `poison` names hold NaN.
struct Data {
  Lengths lengths;
  rt::Tensor q, k, v;
  std::vector<int64_t> kvLens;
  std::vector<double> sinks;
  rt::Tensor captured;
};
Data makeData(const Case &c, const Lengths &lengths);

/// `out` in the layout of the case, and `lse` (empty without it).
struct Values {
  std::vector<double> out, lse;
};

class Program {
public:
  /// Compiles and loads the module of `c`. On failure the text says why; null
  /// without a text is code that compiles and cannot run on this machine.
  static std::unique_ptr<Program> make(const Case &c, std::string &error);

  /// Launches once. Empty on success, else what went wrong.
  std::string run(const Data &data, Values &values) const;

  const Case &spec() const { return c; }

private:
  Program(const Case &c, rt::Package package, rt::Library library)
      : c(c), package(std::move(package)), library(std::move(library)) {}

  Case c;
  rt::Package package;
  rt::Library library;
};

/// Whether the error rule holds; empty, or what is wrong.
std::string compare(const Case &c, const Data &data, const Values &values);

/// Compiles, then runs and compares every launch. Empty, or all that is needed
/// to see the failure again: module, seed, options, verdict.
std::string check(const Case &c);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_RUNNER_H
