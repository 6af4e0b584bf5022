//===- Inputs.cpp - arguments from files, random numbers and sizes --------===//

#include "Inputs.h"
#include "Work.h"

#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Npy.h"
#include "attn/Runtime/Safetensors.h"

#include "llvm/ADT/StringRef.h"

#include <optional>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

std::string quoted(const std::string &text) { return "'" + text + "'"; }

/// "q, k, v".
std::string namesOf(const std::vector<rt::ValueInfo> &values) {
  std::string names;
  for (const rt::ValueInfo &value : values) {
    names += (names.empty() ? "" : ", ") + value.name;
  }
  return names;
}

class Builder {
public:
  Builder(const rt::FunctionInfo &function, const llvm::json::Value &report,
          const Options &options)
      : function(function), report(report), options(options),
        given(function.arguments.size()), shapes(function.arguments.size()) {}

  Result<std::vector<Tensor>> run(bool withValues);

private:
  using Known = std::optional<int64_t>;

  int64_t indexOf(const std::string &name) const;
  Status readFiles();
  Status readFile(const std::string &text, size_t &next);
  Status readTensors(const std::string &path);
  Status checkFiles();
  Status readShapes();
  Status bind(const std::string &dim, int64_t size, const std::string &where);
  Status solveSizes();
  Status checkTables(const llvm::json::Object &op, const Tensor &tables,
                     const std::string &name,
                     const std::vector<Tensor> &arguments);
  Status checkRanges(const std::vector<Tensor> &arguments);

  Result<Tensor> make(size_t index, bool withValues);
  Result<Tensor> makeScalar(size_t index);
  Status fillLengths(ArgumentRole role, Tensor &tensor);
  Known sizeOfOp(const llvm::json::Object &op, const char *key);

  const rt::FunctionInfo &function;
  const llvm::json::Value &report;
  const Options &options;
  std::vector<std::optional<Tensor>> given;
  /// Sizes of each argument, -1 while unknown.
  std::vector<rt::Shape> shapes;
  struct Size {
    int64_t value;
    std::string where;
  };
  std::map<std::string, Size> sizes;
  /// Stand-ins for arguments in evaluateSize: shapes only.
  std::vector<Tensor> standIns;
};

int64_t Builder::indexOf(const std::string &name) const {
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    if (function.arguments[i].name == name) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

Status Builder::readTensors(const std::string &path) {
  Result<rt::TensorFile> file = rt::readSafetensors(path);
  if (!file) {
    return file.status();
  }
  bool any = false;
  for (rt::NamedTensor &tensor : file->tensors) {
    int64_t index = indexOf(tensor.name);
    if (index < 0) {
      continue;
    }
    if (given[index]) {
      return Status::usage("--inputs: argument " + quoted(tensor.name) +
                           " is given twice");
    }
    given[index] = std::move(tensor.tensor);
    any = true;
  }
  if (!any) {
    return Status::badInput(quoted(path) +
                            " has no tensor named as an argument (" +
                            namesOf(function.arguments) + ")");
  }
  return {};
}

Status Builder::readFile(const std::string &text, size_t &next) {
  std::string path = text;
  int64_t index = -1;
  if (auto pair = splitAssignment(text); pair && indexOf(pair->first) >= 0) {
    index = indexOf(pair->first);
    path = pair->second;
  } else if (pair && !llvm::StringRef(pair->first).contains('/')) {
    return Status::usage("--inputs: there is no argument " +
                         quoted(pair->first) + " (one of " +
                         namesOf(function.arguments) + ")");
  }
  if (llvm::StringRef(path).ends_with(".safetensors")) {
    return index >= 0 ? Status::usage("--inputs: a safetensors file names its "
                                      "tensors itself, so give " +
                                      quoted(path) + " without a name")
                      : readTensors(path);
  }
  if (!llvm::StringRef(path).ends_with(".npy")) {
    return Status::usage("--inputs: " + quoted(path) +
                         " is neither .safetensors nor .npy");
  }
  if (index < 0) {
    while (next < given.size() && given[next]) {
      ++next;
    }
    if (next == given.size()) {
      return Status::usage("--inputs: " + quoted(path) +
                           " is one file more than there are arguments");
    }
    index = static_cast<int64_t>(next);
  }
  if (given[index]) {
    return Status::usage("--inputs: argument " +
                         quoted(function.arguments[index].name) +
                         " is given twice");
  }
  Result<Tensor> tensor = rt::readNpy(path, function.arguments[index].dtype);
  if (!tensor) {
    return tensor.status();
  }
  given[index] = *std::move(tensor);
  return {};
}

Status Builder::readFiles() {
  size_t next = 0;
  for (const std::string &text : options.inputs) {
    if (Status status = readFile(text, next); !status.ok()) {
      return status;
    }
  }
  return {};
}

/// Tells of wrong files in the runtime's words, before sizes are missed.
Status Builder::checkFiles() {
  rt::FunctionInfo partial = function;
  std::vector<Tensor> scalars(given.size());
  std::vector<Tensor *> pointers;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) {
      partial.arguments[i] = {};
      partial.arguments[i].kind = rt::ValueKind::kScalar;
      scalars[i] =
          Tensor::adopt(partial.arguments[i].dtype, {}, nullptr, nullptr);
    }
    pointers.push_back(given[i] ? &*given[i] : &scalars[i]);
  }
  return rt::checkArguments(partial, pointers);
}

/// What types, files and `--shape` say of each argument's shape.
Status Builder::readShapes() {
  for (size_t i = 0; i < shapes.size(); ++i) {
    shapes[i] = given[i] ? given[i]->shape() : function.arguments[i].shape;
  }
  for (const auto &[name, shape] : options.shapes) {
    int64_t index = indexOf(name);
    if (index < 0) {
      return Status::usage("--shape: there is no argument " + quoted(name) +
                           " (one of " + namesOf(function.arguments) + ")");
    }
    const rt::Shape &type = shapes[index];
    bool fits = type.size() == shape.size();
    for (size_t d = 0; fits && d < shape.size(); ++d) {
      fits = type[d] == rt::kDynamic || type[d] == shape[d];
    }
    if (!fits) {
      std::string text;
      for (int64_t size : type) {
        text += (text.empty() ? "" : "x") +
                (size == rt::kDynamic ? "?" : std::to_string(size));
      }
      return Status::badInput("--shape: argument " + quoted(name) +
                              " has shape " + (text.empty() ? "scalar" : text) +
                              ", which " + rt::toString(shape) +
                              " does not fit");
    }
    shapes[index] = shape;
  }
  return {};
}

Status Builder::bind(const std::string &dim, int64_t size,
                     const std::string &where) {
  auto [entry, isNew] = sizes.try_emplace(dim, Size{size, where});
  if (!isNew && entry->second.value != size) {
    return Status::badInput("size " + quoted(dim) + " is " +
                            std::to_string(entry->second.value) + " in " +
                            entry->second.where + " but " +
                            std::to_string(size) + " in " + where);
  }
  return {};
}

/// Gives every size a value: equal names are equal.
Status Builder::solveSizes() {
  for (const auto &[name, value] : options.sizes) {
    bool used = indexOf(name) >= 0 && function.arguments[indexOf(name)].kind ==
                                          rt::ValueKind::kScalar;
    for (const rt::ValueInfo &argument : function.arguments) {
      for (const std::string &dim : argument.dims) {
        if (dim == name) {
          used = true;
          if (value < 0) {
            return Status::usage("--set: size " + quoted(name) +
                                 " may not be negative");
          }
        }
      }
    }
    if (!used) {
      return Status::usage("--set: no size and no scalar argument is named " +
                           quoted(name));
    }
    sizes[name] = {value, "--set"};
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    const rt::ValueInfo &argument = function.arguments[i];
    for (size_t d = 0; d < shapes[i].size() && d < argument.dims.size(); ++d) {
      if (shapes[i][d] == rt::kDynamic || argument.dims[d].empty()) {
        continue;
      }
      if (Status status = bind(argument.dims[d], shapes[i][d],
                               "argument " + quoted(argument.name));
          !status.ok()) {
        return status;
      }
    }
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    const rt::ValueInfo &argument = function.arguments[i];
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      if (shapes[i][d] != rt::kDynamic) {
        continue;
      }
      std::string dim = d < argument.dims.size() ? argument.dims[d] : "";
      auto known = sizes.find(dim);
      if (dim.empty() || known == sizes.end()) {
        std::string hint = "--shape " + argument.name + "=... or an input file";
        return Status::usage(
            "argument " + quoted(argument.name) + ": dimension " +
            std::to_string(d) + (dim.empty() ? "" : " (" + quoted(dim) + ")") +
            " is not known; give " +
            (dim.empty() ? hint : "--set " + dim + "=N, " + hint));
      }
      shapes[i][d] = known->second.value;
    }
  }
  return {};
}

Builder::Known Builder::sizeOfOp(const llvm::json::Object &op,
                                 const char *key) {
  // Sizes need shapes only: tensors over no memory stand for arguments.
  if (standIns.empty()) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      standIns.push_back(Tensor::adopt(function.arguments[i].dtype, shapes[i],
                                       nullptr, nullptr));
    }
  }
  std::vector<Tensor *> pointers;
  for (size_t i = 0; i < standIns.size(); ++i) {
    // Values of scalars are not there to be read.
    pointers.push_back(shapes[i].empty() ? nullptr : &standIns[i]);
  }
  return evaluateSize(op.get(key), pointers);
}

/// Lengths and starts of sequences: full, and evenly split. Tables name the
/// pages in order, and again from the first where there are too few.
Status Builder::fillLengths(ArgumentRole role, Tensor &tensor) {
  if (role.role == Role::kBlockTables) {
    Known pages = sizeOfOp(*role.op, "pages");
    for (int64_t i = 0; i < tensor.numElements(); ++i) {
      tensor.set(
          i, static_cast<double>(i % std::max<int64_t>(1, pages.value_or(1))));
    }
    return {};
  }
  Known total =
      sizeOfOp(*role.op, role.role == Role::kCuSeqlensQ ? "queries" : "keys");
  if (!total) {
    return Status::usage("lengths of sequences follow from no argument, so "
                         "give them by --inputs");
  }
  int64_t count = tensor.numElements();
  for (int64_t i = 0; i < count; ++i) {
    int64_t value = *total;
    if (role.role != Role::kKvLens) {
      value = count > 1 ? *total / (count - 1) * i +
                              *total % (count - 1) * i / (count - 1)
                        : 0;
    }
    tensor.set(i, static_cast<double>(value));
  }
  return {};
}

Result<Tensor> Builder::makeScalar(size_t index) {
  const rt::ValueInfo &argument = function.arguments[index];
  if (auto set = options.sizes.find(argument.name);
      set != options.sizes.end()) {
    return rt::isFloat(argument.dtype)
               ? Tensor::scalar(argument.dtype, double(set->second))
               : Tensor::scalarInt(argument.dtype, set->second);
  }
  ArgumentRole role = roleOf(report, function, index);
  if (role.role == Role::kOffset) {
    Known queries = sizeOfOp(*role.op, "queries");
    Known keys = sizeOfOp(*role.op, "keys");
    if (queries && keys) {
      return Tensor::scalarInt(argument.dtype, *keys - *queries);
    }
  }
  return Status::usage("scalar argument " + quoted(argument.name) +
                       " has no value; give --set " + argument.name + "=N");
}

Result<Tensor> Builder::make(size_t index, bool withValues) {
  const rt::ValueInfo &argument = function.arguments[index];
  if (given[index]) {
    return *std::move(given[index]);
  }
  if (argument.kind == rt::ValueKind::kScalar) {
    return makeScalar(index);
  }
  ArgumentRole role = roleOf(report, function, index);
  bool isLength = role.role != Role::kOther;
  if (withValues && !options.random && !isLength) {
    return Status::usage("argument " + quoted(argument.name) +
                         " has no value; give --inputs or --random SEED");
  }
  if (!withValues && !isLength) {
    return Tensor::adopt(argument.dtype, shapes[index], nullptr, nullptr);
  }
  Result<Tensor> tensor = Tensor::create(argument.dtype, shapes[index]);
  if (!tensor) {
    return tensor.status().withContext("argument " + quoted(argument.name));
  }
  if (isLength) {
    if (Status status = fillLengths(role, *tensor); !status.ok()) {
      return status.withContext("argument " + quoted(argument.name));
    }
  } else {
    rt::fillRandom(*tensor, *options.random, index);
  }
  return tensor;
}

/// Entries behind the last key of a sequence may hold anything.
Status Builder::checkTables(const llvm::json::Object &op, const Tensor &tables,
                            const std::string &name,
                            const std::vector<Tensor> &arguments) {
  Known pages = sizeOfOp(op, "pages");
  int64_t slots = std::max<int64_t>(1, op.getInteger("pageSize").value_or(1));
  const llvm::json::Object *lengths = op.getObject("kvLens");
  Known from = lengths ? lengths->getInteger("arg") : std::nullopt;
  int64_t columns = tables.shape()[1];
  for (int64_t i = 0; pages && i < tables.numElements(); ++i) {
    int64_t sequence = i / columns, used = columns;
    if (from) {
      auto length = static_cast<int64_t>(arguments[*from].get(sequence));
      used = (length + slots - 1) / slots;
    }
    auto page = static_cast<int64_t>(tables.get(i));
    if (i % columns < used && (page < 0 || page >= *pages)) {
      return Status::badInput(
          "argument " + quoted(name) + ": entry " + std::to_string(i) +
          " is page " + std::to_string(page) + " of " + std::to_string(*pages));
    }
  }
  return {};
}

/// Lengths steer loads, so wrong ones would read beyond the tensors.
Status Builder::checkRanges(const std::vector<Tensor> &arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    ArgumentRole role = roleOf(report, function, i);
    if (role.role == Role::kOther || role.role == Role::kOffset) {
      continue;
    }
    if (role.role == Role::kBlockTables) {
      Status status = checkTables(*role.op, arguments[i],
                                  function.arguments[i].name, arguments);
      if (!status.ok()) {
        return status;
      }
      continue;
    }
    Known limit =
        sizeOfOp(*role.op, role.role == Role::kCuSeqlensQ ? "queries" : "keys");
    int64_t last = 0;
    for (int64_t n = 0; n < arguments[i].numElements(); ++n) {
      int64_t value = static_cast<int64_t>(arguments[i].get(n));
      bool ordered = role.role == Role::kKvLens || n == 0 || value >= last;
      if (value < 0 || (limit && value > *limit) || !ordered) {
        return Status::badInput(
            "argument " + quoted(function.arguments[i].name) + ": entry " +
            std::to_string(n) + " is " + std::to_string(value) +
            (ordered ? ", expected 0 to " +
                           (limit ? std::to_string(*limit) : "the length")
                     : ", less than the one before"));
      }
      last = value;
    }
  }
  return {};
}

Result<std::vector<Tensor>> Builder::run(bool withValues) {
  for (auto step : {&Builder::readFiles, &Builder::checkFiles,
                    &Builder::readShapes, &Builder::solveSizes}) {
    if (Status status = (this->*step)(); !status.ok()) {
      return status;
    }
  }
  std::vector<Tensor> arguments;
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    Result<Tensor> tensor = make(i, withValues);
    if (!tensor) {
      return tensor.status();
    }
    arguments.push_back(*std::move(tensor));
  }
  if (Status status = rt::checkArguments(function, pointersTo(arguments));
      !status.ok()) {
    return status;
  }
  if (Status status = checkRanges(arguments); !status.ok()) {
    return status;
  }
  return arguments;
}

} // namespace

Result<std::vector<Tensor>>
attn::run::makeArguments(const rt::FunctionInfo &function,
                         const llvm::json::Value &report,
                         const Options &options) {
  return Builder(function, report, options).run(/*withValues=*/true);
}

Result<std::vector<Tensor>>
attn::run::makeShapes(const rt::FunctionInfo &function,
                      const llvm::json::Value &report, const Options &options) {
  return Builder(function, report, options).run(/*withValues=*/false);
}

std::vector<Tensor *> attn::run::pointersTo(std::vector<Tensor> &tensors) {
  std::vector<Tensor *> pointers;
  for (Tensor &tensor : tensors) {
    pointers.push_back(&tensor);
  }
  return pointers;
}
