//===- main.cpp - attn-run-package: run a package without LLVM ------------===//

#include "Arguments.h"
#include "Ceilings.h"
#include "Compare.h"
#include "GpuCeilings.h"
#include "GpuExecute.h"
#include "PackageOptions.h"

#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"
#include "attn/Runtime/Safetensors.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace attn;
using namespace attn::run;
using attn::rt::Result;
using attn::rt::Status;
using attn::rt::Tensor;

namespace {

int fail(const Status &status) {
  std::fprintf(stderr, "attn-run-package: error: %s\n",
               status.message().c_str());
  return rt::exitCode(status.code());
}

Result<const rt::FunctionInfo *> findFunction(const rt::Manifest &manifest,
                                              const std::string &entry) {
  if (entry.empty() && manifest.functions.size() == 1) {
    return &manifest.functions.front();
  }
  const rt::FunctionInfo *function =
      manifest.findFunction(entry.empty() ? "main" : entry);
  if (function) {
    return function;
  }
  std::string names;
  for (const rt::FunctionInfo &each : manifest.functions) {
    names += (names.empty() ? "" : ", ") + each.name;
  }
  return Status::usage("--entry: expected one of " + names);
}

void printSignature(const rt::FunctionInfo &function) {
  auto print = [](const char *what, const rt::ValueInfo &value) {
    std::string shape;
    for (size_t d = 0; d < value.shape.size(); ++d) {
      bool isNamed = d < value.dims.size() && !value.dims[d].empty();
      std::string size = std::to_string(value.shape[d]);
      if (value.shape[d] == rt::kDynamic) {
        size = isNamed ? value.dims[d] : "?";
      }
      shape += (d ? "x" : "") + size;
    }
    std::printf("  %s %s: %s %s%s\n", what, value.name.c_str(),
                shape.empty() ? "scalar" : shape.c_str(),
                rt::nameOf(value.dtype), value.donated ? ", donated" : "");
  };
  std::printf("%s\n", function.name.c_str());
  for (const rt::ValueInfo &value : function.arguments) {
    print("argument", value);
  }
  for (const rt::ValueInfo &value : function.results) {
    print("result", value);
  }
}

struct BenchTimes {
  double median = 0, min = 0, host = 0, graph = 0;
  int calls = 0;
};

/// One function of a package, on whatever its target is.
class Program {
public:
  static Result<Program> load(std::shared_ptr<const rt::Package> package,
                              const PackageOptions &options) {
    Program program;
    Result<const rt::FunctionInfo *> function =
        findFunction(package->manifest, options.entry);
    if (!function) {
      return function.status();
    }
    program.function = *function;
    program.package = std::move(package);
    if (program.package->manifest.target.kind == "cuda") {
      Result<rt::cuda::GpuPtr> gpu =
          rt::cuda::Gpu::open(static_cast<int>(options.device));
      if (!gpu) {
        return gpu.status();
      }
      program.gpu = *gpu;
      return program;
    }
    Result<rt::Library> library = rt::Library::load(*program.package);
    if (!library) {
      return library.status();
    }
    program.library = std::make_unique<rt::Library>(*std::move(library));
    return program;
  }

  Result<std::vector<Tensor>> run(const rt::Arguments &arguments) {
    if (!gpu) {
      return rt::call(*library, *function, arguments);
    }
    Result<std::unique_ptr<GpuCall>> call =
        GpuCall::create(gpu, package, *function, arguments);
    if (!call) {
      return call.status();
    }
    Status status = (*call)->start();
    if (!status.ok()) {
      return status;
    }
    return (*call)->takeResults();
  }

  Result<BenchTimes> bench(const rt::Arguments &arguments, int calls) {
    BenchTimes times;
    times.calls = calls;
    if (gpu) {
      Result<std::unique_ptr<GpuCall>> call =
          GpuCall::create(gpu, package, *function, arguments);
      if (!call) {
        return call.status();
      }
      Result<GpuCall::Times> measured = (*call)->bench(calls);
      if (!measured) {
        return measured.status();
      }
      return BenchTimes{measured->median, measured->min, measured->host,
                        measured->graph, calls};
    }
    Result<rt::Invocation> invocation =
        rt::Invocation::create(*library, *function, arguments);
    if (!invocation) {
      return invocation.status();
    }
    invocation->run();
    std::vector<double> seconds;
    for (int i = 0; i < calls; ++i) {
      auto start = std::chrono::steady_clock::now();
      invocation->run();
      seconds.push_back(std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - start)
                            .count());
    }
    std::sort(seconds.begin(), seconds.end());
    times.min = seconds.front();
    times.median = (seconds[calls / 2] + seconds[(calls - 1) / 2]) / 2;
    return times;
  }

  std::shared_ptr<const rt::Package> package;
  const rt::FunctionInfo *function = nullptr;
  std::unique_ptr<rt::Library> library;
  rt::cuda::GpuPtr gpu;
};

/// Results by name; of a function without any, the arguments that it writes.
std::vector<rt::NamedTensorRef>
nameOutputs(const rt::FunctionInfo &function,
            const std::vector<Tensor> &arguments,
            const std::vector<Tensor> &results) {
  std::vector<rt::NamedTensorRef> named;
  for (size_t i = 0; i < results.size(); ++i) {
    named.push_back({function.results[i].name, &results[i]});
  }
  for (size_t i = 0; i < arguments.size() && results.empty(); ++i) {
    if (function.arguments[i].donated) {
      named.push_back({function.arguments[i].name, &arguments[i]});
    }
  }
  return named;
}

/// Keys that a result sums over, for the bound: the largest size is enough.
int64_t guessKeys(const std::vector<Tensor> &arguments) {
  int64_t keys = 0;
  for (const Tensor &tensor : arguments) {
    for (int64_t size : tensor.shape()) {
      keys = std::max(keys, size);
    }
  }
  return keys;
}

Status compareAll(const std::vector<rt::NamedTensorRef> &got,
                  const std::vector<rt::NamedTensorRef> &expected, int64_t keys,
                  double tolerance, Weights weights) {
  std::string bad;
  for (const rt::NamedTensorRef &result : got) {
    auto reference = std::find_if(expected.begin(), expected.end(),
                                  [&](const rt::NamedTensorRef &other) {
                                    return other.name == result.name;
                                  });
    if (reference == expected.end()) {
      return Status::badInput("the reference has no result '" + result.name +
                              "'");
    }
    Comparison comparison =
        compare(result.name, *result.tensor, *reference->tensor, keys,
                tolerance, weights);
    std::printf("check %s\n", comparison.text.c_str());
    if (!comparison.ok && bad.empty()) {
      bad = result.name;
    }
  }
  return bad.empty()
             ? Status()
             : Status(rt::Code::kMismatch,
                      "result '" + bad + "' differs from the reference");
}

/// The checks that were asked for. `kept` are the arguments as they were.
Status check(const PackageOptions &options,
             const std::vector<rt::NamedTensorRef> &outputs,
             std::vector<Tensor> &kept, bool onGPU) {
  int64_t keys = guessKeys(kept);
  // Queries that are codes are for products of codes, which CPUs decode.
  bool coded = !kept.empty() && kept.front().dtype() == rt::DType::kF8E4M3FN;
  Weights weights = onGPU && coded ? Weights::kE4M3 : Weights::kExact;
  if (!options.expected.empty()) {
    Result<rt::TensorFile> file = rt::readSafetensors(options.expected);
    if (!file) {
      return file.status();
    }
    std::vector<rt::NamedTensorRef> expected;
    for (const rt::NamedTensor &named : file->tensors) {
      expected.push_back({named.name, &named.tensor});
    }
    Status status =
        compareAll(outputs, expected, keys, options.tolerance, weights);
    if (!status.ok()) {
      return status;
    }
  }
  if (options.reference.empty()) {
    return {};
  }
  Result<rt::Package> package = rt::readPackage(options.reference);
  if (!package) {
    return package.status();
  }
  Result<Program> program = Program::load(
      std::make_shared<const rt::Package>(*std::move(package)), options);
  if (!program) {
    return program.status().withContext("the reference");
  }
  rt::Arguments pointers;
  for (Tensor &tensor : kept) {
    pointers.push_back(&tensor);
  }
  Result<std::vector<Tensor>> results = program->run(pointers);
  if (!results) {
    return results.status().withContext("the reference");
  }
  return compareAll(outputs, nameOutputs(*program->function, kept, *results),
                    keys, options.tolerance, weights);
}

Status printCeilings(const PackageOptions &options) {
  Result<rt::cuda::GpuPtr> gpu =
      rt::cuda::Gpu::open(static_cast<int>(options.device));
  if (!gpu) {
    return gpu.status();
  }
  Result<GpuCeilings> ceilings = measureGpuCeilings(*gpu);
  if (!ceilings) {
    return ceilings.status();
  }
  std::printf("ceilings of %s (sm_%d): copy %.0f GB/s, mma.sync bf16 %.1f "
              "TFLOP/s\n",
              (*gpu)->info().name.c_str(), (*gpu)->info().capability,
              ceilings->copyGBs, ceilings->mmaTflops);
  return {};
}

Status bench(Program &program, const rt::Arguments &arguments,
             const PackageOptions &options) {
  Result<BenchTimes> times = program.bench(arguments, *options.bench);
  if (!times) {
    return times.status();
  }
  std::printf("bench %d calls: median %.6g ms, min %.6g ms", times->calls,
              times->median * 1e3, times->min * 1e3);
  if (options.flops > 0) {
    std::printf(", %.6g GFLOP/s", options.flops / times->median * 1e-9);
  }
  if (program.gpu) {
    std::printf(", host %.3g us a launch, as a graph %.6g ms",
                times->host * 1e6, times->graph * 1e3);
  }
  std::printf("\n");
  return {};
}

Status process(const PackageOptions &options) {
  if (options.ceilings) {
    Status status = printCeilings(options);
    if (!status.ok() || options.package.empty()) {
      return status;
    }
  }
  auto start = std::chrono::steady_clock::now();
  Result<rt::Package> read = rt::readPackage(options.package);
  if (!read) {
    return read.status();
  }
  auto package = std::make_shared<const rt::Package>(*std::move(read));
  if (options.list) {
    for (const rt::FunctionInfo &function : package->manifest.functions) {
      printSignature(function);
    }
    return {};
  }
  Result<Program> program = Program::load(package, options);
  if (!program) {
    return program.status();
  }
  std::chrono::duration<double> loading =
      std::chrono::steady_clock::now() - start;
  std::fprintf(stderr, "attn-run-package: loaded in %.3f s\n", loading.count());
  Result<std::vector<Tensor>> arguments =
      makePackageArguments(*program->function, options);
  if (!arguments) {
    return arguments.status();
  }
  rt::Arguments pointers;
  std::vector<Tensor> kept;
  bool checks = !options.expected.empty() || !options.reference.empty();
  for (Tensor &tensor : *arguments) {
    pointers.push_back(&tensor);
    if (checks) {
      Result<Tensor> copy = tensor.clone();
      if (!copy) {
        return copy.status();
      }
      kept.push_back(*std::move(copy));
    }
  }
  Result<std::vector<Tensor>> results = program->run(pointers);
  if (!results) {
    return results.status();
  }
  std::vector<rt::NamedTensorRef> outputs =
      nameOutputs(*program->function, *arguments, *results);
  for (const rt::NamedTensorRef &output : outputs) {
    std::printf("%s: %s x %s\n", output.name.c_str(),
                rt::toString(output.tensor->shape()).c_str(),
                rt::nameOf(output.tensor->dtype()));
  }
  if (Status status = writePackageOutputs(outputs, options); !status.ok()) {
    return status;
  }
  // A mismatch is told at the end: times are wanted nevertheless.
  Status checked = checks
                       ? check(options, outputs, kept, program->gpu != nullptr)
                       : Status();
  if (!checked.ok() && checked.code() != rt::Code::kMismatch) {
    return checked;
  }
  if (options.bench) {
    if (Status status = bench(*program, pointers, options); !status.ok()) {
      return status;
    }
  }
  return checked;
}

} // namespace

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--help") == 0) {
      std::fputs(kPackageHelp, stdout);
      return 0;
    }
  }
  Result<PackageOptions> options = parsePackageOptions(argc, argv);
  if (!options) {
    return fail(options.status());
  }
  Status status = process(*options);
  if (std::fflush(stdout) != 0 && status.ok()) {
    status = Status::runtime("cannot write to standard output");
  }
  return status.ok() ? 0 : fail(status);
}
