//===- Runtime.cpp - run compiled packages from C -------------------------===//

#include "attn-c/Runtime.h"

#include "Error.h"
#include "attn/Runtime/CudaFunction.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"
#include "attn/Runtime/Package.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

using namespace attn::rt;

struct AttnPackage {
  std::shared_ptr<const Package> package;
};

struct AttnFunction {
  std::shared_ptr<const Package> package;
  const FunctionInfo *info = nullptr;
  std::unique_ptr<Library> library;
  std::unique_ptr<cuda::CudaFunction> gpu;
};

static thread_local std::string lastError;

int attn::rt::finish(const Status &status) {
  lastError = status.message();
  return exitCode(status.code());
}

namespace {

AttnDType toC(DType type) {
  auto bits = static_cast<uint8_t>(8 * sizeOf(type));
  uint8_t code = ATTN_INT;
  if (type == DType::kBF16) {
    code = ATTN_BFLOAT;
  } else if (type == DType::kF8E4M3FN) {
    code = ATTN_FLOAT8_E4M3FN;
  } else if (type == DType::kF8E5M2) {
    code = ATTN_FLOAT8_E5M2;
  } else if (isFloat(type)) {
    code = ATTN_FLOAT;
  } else if (type == DType::kI1) {
    code = ATTN_BOOL;
  } else if (type == DType::kU8) {
    code = ATTN_UINT;
  }
  return {code, bits};
}

Result<DType> fromC(AttnDType type) {
  for (int i = 0; i < kNumDTypes; ++i) {
    AttnDType known = toC(static_cast<DType>(i));
    if (known.code == type.code && known.bits == type.bits) {
      return static_cast<DType>(i);
    }
  }
  return Status::badInput("there is no dtype of code " +
                          std::to_string(type.code) + " and " +
                          std::to_string(type.bits) + " bits");
}

Result<std::vector<cuda::Value>>
readTensors(const char *what, const AttnTensor *tensors, int count) {
  std::vector<cuda::Value> values;
  for (int i = 0; i < count; ++i) {
    const AttnTensor &tensor = tensors[i];
    Result<DType> type = fromC(tensor.dtype);
    std::string who = std::string(what) + " " + std::to_string(i);
    if (!type) {
      return type.status().withContext(who);
    }
    if (tensor.rank < 0 || (tensor.rank > 0 && !tensor.shape)) {
      return Status::badInput(who + ": no shape");
    }
    for (int d = 0; d < tensor.rank; ++d) {
      if (tensor.shape[d] < 0) {
        return Status::badInput(who + ": a negative size");
      }
    }
    values.push_back(
        {tensor.data, *type, tensor.rank, tensor.shape, tensor.strides});
  }
  return values;
}

/// Tensors over the caller's memory. Errors: kBadInput for strides, which
/// descriptors of arguments do not have.
Result<std::vector<Tensor>> borrow(const char *what,
                                   const std::vector<cuda::Value> &values) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < values.size(); ++i) {
    const cuda::Value &value = values[i];
    Shape shape(value.shape, value.shape + value.rank);
    std::string who = std::string(what) + " " + std::to_string(i);
    Result<int64_t> count = countElements(shape);
    if (!count) {
      return count.status().withContext(who);
    }
    if (*count > 0 && !value.data) {
      return Status::badInput(who + ": no data");
    }
    int64_t stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      if (value.strides && *count > 0 && shape[d] > 1 &&
          value.strides[d] != stride) {
        return Status::badInput(who + ": expected a contiguous tensor");
      }
      stride *= std::max<int64_t>(shape[d], 1);
    }
    tensors.push_back(
        Tensor::adopt(value.dtype, std::move(shape), nullptr, value.data));
  }
  return tensors;
}

Status launchOnHost(AttnFunction &function,
                    const std::vector<cuda::Value> &arguments,
                    const std::vector<cuda::Value> &results) {
  Result<std::vector<Tensor>> tensors = borrow("argument", arguments);
  Result<std::vector<Tensor>> places = borrow("result", results);
  if (!tensors || !places) {
    return tensors ? places.status() : tensors.status();
  }
  Arguments pointers;
  for (Tensor &tensor : *tensors) {
    pointers.push_back(&tensor);
  }
  Result<std::vector<Tensor>> made =
      call(*function.library, *function.info, pointers);
  if (!made) {
    return made.status();
  }
  if (made->size() != places->size()) {
    return Status::badInput("expected " + std::to_string(made->size()) +
                            " results, but got " +
                            std::to_string(places->size()));
  }
  for (size_t i = 0; i < made->size(); ++i) {
    const Tensor &from = (*made)[i];
    Tensor &to = (*places)[i];
    if (from.dtype() != to.dtype() || from.shape() != to.shape()) {
      return Status::badInput(
          "result " + std::to_string(i) + ": expected " +
          toString(from.shape()) + " x " + nameOf(from.dtype()) + ", but got " +
          toString(to.shape()) + " x " + nameOf(to.dtype()));
    }
    if (from.numBytes() > 0) {
      std::memmove(to.data(), from.data(),
                   static_cast<size_t>(from.numBytes()));
    }
  }
  return {};
}

int describe(const std::vector<ValueInfo> &values, int index,
             AttnValueInfo *info) {
  if (index < 0 || index >= static_cast<int>(values.size())) {
    return finish(Status::usage("there is no value " + std::to_string(index)));
  }
  const ValueInfo &value = values[static_cast<size_t>(index)];
  *info = {value.name.c_str(),
           toC(value.dtype),
           static_cast<int32_t>(value.shape.size()),
           value.kind == ValueKind::kScalar,
           value.donated,
           value.shape.data()};
  return finish({});
}

Status open(const AttnPackage &package, const char *name, int device,
            AttnFunction &function) {
  function.package = package.package;
  function.info = package.package->manifest.findFunction(name);
  if (!function.info) {
    return Status::usage("there is no function '" + std::string(name) + "'");
  }
  if (package.package->manifest.target.kind == "cuda") {
    Result<cuda::GpuPtr> gpu = cuda::Gpu::open(device);
    if (!gpu) {
      return gpu.status();
    }
    Result<cuda::CudaFunction> code =
        cuda::CudaFunction::create(*gpu, function.package, *function.info);
    if (!code) {
      return code.status();
    }
    function.gpu = std::make_unique<cuda::CudaFunction>(*std::move(code));
    return {};
  }
  Result<Library> library = Library::load(*package.package);
  if (!library) {
    return library.status();
  }
  function.library = std::make_unique<Library>(*std::move(library));
  return {};
}

/// Sizes of a result that are static or named as one of an argument.
Result<std::vector<int64_t>>
hostShape(const FunctionInfo &info, const std::vector<cuda::Value> &arguments,
          const ValueInfo &result) {
  std::vector<int64_t> shape = result.shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] != kDynamic) {
      continue;
    }
    for (size_t i = 0; i < arguments.size() && i < info.arguments.size(); ++i) {
      const std::vector<std::string> &dims = info.arguments[i].dims;
      for (size_t e = 0; e < dims.size(); ++e) {
        if (d < result.dims.size() && !result.dims[d].empty() &&
            dims[e] == result.dims[d] &&
            static_cast<int64_t>(e) < arguments[i].rank) {
          shape[d] = arguments[i].shape[e];
        }
      }
    }
    if (shape[d] == kDynamic) {
      return Status::usage("size " + std::to_string(d) + " of result '" +
                           result.name + "' has no name");
    }
  }
  return shape;
}

} // namespace

extern "C" {

int attn_runtime_abi(void) { return ATTN_RUNTIME_ABI; }

const char *attn_error(void) { return lastError.c_str(); }

int attn_package_load(const char *path, AttnPackage **package) {
  Result<Package> read = readPackage(path);
  if (!read) {
    return finish(read.status());
  }
  *package = new AttnPackage{std::make_shared<const Package>(*std::move(read))};
  return finish({});
}

int attn_package_load_memory(const void *bytes, size_t size,
                             AttnPackage **package) {
  Result<Package> read =
      unpackPackage({static_cast<const char *>(bytes), size}, "<memory>");
  if (!read) {
    return finish(read.status());
  }
  *package = new AttnPackage{std::make_shared<const Package>(*std::move(read))};
  return finish({});
}

void attn_package_free(AttnPackage *package) { delete package; }

int attn_package_num_functions(const AttnPackage *package) {
  return static_cast<int>(package->package->manifest.functions.size());
}

const char *attn_package_function_name(const AttnPackage *package, int index) {
  const auto &functions = package->package->manifest.functions;
  return index >= 0 && index < static_cast<int>(functions.size())
             ? functions[static_cast<size_t>(index)].name.c_str()
             : nullptr;
}

const char *attn_package_target(const AttnPackage *package) {
  return package->package->manifest.target.kind.c_str();
}

int attn_function_open(AttnPackage *package, const char *name, int device,
                       AttnFunction **function) {
  auto opened = std::make_unique<AttnFunction>();
  Status status = open(*package, name, device, *opened);
  if (status.ok()) {
    *function = opened.release();
  }
  return finish(status);
}

void attn_function_free(AttnFunction *function) { delete function; }

int attn_function_num_arguments(const AttnFunction *function) {
  return static_cast<int>(function->info->arguments.size());
}

int attn_function_num_results(const AttnFunction *function) {
  return static_cast<int>(function->info->results.size());
}

int attn_function_argument(const AttnFunction *function, int index,
                           AttnValueInfo *info) {
  return describe(function->info->arguments, index, info);
}

int attn_function_result(const AttnFunction *function, int index,
                         AttnValueInfo *info) {
  return describe(function->info->results, index, info);
}

int attn_function_result_shape(AttnFunction *function,
                               const AttnTensor *arguments, int num_arguments,
                               int index, int64_t *shape) {
  if (index < 0 || index >= attn_function_num_results(function)) {
    return finish(Status::usage("there is no result " + std::to_string(index)));
  }
  Result<std::vector<cuda::Value>> values =
      readTensors("argument", arguments, num_arguments);
  if (!values) {
    return finish(values.status());
  }
  std::vector<int64_t> sizes;
  if (function->gpu) {
    Result<std::vector<std::vector<int64_t>>> shapes =
        function->gpu->resultShapes(*values);
    if (!shapes) {
      return finish(shapes.status());
    }
    sizes = (*shapes)[static_cast<size_t>(index)];
  } else {
    Result<std::vector<int64_t>> named =
        hostShape(*function->info, *values,
                  function->info->results[static_cast<size_t>(index)]);
    if (!named) {
      return finish(named.status());
    }
    sizes = *std::move(named);
  }
  std::copy(sizes.begin(), sizes.end(), shape);
  return finish({});
}

int attn_function_launch(AttnFunction *function, void *stream,
                         const AttnTensor *arguments, int num_arguments,
                         const AttnTensor *results, int num_results) {
  Result<std::vector<cuda::Value>> values =
      readTensors("argument", arguments, num_arguments);
  Result<std::vector<cuda::Value>> places =
      readTensors("result", results, num_results);
  if (!values || !places) {
    return finish(values ? places.status() : values.status());
  }
  return finish(function->gpu
                    ? function->gpu->call(static_cast<cuda::Stream>(stream),
                                          *values, *places)
                    : launchOnHost(*function, *values, *places));
}

} // extern "C"
