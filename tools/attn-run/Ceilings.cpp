//===- Ceilings.cpp - what this machine can do at most --------------------===//

#include "Ceilings.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace attn::run;

namespace {

constexpr int64_t kBeyondCaches = int64_t(1) << 30;

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Chains of multiply-adds side by side: more than latency times ports of any
/// CPU, and no more than its registers.
constexpr int kChains = 12;
constexpr int64_t kRounds = 20000;

/// Multiply-adds on `kChains` vectors, `kRounds` times; the sum keeps them
/// alive. Inlined into a caller that says for which CPU.
template <typename Vector>
[[gnu::always_inline]] inline double multiplyAdd(double seed) {
#pragma clang fp contract(fast)
  Vector chain[kChains], factor{}, addend{};
  for (unsigned lane = 0; lane < sizeof(Vector) / sizeof(factor[0]); ++lane) {
    factor[lane] = 0.999;
    addend[lane] = 0.001;
  }
  for (int c = 0; c < kChains; ++c) {
    chain[c] = addend + static_cast<decltype(addend[0] + 0)>(seed + c);
  }
  for (int64_t i = 0; i < kRounds; ++i) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kChains; ++c) {
      chain[c] = chain[c] * factor + addend;
    }
  }
  double sum = 0;
  for (int c = 0; c < kChains; ++c) {
    sum += chain[c][0];
  }
  return sum;
}

/// Streams side by side that one thread reads: more than a prefetcher follows
/// in one page, as K and V of several heads are.
constexpr int kStreams = 4;
constexpr int64_t kAhead = 4096; // bytes that are asked for ahead

/// Sums 64-bit words: loads of whole vectors, whatever they mean. `bytes` is a
/// multiple of kStreams * 256.
template <typename Vector>
[[gnu::always_inline]] inline uint64_t sumWords(const char *from,
                                                int64_t bytes) {
  constexpr int kUnroll = 256 / sizeof(Vector);
  Vector sums[kUnroll] = {};
  int64_t share = bytes / kStreams;
  for (int64_t at = 0; at < share; at += 256) {
    for (int s = 0; s < kStreams; ++s) {
      const char *line = from + s * share + at;
      for (int u = 0; u < kUnroll; ++u) {
        __builtin_prefetch(line + kAhead + u * sizeof(Vector));
        Vector words;
        std::memcpy(&words, line + u * sizeof(Vector), sizeof(Vector));
        sums[u] += words;
      }
    }
  }
  Vector sum = {};
  for (int u = 0; u < kUnroll; ++u) {
    sum += sums[u];
  }
  return sum[0];
}

#if defined(__x86_64__)
/// The same with products of pairs of bf16, summed in f32.
__attribute__((target("avx512f,avx512bf16"))) double dotRun(double seed) {
  __m512 chain[kChains];
  auto factor = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3c00));
  for (int c = 0; c < kChains; ++c) {
    chain[c] = _mm512_set1_ps(static_cast<float>(seed) + c);
  }
  for (int64_t i = 0; i < kRounds; ++i) {
#pragma clang loop unroll(full)
    for (int c = 0; c < kChains; ++c) {
      chain[c] = _mm512_dpbf16_ps(chain[c], factor, factor);
    }
  }
  double sum = 0;
  for (int c = 0; c < kChains; ++c) {
    sum += chain[c][0];
  }
  return sum;
}
#endif

struct Kernels {
  int vectorBits;
  double (*f32)(double);
  double (*f64)(double);
  uint64_t (*sum)(const char *, int64_t);
};

#define ATTN_KERNELS(NAME, BITS, TARGET)                                       \
  typedef float NAME##F32 __attribute__((vector_size(BITS / 8)));              \
  typedef double NAME##F64 __attribute__((vector_size(BITS / 8)));             \
  typedef uint64_t NAME##U64 __attribute__((vector_size(BITS / 8)));           \
  TARGET double NAME##RunF32(double seed) {                                    \
    return multiplyAdd<NAME##F32>(seed);                                       \
  }                                                                            \
  TARGET double NAME##RunF64(double seed) {                                    \
    return multiplyAdd<NAME##F64>(seed);                                       \
  }                                                                            \
  TARGET uint64_t NAME##Sum(const char *from, int64_t bytes) {                 \
    return sumWords<NAME##U64>(from, bytes);                                   \
  }                                                                            \
  constexpr Kernels NAME##Kernels = {BITS, NAME##RunF32, NAME##RunF64,         \
                                     NAME##Sum};

ATTN_KERNELS(base, 128, )
#if defined(__x86_64__)
ATTN_KERNELS(avx2, 256, __attribute__((target("avx2,fma"))))
ATTN_KERNELS(avx512, 512, __attribute__((target("avx512f"))))
#endif

Kernels pickKernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return avx512Kernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return avx2Kernels;
  }
#endif
  return baseKernels;
}

/// Runs `work(thread)` on all threads at once.
template <typename Work> void onThreads(int threads, Work work) {
  std::atomic<int> waiting{threads};
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] {
      --waiting;
      while (waiting > 0) {
        std::this_thread::yield();
      }
      work(t);
    });
  }
  for (std::thread &thread : pool) {
    thread.join();
  }
}

std::atomic<uint64_t> sink; // results that must not be optimised away

double measureGflops(const Kernels &kernels, int elementBits, int threads,
                     double seconds) {
  auto run = elementBits == 64 ? kernels.f64 : kernels.f32;
#if defined(__x86_64__)
  if (elementBits == 16 && __builtin_cpu_supports("avx512bf16")) {
    run = dotRun;
  }
#endif
  int width = run == kernels.f32 ? 32 : elementBits;
  double flops = 2.0 * kChains * kRounds * (kernels.vectorBits / width);
  std::vector<double> rates(threads);
  onThreads(threads, [&](int t) {
    // The best slice: other work on the machine is no part of the ceiling.
    Clock::time_point start = Clock::now();
    double sum = 0;
    while (since(start) < seconds) {
      Clock::time_point slice = Clock::now();
      sum += run(t);
      rates[t] = std::max(rates[t], flops / since(slice));
    }
    sink += static_cast<uint64_t>(sum);
  });
  double total = 0;
  for (double rate : rates) {
    total += rate;
  }
  return total * 1e-9;
}

double measureRead(const Kernels &kernels, int threads, int64_t bytes,
                   double seconds) {
  constexpr int64_t grain = kStreams * 256;
  constexpr int kWindows = 5;
  int64_t limit = std::max<int64_t>(sysconf(_SC_AVPHYS_PAGES), 4) / 4 *
                  sysconf(_SC_PAGESIZE);
  bytes = std::min(bytes, limit);
  int64_t share = std::max(bytes / threads / grain, int64_t(1)) * grain;
  constexpr int64_t page = int64_t(2) << 20;
  int64_t total = (share * threads + page - 1) / page * page;
  auto *buffer = static_cast<char *>(std::aligned_alloc(page, total));
  if (!buffer) {
    return 0;
  }
  madvise(buffer, total, MADV_HUGEPAGE);
  onThreads(threads, [&](int t) { std::memset(buffer + t * share, 1, share); });
  double best = 0;
  for (int window = 0; window < kWindows; ++window) {
    std::atomic<int64_t> read{0};
    Clock::time_point start = Clock::now();
    onThreads(threads, [&](int t) {
      do {
        sink += kernels.sum(buffer + t * share, share);
        read += share;
      } while (since(start) < seconds / kWindows);
    });
    best = std::max(best, double(read) / since(start));
  }
  std::free(buffer);
  return best * 1e-9;
}

} // namespace

int attn::run::countThreads() {
  if (const char *text = std::getenv("OMP_NUM_THREADS")) {
    if (int threads = std::atoi(text); threads > 0) {
      return threads;
    }
  }
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return std::max(CPU_COUNT(&set), 1);
  }
  return 1;
}

Ceilings attn::run::measureCeilings(int elementBits, int64_t bytes,
                                    double seconds) {
  Kernels kernels = pickKernels();
  Ceilings ceilings;
  ceilings.threads = countThreads();
  ceilings.vectorBits = kernels.vectorBits;
  ceilings.gflops =
      measureGflops(kernels, elementBits, ceilings.threads, seconds);
  ceilings.bytes = bytes > 0 ? bytes : kBeyondCaches;
  ceilings.readGBs =
      measureRead(kernels, ceilings.threads, ceilings.bytes, seconds);
  return ceilings;
}
