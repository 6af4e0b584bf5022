//===- Launch.h - call a compiled function ----------------------*- C++ -*-===//
// ABI of a function f with n arguments and m results:
//
//   void attn_call_f(void **args)
//
// args[0, n) point to the arguments, args[n, n + m) to slots for the results. A
// tensor is a ranked MLIR memref descriptor {allocated, aligned, offset,
// sizes[rank], strides[rank]} (offset and strides in elements), a scalar is its
// value (`index` as int64, i1 as a byte). The callee allocates results with
// malloc or aligned_alloc and gives them away, unless they lie in an argument's
// buffer or in a constant of the object.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_LAUNCH_H
#define ATTN_RUNTIME_LAUNCH_H

#include "attn/Runtime/Library.h"
#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Tensor.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attn::rt {

/// Tensors, and rank 0 tensors for scalars, in the order of the function.
/// Borrowed; the callee may write those that are donated.
using Arguments = std::vector<Tensor *>;

/// Number, dtype, rank, static sizes, and equal sizes for equal names.
/// Errors: kBadInput, e.g. `argument 1 ('k'): expected dimension 3 ('d') to be
/// 128, but got 64`. Fills `sizes` with the named sizes when it is not null.
Status checkArguments(const FunctionInfo &function, const Arguments &arguments,
                      std::map<std::string, int64_t> *sizes = nullptr);

/// A checked call that can be repeated: descriptors are built once.
class Invocation {
public:
  Invocation(Invocation &&) noexcept;
  Invocation &operator=(Invocation &&) noexcept;
  ~Invocation();

  /// `library`, `function` and the tensors must outlive the invocation.
  /// Errors: kBadInput as checkArguments, or for a missing symbol.
  static Result<Invocation> create(const Library &library,
                                   const FunctionInfo &function,
                                   const Arguments &arguments);

  /// Calls the function once. Results of an earlier run are released first.
  void run();

  /// The results of the last run, at most once per run. A contiguous result is
  /// taken over without a copy, a strided one is compacted; one that lies in an
  /// argument's buffer shares that argument's storage. Scalars come as rank 0.
  /// Errors: kRuntime when a result contradicts the manifest, or out of memory.
  Result<std::vector<Tensor>> takeResults();

private:
  struct State;
  explicit Invocation(std::unique_ptr<State> state);

  std::unique_ptr<State> state;
};

/// checkArguments, one call, results.
Result<std::vector<Tensor>> call(const Library &library,
                                 const FunctionInfo &function,
                                 const Arguments &arguments);

} // namespace attn::rt

#endif // ATTN_RUNTIME_LAUNCH_H
