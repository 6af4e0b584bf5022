//===- attn-bench.cpp - attention against the limits of this machine ------===//
// For each case, in one process: the multiply-add peak and the read bandwidth
// are measured beside every repetition, since clocks and memory drift, and the
// median of the ratios is what counts. Visible pairs alone are work. Cases that
// are compared with another one run it beside each repetition too. Exits with 1
// if a case misses its bar and --bars is given.
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
#include <cstdlib>
#include <malloc.h>
#include <optional>
#include <thread>

using namespace attn;
using attn::bench::Case;
using attn::bench::Ceiling;

static llvm::cl::OptionCategory category("attn-bench options");
static llvm::cl::opt<std::string>
    casesOption("cases",
                llvm::cl::desc("groups or parts of names, comma separated"),
                llvm::cl::init("prefill,decode"), llvm::cl::cat(category));
static llvm::cl::opt<int> repsOption("reps",
                                     llvm::cl::desc("repetitions a case"),
                                     llvm::cl::init(7),
                                     llvm::cl::cat(category));
enum class Bars { kNone, kDecent, kLimit };
static llvm::cl::opt<Bars> barsOption(
    "bars", llvm::cl::desc("fail under the bars of"),
    llvm::cl::init(Bars::kNone),
    llvm::cl::values(clEnumValN(Bars::kNone, "none", "nothing"),
                     clEnumValN(Bars::kDecent, "decent", "a decent compiler"),
                     clEnumValN(Bars::kLimit, "limit", "the machine's limit")),
    llvm::cl::cat(category));

// What the options said. The linker that compilation calls resets all options
// of llvm::cl in the process.
static std::string selected;
static int reps;
static Bars bars;

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

/// A case compiled, with its arguments.
class Program {
public:
  rt::Status make(const Case &c);
  /// Seconds of one call.
  double run() {
    auto start = std::chrono::steady_clock::now();
    invocation->run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

private:
  rt::Package package;
  std::optional<rt::Library> library;
  std::vector<rt::Tensor> tensors;
  std::optional<rt::Invocation> invocation;
};

rt::Status Program::make(const Case &c) {
  auto compiled = compileText(c.module(), c.name, CompileOptions());
  if (!compiled) {
    return fail(c, compiled.status());
  }
  package = std::move(compiled->package);
  auto loaded = rt::Library::load(package);
  if (!loaded) {
    return fail(c, loaded.status());
  }
  library = *std::move(loaded);
  const rt::FunctionInfo *function = package.manifest.findFunction("f");
  for (const rt::ValueInfo &argument : function->arguments) {
    auto tensor = rt::Tensor::create(argument.dtype, argument.shape);
    if (!tensor) {
      return fail(c, tensor.status());
    }
    rt::fillRandom(*tensor, /*seed=*/1, tensors.size());
    tensors.push_back(std::move(*tensor));
  }
  rt::Arguments arguments;
  for (rt::Tensor &tensor : tensors) {
    arguments.push_back(&tensor);
  }
  auto created = rt::Invocation::create(*library, *function, arguments);
  if (!created) {
    return fail(c, created.status());
  }
  invocation = *std::move(created);
  return rt::Status::success();
}

// How long workers of OpenMP spin after a region. On the cores where a ceiling
// is measured they made it a third too low; asleep, they take milliseconds to
// get back to a core of their own. So they fall asleep before a ceiling, and a
// call that is not timed wakes them.
static constexpr std::chrono::milliseconds kBlockTime(2);
static constexpr double kShortCall = 0.05; // seconds; waking is noise to others

static double measureCeiling(const Case &c) {
  std::this_thread::sleep_for(2 * kBlockTime);
  auto measure = [](int elementBits, int64_t bytes) {
    return attn::run::measureCeilings(elementBits, bytes, 0.02);
  };
  constexpr int64_t kNoBytes = 1 << 20;
  switch (c.ceiling) {
  case Ceiling::kFma:
    return measure(32, kNoBytes).gflops;
  case Ceiling::kBf16:
    // Some CPUs multiply and add f32 faster than they take dot products.
    return std::max(measure(16, kNoBytes).gflops, measure(32, kNoBytes).gflops);
  case Ceiling::kRead:
    return measure(32, static_cast<int64_t>(c.keyBytes())).readGBs;
  }
  return 0;
}

// Whether dot products of bf16 are worth it here: a bar on the time of bf16 in
// units of that of f32 is one on them.
static bool hasFastDots() {
  static const bool fast = [] {
    return attn::run::measureCeilings(16, 1 << 20, 0.05).gflops >
           1.8 * attn::run::measureCeilings(32, 1 << 20, 0.05).gflops;
  }();
  return fast;
}

static const char *nameOf(Ceiling ceiling) {
  switch (ceiling) {
  case Ceiling::kFma:
    return "the f32 FMA peak";
  case Ceiling::kBf16:
    return "the bf16 peak";
  case Ceiling::kRead:
    return "the read bandwidth";
  }
  return "";
}

// Runs one case and prints its line; `below` is set if it misses its bar.
static rt::Status runCase(const Case &c, const Case *against, bool &below) {
  Program program, other;
  if (rt::Status status = program.make(c); !status.ok()) {
    return status;
  }
  if (against) {
    if (rt::Status status = other.make(*against); !status.ok()) {
      return status;
    }
  }
  bool reads = c.ceiling == Ceiling::kRead;
  double work = (reads ? c.keyBytes() : c.flops()) / 1e9;
  std::optional<bench::ScanPeer> peer;
  if (c.peer.heads > 0) {
    peer.emplace(c.peer);
  }
  std::vector<double> seconds, ratios, times, peers;
  double before = measureCeiling(c);
  for (int r = -1; r < reps; ++r) { // the first one warms up
    double elapsed = program.run();
    if (elapsed < kShortCall) {
      elapsed = program.run();
    }
    double after = measureCeiling(c);
    double others = against ? other.run() : 0;
    if (peer && r >= 0) {
      peers.push_back(peer->run() / elapsed);
    }
    if (r >= 0) {
      seconds.push_back(elapsed);
      ratios.push_back(work / elapsed / ((before + after) / 2));
      times.push_back(against ? elapsed / others : 0);
    }
    before = against || peer ? measureCeiling(c) : after;
  }
  double time = median(seconds), ratio = median(ratios);
  double bar = bars == Bars::kDecent  ? c.decent
               : bars == Bars::kLimit ? c.limit
                                      : 0;
  below = ratio < bar;
  std::printf(
      "%-34s %9.3f ms %8.1f %-8s ratio %.3f [%.3f, %.3f] of %s", c.name.c_str(),
      time * 1e3, work / time, reads ? "GB/s" : "GFLOP/s", ratio,
      *std::min_element(ratios.begin(), ratios.end()),
      *std::max_element(ratios.begin(), ratios.end()), nameOf(c.ceiling));
  if (against) {
    double relative = median(times);
    if (c.perPair) {
      relative *= against->visiblePairs() / c.visiblePairs();
    }
    bool counts = c.ceiling != Ceiling::kBf16 || hasFastDots();
    below |= bars == Bars::kLimit && counts && c.most > 0 && relative > c.most;
    std::printf(", %.3f x the time%s of %s", relative,
                c.perPair ? " a visible pair" : "", against->name.c_str());
  }
  if (peer) {
    std::printf(", %.1f x a scalar scan", median(peers));
  }
  std::printf("%s\n", below ? "  MISSES ITS BAR" : "");
  std::fflush(stdout);
  return rt::Status::success();
}

int main(int argc, char **argv) {
  llvm::cl::HideUnrelatedOptions(category);
  setenv("KMP_BLOCKTIME", std::to_string(kBlockTime.count()).c_str(),
         /*overwrite=*/1);
  llvm::cl::ParseCommandLineOptions(
      argc, argv, "attention against the limits of this machine\n");
  selected = casesOption;
  reps = repsOption;
  bars = barsOption;
  // Results keep their pages between calls.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  std::printf("%d threads\n", attn::run::countThreads());
  int missed = 0, ran = 0;
  std::vector<Case> cases = bench::allCases();
  for (const Case &c : cases) {
    if (!isSelected(c)) {
      continue;
    }
    auto against = llvm::find_if(
        cases, [&](const Case &other) { return other.name == c.against; });
    bool below = false;
    rt::Status status =
        runCase(c, against == cases.end() ? nullptr : &*against, below);
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
