//===- SweepPackages.cpp - cases of the sweep for a machine with a GPU ----===//
// usage: attn-gpu-sweep-packages DIRECTORY CHIP COUNT [SEED [STRIDE]]
//
// Compiles `COUNT` cases of the sweep for CHIP and writes each as
// DIRECTORY/sweep-<seed>.attnpkg, and a sample of those on pages as
// DIRECTORY/pages-<number>.attnpkg, for attn-gpu-sweep. Exit code 3: one does
// not compile.
//   ATTN_SWEEP_CASE   this one case instead, by the seed that a failure named
//   ATTN_SWEEP_ONLY   those alone whose description has this text
//===----------------------------------------------------------------------===//

#include "PagedCases.h"
#include "Runner.h"

#include "attn/Runtime/Package.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace attn;

int main(int argc, char **argv) {
  if (argc < 4 || argc > 6) {
    std::fprintf(stderr, "usage: attn-gpu-sweep-packages DIRECTORY CHIP COUNT "
                         "[SEED [STRIDE]]\n");
    return 2;
  }
  std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 0) : 1;
  int failed = 0;
  const char *one = std::getenv("ATTN_SWEEP_CASE");
  const char *only = std::getenv("ATTN_SWEEP_ONLY");
  auto write = [&](const sweep::Case &named, const std::string &name) {
    sweep::Case c = sweep::onGPU(named, argv[2]);
    if (only && c.describe().find(only) == std::string::npos) {
      return;
    }
    rt::Result<CompileResult> made = compileText(
        moduleText(c), "case.mlir", sweep::compileOptions(c.options));
    rt::Status status = made.status();
    if (made) {
      status = writePackage(folder + "/" + name + ".attnpkg", made->package);
    }
    if (!status.ok()) {
      ++failed;
      std::fprintf(stderr, "attn-gpu-sweep-packages: error: %s\n",
                   sweep::explainFailure(c, status.message()).c_str());
    }
  };
  if (one) {
    uint64_t number = std::strtoull(one, nullptr, 0);
    write(sweep::randomCase(number, sweep::kGPUWork),
          "sweep-" + std::to_string(number));
    return failed ? 3 : 0;
  }
  for (const sweep::Case &c :
       sweep::sampleCases(seed, std::atoll(argv[3]), sweep::kGPUWork)) {
    write(c, "sweep-" + std::to_string(c.seed));
  }
  int64_t stride = argc > 5 ? std::atoll(argv[5]) : sweep::kPagedStride;
  for (int64_t n = 0; n < sweep::countPagedCases(); n += stride) {
    write(sweep::pagedCaseAt(n), "pages-" + std::to_string(n));
  }
  return failed ? 3 : 0;
}
