//===- TraceTest.cpp - a day of requests, and block operations a second ---===//
// Arrivals, prompts and answers are log-normal from a seed. Time goes in steps:
// each running request gets one token a step; where there is no room the newest
// one is put back.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/KVCache.h"

#include <cmath>
#include <ctime>
#include <deque>
#include <gtest/gtest.h>
#include <random>

using namespace attn::rt;

namespace {

double cpuSeconds() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// The same numbers with every standard library.
class LogNormal {
public:
  explicit LogNormal(uint64_t seed) : random(seed) {}
  double operator()(double median, double sigma) {
    double u = (double(random() >> 11) + 1) * 0x1p-53;
    double v = double(random() >> 11) * 0x1p-53;
    double normal = std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
    return median * std::exp(sigma * normal);
  }
  std::mt19937_64 random;
};

struct Request {
  double arrival;
  std::vector<int32_t> prompt;
  int64_t answer;
};

std::vector<Request> makeTrace(int count) {
  LogNormal draw(20260101);
  std::vector<std::vector<int32_t>> system(16);
  for (auto &prompt : system) {
    prompt.resize(static_cast<size_t>(draw(400, 0.5)));
    for (int32_t &token : prompt) {
      token = static_cast<int32_t>(draw.random() % 50000);
    }
  }
  std::vector<Request> trace;
  double now = 0;
  for (int i = 0; i < count; ++i) {
    now += draw(4, 1); // steps
    Request request = {now, {}, static_cast<int64_t>(1 + draw(200, 0.8))};
    if (draw.random() % 2) {
      request.prompt = system[draw.random() % system.size()];
    }
    auto own = static_cast<size_t>(1 + draw(300, 1));
    for (size_t n = 0; n < own; ++n) {
      request.prompt.push_back(static_cast<int32_t>(draw.random() % 50000));
    }
    trace.push_back(std::move(request));
  }
  return trace;
}

TEST(KVCacheTrace, TenThousandRequests) {
  KVCacheOptions options;
  options.blocks = 3000;
  options.pageSize = 16;
  options.copy = [](const auto &, const auto &) {};
  std::unique_ptr<KVCache> cache = std::move(*KVCache::create(options));
  std::vector<Request> trace = makeTrace(10000);

  struct Running {
    size_t request;
    SequenceId id;
    int64_t left;
  };
  std::vector<Running> running;
  std::deque<size_t> waiting;
  size_t arrived = 0, done = 0;
  double wasted = 0, most = 0;
  int64_t steps = 0, busy = 0, putBack = 0;
  for (; done < trace.size(); ++steps) {
    while (arrived < trace.size() && trace[arrived].arrival <= double(steps)) {
      waiting.push_back(arrived++);
    }
    while (!waiting.empty()) {
      const Request &request = trace[waiting.front()];
      KVCache::Opened opened = cache->open(request.prompt);
      std::vector<int32_t> rest(request.prompt.begin() + opened.cached,
                                request.prompt.end());
      if (!cache->append(opened.sequence, rest).ok()) {
        ASSERT_TRUE(cache->release(opened.sequence).ok());
        break;
      }
      ASSERT_TRUE(cache->publish(opened.sequence).ok());
      running.push_back({waiting.front(), opened.sequence, request.answer});
      waiting.pop_front();
    }
    for (size_t n = 0; n < running.size();) {
      std::vector<int32_t> token = {static_cast<int32_t>(steps)};
      while (n < running.size() && !cache->append(running[n].id, token).ok()) {
        ASSERT_TRUE(cache->release(running.back().id).ok());
        waiting.push_front(running.back().request);
        running.pop_back();
        ++putBack;
      }
      if (n == running.size()) {
        break;
      }
      if (--running[n].left == 0) {
        ASSERT_TRUE(cache->publish(running[n].id).ok());
        ASSERT_TRUE(cache->release(running[n].id).ok());
        running.erase(running.begin() + static_cast<ptrdiff_t>(n));
        ++done;
      } else {
        ++n;
      }
    }
    if (!running.empty()) {
      double waste = cache->stats().waste(options.pageSize);
      wasted += waste;
      most = std::max(most, running.size() > 8 ? waste : 0);
      ++busy;
    }
  }
  ASSERT_TRUE(cache->audit().ok()) << cache->audit().message();
  KVCacheStats stats = cache->stats();
  EXPECT_EQ(stats.used, 0);
  double hits = double(stats.prefixHits) / double(stats.prefixQueries);
  std::printf(
      "%lld steps, %lld put back, at most %d of %d blocks; waste %.2f %% "
      "on average, %.2f %% at most; %.1f %% of prompt tokens by prefix\n",
      static_cast<long long>(steps), static_cast<long long>(putBack),
      stats.peakUsed, stats.blocks, 100 * wasted / double(busy), 100 * most,
      100 * hits);
  EXPECT_LT(wasted / double(busy), 0.04);
  EXPECT_GT(hits, 0.1);
  EXPECT_GT(stats.evictedPrefixes, 0);
}

// Time of this thread alone, so that a busy machine does not fail the test.
TEST(KVCacheTrace, BlockOperationsASecond) {
  KVCacheOptions options;
  options.blocks = 1 << 14;
  options.pageSize = 16;
  options.copy = [](const auto &, const auto &) {};
  std::unique_ptr<KVCache> cache = std::move(*KVCache::create(options));
  double start = cpuSeconds();
  for (int round = 0; round < 40; ++round) {
    std::vector<SequenceId> made;
    for (int i = 0; i < 64; ++i) {
      SequenceId id = cache->open().sequence;
      for (int step = 0; step < 16; ++step) {
        ASSERT_TRUE(cache->reserve(id, 64).ok());
      }
      made.push_back(id);
      made.push_back(*cache->fork(id));
    }
    for (SequenceId id : made) {
      ASSERT_TRUE(cache->release(id).ok());
    }
  }
  double seconds = cpuSeconds() - start;
  double rate = double(cache->stats().operations) / seconds;
  std::printf("%.1f million block operations a second\n", 1e-6 * rate);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&         \
    defined(NDEBUG)
  EXPECT_GT(rate, 5e6);
#endif
}

} // namespace
