//===- Execute.cpp - call a function, again and again ---------------------===//

#include "Execute.h"
#include "Inputs.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <malloc.h>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

/// The index of the value of that name, or -1.
int64_t find(const std::vector<rt::ValueInfo> &values,
             const std::string &name) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == name) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

} // namespace

Status attn::run::checkCarry(const rt::FunctionInfo &function,
                             const Options &options) {
  std::vector<std::string> taken;
  for (const auto &[result, argument] : options.carry) {
    int64_t from = find(function.results, result);
    int64_t to = find(function.arguments, argument);
    if (from < 0 || to < 0) {
      return Status::usage("--carry: there is no " +
                           std::string(from < 0 ? "result" : "argument") +
                           " '" + (from < 0 ? result : argument) + "'");
    }
    const rt::ValueInfo &a = function.results[from];
    const rt::ValueInfo &b = function.arguments[to];
    bool fits = a.dtype == b.dtype && a.shape.size() == b.shape.size();
    for (size_t d = 0; fits && d < a.shape.size(); ++d) {
      fits = a.shape[d] == b.shape[d] || a.shape[d] == rt::kDynamic ||
             b.shape[d] == rt::kDynamic;
    }
    if (!fits) {
      return Status::usage("--carry: result '" + result + "' and argument '" +
                           argument + "' have different types");
    }
    if (std::count(taken.begin(), taken.end(), argument) ||
        std::count(taken.begin(), taken.end(), result + "=")) {
      return Status::usage("--carry: '" + result + "=" + argument +
                           "' names something twice");
    }
    taken.push_back(argument);
    taken.push_back(result + "=");
  }
  return {};
}

Result<std::vector<Tensor>>
attn::run::cloneTensors(const std::vector<Tensor> &tensors) {
  std::vector<Tensor> copies;
  for (const Tensor &tensor : tensors) {
    Result<Tensor> copy = tensor.clone();
    if (!copy) {
      return copy.status();
    }
    copies.push_back(*std::move(copy));
  }
  return copies;
}

Result<std::vector<Tensor>> attn::run::execute(const rt::Library &library,
                                               const rt::FunctionInfo &function,
                                               std::vector<Tensor> &arguments,
                                               const Options &options) {
  for (int64_t call = 0;; ++call) {
    Result<std::vector<Tensor>> results =
        rt::call(library, function, pointersTo(arguments));
    if (!results || call + 1 == options.repeat) {
      return results;
    }
    for (const auto &[result, argument] : options.carry) {
      int64_t to = find(function.arguments, argument);
      Tensor &value = (*results)[find(function.results, result)];
      if (value.dtype() == function.arguments[to].dtype) {
        arguments[to] = std::move(value);
        continue;
      }
      // The oracle returns what it has before rounding.
      Result<Tensor> rounded = value.cast(function.arguments[to].dtype);
      if (!rounded) {
        return rounded.status();
      }
      arguments[to] = *std::move(rounded);
    }
  }
}

void attn::run::keepMemory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

Result<Timing> attn::run::bench(const rt::Library &library,
                                const rt::FunctionInfo &function,
                                std::vector<Tensor> &arguments, int calls) {
  Result<rt::Invocation> invocation =
      rt::Invocation::create(library, function, pointersTo(arguments));
  if (!invocation) {
    return invocation.status();
  }
  invocation->run();
  std::vector<double> times;
  for (int call = 0; call < calls; ++call) {
    auto start = std::chrono::steady_clock::now();
    invocation->run();
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(times.begin(), times.end());
  Timing timing;
  timing.calls = calls;
  timing.min = times.front();
  timing.median = calls % 2 ? times[calls / 2]
                            : (times[calls / 2 - 1] + times[calls / 2]) / 2;
  return timing;
}
