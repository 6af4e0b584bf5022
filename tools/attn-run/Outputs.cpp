//===- Outputs.cpp - where results go -------------------------------------===//

#include "Outputs.h"

#include "attn/Runtime/Npy.h"
#include "attn/Runtime/Safetensors.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace attn;
using namespace attn::run;
using attn::rt::Status;

namespace {

/// Names of the outputs of a function, as listOutputs has them.
std::vector<std::string> namesOf(const rt::FunctionInfo &function) {
  std::vector<std::string> names;
  for (const rt::ValueInfo &result : function.results) {
    names.push_back(result.name);
  }
  for (const rt::ValueInfo &argument : function.arguments) {
    if (argument.donated && function.results.empty()) {
      names.push_back(argument.name);
    }
  }
  return names;
}

struct Destination {
  std::string name; // empty: all results
  std::string path;
};

Destination parseDestination(const std::string &text,
                             const std::vector<std::string> &names) {
  auto pair = splitAssignment(text);
  if (pair && std::count(names.begin(), names.end(), pair->first)) {
    return {pair->first, pair->second};
  }
  return {"", text};
}

} // namespace

std::vector<Output>
attn::run::listOutputs(const rt::FunctionInfo &function,
                       const std::vector<rt::Tensor> &arguments,
                       const std::vector<rt::Tensor> &results) {
  std::vector<Output> outputs;
  for (size_t i = 0; i < results.size(); ++i) {
    outputs.push_back({function.results[i].name, &results[i]});
  }
  for (size_t i = 0; i < arguments.size() && results.empty(); ++i) {
    if (function.arguments[i].donated) {
      outputs.push_back({function.arguments[i].name, &arguments[i]});
    }
  }
  return outputs;
}

Status attn::run::checkOutputs(const rt::FunctionInfo &function,
                               const Options &options) {
  std::vector<std::string> names = namesOf(function);
  for (const std::string &text : options.outputs) {
    Destination to = parseDestination(text, names);
    llvm::StringRef path(to.path);
    if (path.ends_with(".npy")) {
      if (to.name.empty() && names.size() != 1) {
        return Status::usage("--outputs: '" + to.path +
                             "' holds one array, but there are " +
                             std::to_string(names.size()) +
                             " results; name one, or use .safetensors");
      }
    } else if (!path.ends_with(".safetensors")) {
      return Status::usage("--outputs: '" + to.path +
                           "' is neither .safetensors nor .npy");
    }
  }
  return {};
}

Status attn::run::writeOutputs(const std::vector<Output> &outputs,
                               const Options &options) {
  std::vector<std::string> names;
  for (const Output &output : outputs) {
    names.push_back(output.name);
  }
  for (const std::string &text : options.outputs) {
    Destination to = parseDestination(text, names);
    std::vector<rt::NamedTensorRef> tensors;
    for (const Output &output : outputs) {
      if (to.name.empty() || to.name == output.name) {
        tensors.push_back({output.name, output.tensor});
      }
    }
    Status status = llvm::StringRef(to.path).ends_with(".npy")
                        ? rt::writeNpy(to.path, *tensors.front().tensor)
                        : rt::writeSafetensors(to.path, tensors);
    if (!status.ok()) {
      return status;
    }
  }
  return {};
}

std::string attn::run::summarize(const Output &output) {
  const rt::Tensor &tensor = *output.tensor;
  std::string text = output.name + ": " + rt::toString(tensor.shape()) + " x " +
                     rt::nameOf(tensor.dtype());
  double sum = 0, lo = INFINITY, hi = -INFINITY;
  int64_t nans = 0;
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    double value = tensor.get(i);
    nans += std::isnan(value);
    sum += value;
    lo = std::min(lo, value);
    hi = std::max(hi, value);
  }
  if (tensor.numElements() == 0) {
    return text;
  }
  char numbers[96];
  std::snprintf(numbers, sizeof(numbers), ", mean %.6g, min %.6g, max %.6g",
                sum / tensor.numElements(), lo, hi);
  text += numbers;
  return nans ? text + ", " + std::to_string(nans) + " NaN" : text;
}
