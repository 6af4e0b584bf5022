//===- Sweep.cpp - cases of the sweep on a GPU ----------------------------===//
// usage: attn-gpu-sweep DIRECTORY/<sweep-SEED|pages-NUMBER>.attnpkg...
//
// Makes the data of each case again from its name, calls the package and
// compares with the scalar reference. Prints "PASS path" or "FAIL path", with
// all that is needed to see the failure again on standard error. Exit codes:
// 0, 1 some differ, 4 no GPU.
//
// ATTN_SWEEP_REPEAT  further calls, whose results must be the same bits
//===----------------------------------------------------------------------===//

#include "GpuExecute.h"
#include "PagedCases.h"
#include "Problem.h"

#include "attn/Runtime/Package.h"

#include <cstdio>
#include <cstdlib>

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

/// The bits of results.
std::vector<std::string> bitsOf(const std::vector<rt::Tensor> &results) {
  std::vector<std::string> bits;
  for (const rt::Tensor &tensor : results) {
    bits.emplace_back(static_cast<const char *>(tensor.data()),
                      static_cast<size_t>(tensor.numBytes()));
  }
  return bits;
}

/// Calls it `count` times more, and compares.
Status repeat(run::GpuCall &call, int count,
              const std::vector<rt::Tensor> &first) {
  std::vector<std::string> expected = bitsOf(first);
  for (int i = 0; i < count; ++i) {
    if (Status status = call.start(); !status.ok()) {
      return status;
    }
    Result<std::vector<rt::Tensor>> again = call.takeResults();
    if (!again) {
      return again.status();
    }
    if (bitsOf(*again) != expected) {
      return Status::runtime("call " + std::to_string(i + 2) +
                             " has other bits than the first");
    }
  }
  return {};
}

std::string checkPackage(const rt::cuda::GpuPtr &gpu, const std::string &path,
                         const sweep::Case &named) {
  Result<rt::Package> read = rt::readPackage(path);
  if (!read) {
    return read.message();
  }
  auto package = std::make_shared<const rt::Package>(*std::move(read));
  const rt::FunctionInfo *function = package->manifest.findFunction("f");
  if (!function) {
    return "the package has no function 'f'";
  }
  const char *text = std::getenv("ATTN_SWEEP_REPEAT");
  int repeats = text ? std::atoi(text) : 0;
  sweep::Case c = sweep::onGPU(named, package->manifest.target.cpu);
  return sweep::checkLaunches(
      c, [&](sweep::Launch &launch) -> Result<sweep::Values> {
        Result<rt::Arguments> arguments = launch.arguments(*function);
        if (!arguments) {
          return arguments.status();
        }
        Result<std::unique_ptr<run::GpuCall>> call =
            run::GpuCall::create(gpu, package, *function, *arguments);
        if (!call) {
          return call.status();
        }
        if (Status status = (*call)->start(); !status.ok()) {
          return status;
        }
        Result<std::vector<rt::Tensor>> results = (*call)->takeResults();
        if (!results) {
          return results.status();
        }
        if (Status status = repeat(**call, repeats, *results); !status.ok()) {
          return status;
        }
        return launch.values(*results);
      });
}

} // namespace

int main(int argc, char **argv) {
  Result<rt::cuda::GpuPtr> gpu = rt::cuda::Gpu::open();
  if (!gpu) {
    std::fprintf(stderr, "attn-gpu-sweep: error: %s\n", gpu.message().c_str());
    return rt::exitCode(gpu.status().code());
  }
  int failed = 0;
  for (int i = 1; i < argc; ++i) {
    std::string path = argv[i];
    uint64_t seed =
        std::strtoull(path.c_str() + path.rfind('-') + 1, nullptr, 10);
    bool pages = path.find("pages-") != std::string::npos;
    std::string failure =
        checkPackage(*gpu, path,
                     pages ? sweep::pagedCaseAt(static_cast<int64_t>(seed))
                           : sweep::randomCase(seed, sweep::kGPUWork));
    std::printf("%s %s\n", failure.empty() ? "PASS" : "FAIL", path.c_str());
    std::fflush(stdout);
    if (!failure.empty()) {
      ++failed;
      std::fprintf(stderr, "%s\n", failure.c_str());
    }
  }
  return failed ? 1 : 0;
}
