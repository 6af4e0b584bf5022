//===- Arguments.cpp - arguments of a call from files and numbers ---------===//

#include "Arguments.h"

#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Npy.h"

#include <algorithm>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() &&
         text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string quoted(const std::string &name) { return "'" + name + "'"; }

class Maker {
public:
  Maker(const rt::FunctionInfo &function, const PackageOptions &options)
      : function(function), options(options), given(function.arguments.size()),
        sizes(options.sizes) {}

  Result<std::vector<Tensor>> run() {
    Status status = readFiles();
    if (status.ok()) {
      status = collectSizes();
    }
    if (!status.ok()) {
      return status;
    }
    std::vector<Tensor> arguments;
    for (size_t i = 0; i < function.arguments.size(); ++i) {
      Result<Tensor> tensor = make(i);
      if (!tensor) {
        return tensor.status();
      }
      arguments.push_back(*std::move(tensor));
    }
    rt::Arguments pointers;
    for (Tensor &tensor : arguments) {
      pointers.push_back(&tensor);
    }
    if (status = rt::checkArguments(function, pointers); !status.ok()) {
      return status;
    }
    return arguments;
  }

private:
  size_t indexOf(const std::string &name) const {
    size_t i = 0;
    while (i < given.size() && function.arguments[i].name != name) {
      ++i;
    }
    return i;
  }

  Status readFiles() {
    size_t next = 0; // argument that an .npy without a name is for
    for (const std::string &text : options.inputs) {
      if (endsWith(text, ".safetensors")) {
        Result<rt::TensorFile> file = rt::readSafetensors(text);
        if (!file) {
          return file.status();
        }
        for (rt::NamedTensor &named : file->tensors) {
          // A file may hold more than one function wants.
          if (size_t i = indexOf(named.name); i < given.size()) {
            given[i] = std::move(named.tensor);
          }
        }
        continue;
      }
      auto pair = splitPair(text);
      std::string path = pair ? pair->second : text;
      if (!endsWith(path, ".npy")) {
        return Status::usage("--inputs: " + quoted(path) +
                             " is neither .safetensors nor .npy");
      }
      size_t i = pair ? indexOf(pair->first) : next;
      if (i >= given.size()) {
        return Status::usage("--inputs: there is no argument for " +
                             quoted(text));
      }
      Result<Tensor> tensor = rt::readNpy(path, function.arguments[i].dtype);
      if (!tensor) {
        return tensor.status();
      }
      given[i] = *std::move(tensor);
      next = i + 1;
    }
    return {};
  }

  /// Sizes by name, of files and `--shape`; checkArguments compares them later.
  Status collectSizes() {
    for (const auto &[name, shape] : options.shapes) {
      size_t i = indexOf(name);
      if (i >= given.size() ||
          function.arguments[i].shape.size() != shape.size()) {
        return Status::usage("--shape: there is no argument " + quoted(name) +
                             " of rank " + std::to_string(shape.size()));
      }
    }
    for (size_t i = 0; i < given.size(); ++i) {
      const rt::ValueInfo &info = function.arguments[i];
      auto chosen = options.shapes.find(info.name);
      for (size_t d = 0; d < info.dims.size(); ++d) {
        int64_t size = info.shape[d];
        if (given[i] && d < given[i]->shape().size()) {
          size = given[i]->shape()[d];
        } else if (chosen != options.shapes.end()) {
          size = chosen->second[d];
        }
        if (size != rt::kDynamic && !info.dims[d].empty()) {
          sizes.emplace(info.dims[d], size);
        }
      }
    }
    return {};
  }

  Result<Tensor> make(size_t i) {
    const rt::ValueInfo &info = function.arguments[i];
    std::string who = "argument " + quoted(info.name);
    if (given[i]) {
      return *std::move(given[i]);
    }
    if (info.kind == rt::ValueKind::kScalar) {
      auto set = options.sizes.find(info.name);
      if (set == options.sizes.end()) {
        return Status::usage("scalar " + who + " has no value; give --set " +
                             info.name + "=N");
      }
      return rt::isFloat(info.dtype)
                 ? Tensor::scalar(info.dtype, double(set->second))
                 : Tensor::scalarInt(info.dtype, set->second);
    }
    rt::Shape shape = info.shape;
    auto chosen = options.shapes.find(info.name);
    for (size_t d = 0; d < shape.size(); ++d) {
      std::string name = d < info.dims.size() ? info.dims[d] : "";
      auto known = sizes.find(name);
      if (chosen != options.shapes.end()) {
        shape[d] = chosen->second[d];
      } else if (shape[d] == rt::kDynamic && !name.empty() &&
                 known != sizes.end()) {
        shape[d] = known->second;
      }
      if (shape[d] == rt::kDynamic) {
        return Status::usage(who + ": dimension " + std::to_string(d) +
                             (name.empty() ? "" : " (" + quoted(name) + ")") +
                             " is not known; give --shape " + info.name +
                             "=..." +
                             (name.empty() ? "" : " or --set " + name + "=N"));
      }
    }
    bool mayBeRandom = rt::isFloat(info.dtype) || info.dtype == rt::DType::kI1;
    auto set = options.sizes.find(info.name);
    if (set != options.sizes.end() && !mayBeRandom) {
      Result<Tensor> tensor = Tensor::create(info.dtype, std::move(shape));
      for (int64_t n = 0; tensor && n < tensor->numElements(); ++n) {
        tensor->set(n, static_cast<double>(set->second));
      }
      return tensor;
    }
    if (!options.random || !mayBeRandom) {
      return Status::usage(who + " has no value; give --inputs" +
                           (mayBeRandom ? " or --random SEED"
                                        : " or --set " + info.name + "=N"));
    }
    Result<Tensor> tensor = Tensor::create(info.dtype, std::move(shape));
    if (tensor) {
      rt::fillRandom(*tensor, *options.random, i);
    }
    return tensor;
  }

  const rt::FunctionInfo &function;
  const PackageOptions &options;
  std::vector<std::optional<Tensor>> given;
  std::map<std::string, int64_t> sizes;
};

} // namespace

Result<std::vector<Tensor>>
attn::run::makePackageArguments(const rt::FunctionInfo &function,
                                const PackageOptions &options) {
  return Maker(function, options).run();
}

Status
attn::run::writePackageOutputs(const std::vector<rt::NamedTensorRef> &results,
                               const PackageOptions &options) {
  for (const std::string &text : options.outputs) {
    auto pair = splitPair(text);
    std::string path = pair ? pair->second : text;
    std::vector<rt::NamedTensorRef> chosen;
    for (const rt::NamedTensorRef &result : results) {
      if (!pair || pair->first == result.name) {
        chosen.push_back(result);
      }
    }
    bool isArray = endsWith(path, ".npy");
    if (chosen.empty() || (isArray && chosen.size() != 1) ||
        (!isArray && !endsWith(path, ".safetensors"))) {
      return Status::usage("--outputs: " + quoted(text) +
                           " names no file for the results");
    }
    Status status = isArray ? rt::writeNpy(path, *chosen.front().tensor)
                            : rt::writeSafetensors(path, chosen);
    if (!status.ok()) {
      return status;
    }
  }
  return {};
}
