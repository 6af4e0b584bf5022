//===- SweepPackages.cpp - cases of the sweep for a machine with a GPU ----===//
// usage: attn-gpu-sweep-packages DIRECTORY CHIP COUNT [SEED]
//
// Compiles `COUNT` cases of the sweep for CHIP and writes each as
// DIRECTORY/sweep-<seed>.attnpkg, for attn-gpu-sweep. Exit code 3: one does not
// compile.
//   ATTN_SWEEP_CASE   this one case instead, by the seed that a failure named
//   ATTN_SWEEP_ONLY   those alone whose description has this text
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "attn/Runtime/Package.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace attn;

int main(int argc, char **argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: attn-gpu-sweep-packages DIRECTORY CHIP COUNT "
                         "[SEED]\n");
    return 2;
  }
  std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 0) : 1;
  int failed = 0;
  const char *one = std::getenv("ATTN_SWEEP_CASE");
  const char *only = std::getenv("ATTN_SWEEP_ONLY");
  std::vector<sweep::Case> cases;
  if (one) {
    cases.push_back(
        sweep::randomCase(std::strtoull(one, nullptr, 0), sweep::kGPUWork));
  } else {
    cases = sweep::sampleCases(seed, std::atoll(argv[3]), sweep::kGPUWork);
  }
  for (const sweep::Case &sampled : cases) {
    sweep::Case c = sweep::onGPU(sampled, argv[2]);
    if (only && c.describe().find(only) == std::string::npos) {
      continue;
    }
    rt::Result<CompileResult> made = compileText(
        moduleText(c), "case.mlir", sweep::compileOptions(c.options));
    rt::Status status = made.status();
    if (made) {
      status =
          writePackage(folder + "/sweep-" + std::to_string(c.seed) + ".attnpkg",
                       made->package);
    }
    if (!status.ok()) {
      ++failed;
      std::fprintf(stderr, "attn-gpu-sweep-packages: error: %s\n",
                   sweep::explainFailure(c, status.message()).c_str());
    }
  }
  return failed ? 3 : 0;
}
