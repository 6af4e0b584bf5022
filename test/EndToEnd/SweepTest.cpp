//===- SweepTest.cpp - the compiler against the scalar reference ----------===//
// Sampled cases, all from one seed. Environment:
//
//   ATTN_SWEEP_COUNT  cases (default 150)
//   ATTN_SWEEP_SEED   seed of the sample (default 1), or `day`: days since 1970
//   ATTN_SWEEP_WORK   most multiplications a case, in millions (default 60)
//   ATTN_SWEEP_CASE   run this one case alone, by the seed that a failure named
//   ATTN_SWEEP_PRINT  1: print the module of each case, for attn-opt
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "gtest/gtest.h"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <unistd.h>

using namespace attn::sweep;

namespace {

uint64_t fromEnvironment(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
  if (text && std::string(text) == "day") {
    return static_cast<uint64_t>(std::time(nullptr)) / 86400;
  }
  return text && *text ? std::strtoull(text, nullptr, 0) : fallback;
}

std::vector<Case> chosenCases() {
  double work = 1e6 * double(fromEnvironment("ATTN_SWEEP_WORK", 60));
  if (uint64_t seed = fromEnvironment("ATTN_SWEEP_CASE", 0)) {
    return {randomCase(seed, work)};
  }
  auto count = static_cast<int64_t>(fromEnvironment("ATTN_SWEEP_COUNT", 150));
  return sampleCases(fromEnvironment("ATTN_SWEEP_SEED", 1), count, work);
}

/// The case that runs, told when the process dies by a signal.
std::string current;

void tellAndDie(int signal) {
  ssize_t written = ::write(STDERR_FILENO, current.data(), current.size());
  static_cast<void>(written);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class Sweep : public testing::TestWithParam<Case> {
public:
  static void SetUpTestSuite() {
    for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
      std::signal(signal, tellAndDie);
    }
  }
};

TEST_P(Sweep, AgreesWithTheReference) {
  current = GetParam().describe() + "\n" + moduleText(GetParam());
  if (fromEnvironment("ATTN_SWEEP_PRINT", 0)) {
    std::cout << "// " << current;
  }
  std::string failure = check(GetParam());
  EXPECT_TRUE(failure.empty()) << failure;
}

INSTANTIATE_TEST_SUITE_P(Sampled, Sweep, testing::ValuesIn(chosenCases()),
                         [](const testing::TestParamInfo<Case> &info) {
                           return std::to_string(info.index);
                         });

} // namespace

namespace attn::sweep {
/// What gtest prints of a parameter.
static void PrintTo(const Case &c, std::ostream *stream) {
  *stream << "seed " << c.seed;
}
} // namespace attn::sweep
