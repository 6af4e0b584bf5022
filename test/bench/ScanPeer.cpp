//===- ScanPeer.cpp - scans as llama.cpp does them ------------------------===//

#include "ScanPeer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

using namespace attn::bench;

struct ScanPeer::Data {
  std::vector<float> x, dt, a, b, c, state, y;
};

ScanPeer::ScanPeer(Sizes sizes) : sizes(sizes), data(new Data) {
  uint32_t seed = 1;
  auto fill = [&](std::vector<float> &v, int64_t count, float scale) {
    v.resize(static_cast<size_t>(count));
    for (float &value : v) {
      seed = seed * 1664525u + 1013904223u;
      value = scale * (static_cast<float>(seed >> 8) / (1 << 23) - 1);
    }
  };
  int64_t channels = sizes.heads * sizes.rows;
  fill(data->x, sizes.tokens * channels, 1);
  fill(data->dt, sizes.tokens * sizes.heads, 1);
  fill(data->a, sizes.heads * (sizes.ofChannels ? sizes.states : 1), 1);
  for (float &rate : data->a) {
    rate = -std::fabs(rate);
  }
  fill(data->b, sizes.tokens * sizes.states, 1);
  fill(data->c, sizes.tokens * sizes.states, 1);
  data->state.resize(static_cast<size_t>(channels * sizes.states));
  data->y.resize(data->x.size());
}

ScanPeer::~ScanPeer() { delete data; }

double ScanPeer::run() {
  auto start = std::chrono::steady_clock::now();
  // A thread has a range of heads, and walks the tokens with all of them.
  auto work = [&](int64_t first, int64_t end) {
    const int64_t n = sizes.states, rows = sizes.rows;
    for (int64_t t = 0; t < sizes.tokens; ++t) {
      const float *b = data->b.data() + t * n, *c = data->c.data() + t * n;
      for (int64_t h = first; h < end; ++h) {
        float dt = data->dt[t * sizes.heads + h];
        dt = dt <= 20.0f ? std::log1p(std::exp(dt)) : dt;
        float keep = std::exp(dt * data->a[sizes.ofChannels ? 0 : h]);
        for (int64_t p = 0; p < rows; ++p) {
          int64_t channel = h * rows + p;
          float u = data->x[t * sizes.heads * rows + channel] * dt;
          float *state = data->state.data() + channel * n;
          float sum = 0;
          for (int64_t k = 0; k < n; ++k) {
            float decay =
                sizes.ofChannels ? std::exp(dt * data->a[h * n + k]) : keep;
            state[k] = state[k] * decay + b[k] * u;
            sum += state[k] * c[k];
          }
          data->y[t * sizes.heads * rows + channel] = sum;
        }
      }
    }
  };
  int64_t threads = std::max<int64_t>(
      1, static_cast<int64_t>(std::thread::hardware_concurrency()));
  std::vector<std::thread> pool;
  for (int64_t n = 0; n < threads; ++n) {
    pool.emplace_back(work, sizes.heads * n / threads,
                      sizes.heads * (n + 1) / threads);
  }
  for (std::thread &thread : pool) {
    thread.join();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}
