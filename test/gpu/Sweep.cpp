//===- Sweep.cpp - cases of the sweep on a GPU ----------------------------===//
// usage: attn-gpu-sweep DIRECTORY/sweep-<seed>.attnpkg...
//
// Makes the data of each case again from its seed, calls the package and
// compares with the scalar reference. Prints "PASS seed" or "FAIL seed", with
// all that is needed to see the failure again on standard error. Exit codes:
// 0, 1 some differ, 4 no GPU.
//===----------------------------------------------------------------------===//

#include "GpuExecute.h"
#include "Problem.h"

#include "attn/Runtime/Package.h"

#include <cstdio>
#include <cstdlib>

using namespace attn;
using attn::rt::Result;
using attn::rt::Status;

namespace {

std::string checkPackage(const rt::cuda::GpuPtr &gpu, const std::string &path,
                         uint64_t seed) {
  Result<rt::Package> read = rt::readPackage(path);
  if (!read) {
    return read.message();
  }
  auto package = std::make_shared<const rt::Package>(*std::move(read));
  const rt::FunctionInfo *function = package->manifest.findFunction("f");
  if (!function) {
    return "the package has no function 'f'";
  }
  sweep::Case c = sweep::onGPU(sweep::randomCase(seed, sweep::kGPUWork),
                               package->manifest.target.cpu);
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
    std::string failure = checkPackage(*gpu, path, seed);
    std::printf("%s %s\n", failure.empty() ? "PASS" : "FAIL", path.c_str());
    std::fflush(stdout);
    if (!failure.empty()) {
      ++failed;
      std::fprintf(stderr, "%s\n", failure.c_str());
    }
  }
  return failed ? 1 : 0;
}
