//===- attn-bench.cpp - attention against the limits of this machine
//--------===//
// For each case, in one process: the multiply-add peak and the read bandwidth
// are measured beside every repetition, since clocks and memory drift, and the
// median of the ratios is what counts. Visible pairs alone are work. Exits with
// 1 if a ratio is under the bar of its case and --bars is given.
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Ceilings.h"

#include "attn/Emit/Compiler.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Library.h"

#include "llvm/Support/CommandLine.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <malloc.h>

using namespace attn;
using attn::bench::Case;
using attn::bench::Ceiling;

static llvm::cl::OptionCategory category("attn-bench options");
static llvm::cl::opt<std::string>
    selected("cases",
             llvm::cl::desc("groups or parts of names, comma separated"),
             llvm::cl::init("prefill,decode"), llvm::cl::cat(category));
static llvm::cl::opt<int> reps("reps", llvm::cl::desc("repetitions a case"),
                               llvm::cl::init(7), llvm::cl::cat(category));
static llvm::cl::opt<bool> bars("bars", llvm::cl::desc("fail under the bars"),
                                llvm::cl::cat(category));

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

static bool isSelected(const Case &c) {
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(selected).split(parts, ',');
  return llvm::any_of(parts, [&](llvm::StringRef part) {
    return c.group == part.str() || llvm::StringRef(c.name).contains(part);
  });
}

static rt::Status fail(const Case &c, const rt::Status &status) {
  return status.withContext(c.name);
}

// Runs one case and prints its line; `below` is set if it misses its bar.
static rt::Status runCase(const Case &c, bool &below) {
  auto compiled = compileText(c.module(), c.name, CompileOptions());
  if (!compiled) {
    return fail(c, compiled.status());
  }
  auto library = rt::Library::load(compiled->package);
  if (!library) {
    return fail(c, library.status());
  }
  const rt::FunctionInfo *function =
      compiled->package.manifest.findFunction("f");
  std::vector<rt::Tensor> tensors;
  rt::Arguments arguments;
  for (const rt::ValueInfo &argument : function->arguments) {
    auto tensor = rt::Tensor::create(argument.dtype, argument.shape);
    if (!tensor) {
      return fail(c, tensor.status());
    }
    rt::fillRandom(*tensor, /*seed=*/1, tensors.size());
    tensors.push_back(std::move(*tensor));
  }
  for (rt::Tensor &tensor : tensors) {
    arguments.push_back(&tensor);
  }
  auto invocation = rt::Invocation::create(*library, *function, arguments);
  if (!invocation) {
    return fail(c, invocation.status());
  }
  bool reads = c.ceiling == Ceiling::kRead;
  int64_t readSize = reads ? static_cast<int64_t>(c.keyBytes()) : 1 << 20;
  auto ceiling = [&] {
    attn::run::Ceilings measured =
        attn::run::measureCeilings(32, readSize, 0.02);
    return reads ? measured.readGBs : measured.gflops;
  };
  double work = (reads ? c.keyBytes() : c.flops()) / 1e9;
  std::vector<double> seconds, ratios;
  double before = ceiling();
  for (int r = -1; r < reps; ++r) { // the first one warms up
    auto start = std::chrono::steady_clock::now();
    invocation->run();
    double elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    double after = ceiling();
    if (r >= 0) {
      seconds.push_back(elapsed);
      ratios.push_back(work / elapsed / ((before + after) / 2));
    }
    before = after;
  }
  double time = median(seconds), ratio = median(ratios);
  below = bars && c.bar > 0 && ratio < c.bar;
  std::printf("%-30s %9.3f ms %8.1f %-8s ratio %.3f [%.3f, %.3f] of %s%s\n",
              c.name.c_str(), time * 1e3, work / time,
              reads ? "GB/s" : "GFLOP/s", ratio,
              *std::min_element(ratios.begin(), ratios.end()),
              *std::max_element(ratios.begin(), ratios.end()),
              reads ? "the read bandwidth" : "the f32 FMA peak",
              below ? "  BELOW ITS BAR" : "");
  std::fflush(stdout);
  return rt::Status::success();
}

int main(int argc, char **argv) {
  llvm::cl::HideUnrelatedOptions(category);
  llvm::cl::ParseCommandLineOptions(
      argc, argv, "attention against the limits of this machine\n");
  // Results keep their pages between calls.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  std::printf("%d threads\n", attn::run::countThreads());
  int missed = 0, ran = 0;
  for (const Case &c : bench::allCases()) {
    if (!isSelected(c)) {
      continue;
    }
    bool below = false;
    rt::Status status = runCase(c, below);
    if (!status.ok()) {
      std::fprintf(stderr, "attn-bench: error: %s\n", status.message().c_str());
      return 3;
    }
    missed += below;
    ++ran;
  }
  if (ran == 0) {
    std::fprintf(stderr, "attn-bench: error: no case is selected by '%s'\n",
                 selected.c_str());
    return 2;
  }
  return missed ? 1 : 0;
}
