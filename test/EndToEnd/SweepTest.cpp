//===- SweepTest.cpp - the compiler against the scalar reference ----------===//
// Sampled cases, all from one seed. Environment:
//
//   ATTN_SWEEP_COUNT  cases (default 150)
//   ATTN_SWEEP_SEED   seed of the sample (default 1)
//   ATTN_SWEEP_WORK   most multiplications a case, in millions (default 60)
//   ATTN_SWEEP_CASE   run this one case alone, by the seed that a failure named
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace attn::sweep;

namespace {

uint64_t fromEnvironment(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
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

class Sweep : public testing::TestWithParam<Case> {};

TEST_P(Sweep, AgreesWithTheReference) {
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
