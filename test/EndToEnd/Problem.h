//===- Problem.h - the data of a case, and what is right --------*- C++ -*-===//
// What a case is run on and compared with, for any target: nothing here
// compiles or launches.
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_ENDTOEND_PROBLEM_H
#define ATTN_TEST_ENDTOEND_PROBLEM_H

#include "Case.h"

#include "attn/Runtime/Launch.h"

#include <functional>
#include <map>

namespace attn::sweep {

/// What a launch reads, beside what follows from the case. Rows of k and v that
/// `poison` names hold NaN.
struct Data {
  Lengths lengths;
  rt::Tensor q, k, v;
  std::vector<int64_t> kvLens;
  std::vector<double> sinks;
  rt::Tensor captured;
  rt::Tensor masked; ///< what the mask region reads
};
Data makeData(const Case &c, const Lengths &lengths);

/// k and v of `data` in pages, as block tables name them: in any order, with
/// NaN in what no key in use needs, and garbage in the tails of the tables.
struct Pages {
  rt::Tensor tables, k, v;
};
Pages makePages(const Case &c, const Data &data);

/// `out` in the layout of the case, and `lse` (empty without it).
struct Values {
  std::vector<double> out, lse;
};

/// The tensors of one launch.
class Launch {
public:
  Launch(const Case &c, const Data &data);

  /// What `function` takes; it points into this.
  rt::Result<rt::Arguments> arguments(const rt::FunctionInfo &function);
  /// The results of a call, from what it returned or wrote to its arguments.
  rt::Result<Values> values(const std::vector<rt::Tensor> &results) const;

private:
  Case c;
  std::map<std::string, rt::Tensor> tensors;
};

/// Whether the error rule holds; empty, or what is wrong.
std::string compare(const Case &c, const Data &data, const Values &values);

/// Compares what `call` makes of each launch. Empty, or all that is needed to
/// see the failure again: module, seed, options, verdict.
using Call = std::function<rt::Result<Values>(Launch &)>;
std::string checkLaunches(const Case &c, const Call &call);
std::string explainFailure(const Case &c, const std::string &what);

} // namespace attn::sweep

#endif // ATTN_TEST_ENDTOEND_PROBLEM_H
