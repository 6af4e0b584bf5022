//===- Fuzz.cpp - threads on one KV cache, each against a model -----------===//
// AttnKVCacheFuzz [seconds] [threads] [seed]. A slot holds a number that tells
// all tokens up to it. Each thread knows what its sequences must hold, and
// reads it back through their tables; what all share is plain memory, so that
// ThreadSanitizer sees a write that a reader could meet. About once a second
// all stop, the counts are audited, the cache goes through a file, and
// sequences change hands.
//===----------------------------------------------------------------------===//

#include "attn/Runtime/KVCache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <unistd.h>

using namespace attn::rt;
using Clock = std::chrono::steady_clock;

namespace {

struct Model {
  SequenceId id;
  uint64_t history; // of all tokens
  std::vector<std::vector<uint64_t>> tables;
};

[[noreturn]] void fail(const char *what, const std::string &why = "") {
  std::fprintf(stderr, "fuzz: %s %s\n", what, why.c_str());
  std::_Exit(1);
}

void check(bool condition, const char *what) {
  if (!condition) {
    fail(what);
  }
}

void check(const Status &status, const char *what) {
  if (!status.ok()) {
    fail(what, status.message());
  }
}

uint64_t next(uint64_t history, int32_t token) {
  return (history ^ static_cast<uint32_t>(token)) * 0x9e3779b97f4a7c15u + 1;
}

struct Fuzz {
  KVCacheOptions options;
  std::vector<uint64_t> data;
  std::unique_ptr<KVCache> cache;
  std::atomic<int64_t> calls{0}, full{0};
  int64_t prefixHits = 0, copiedBlocks = 0;

  Fuzz(int32_t blocks, int32_t page, int32_t tables) {
    options.blocks = blocks;
    options.pageSize = page;
    options.tables = tables;
    data.resize(static_cast<size_t>(blocks) * page);
    options.copy = [this](const auto &copies, const auto &moves) {
      const int64_t page = options.pageSize;
      for (const BlockCopy &c : copies) {
        std::copy_n(&data[c.source * page], c.slots, &data[c.target * page]);
      }
      for (const SlotMove &m : moves) {
        data[m.target] = data[m.source];
      }
    };
    cache = std::move(*KVCache::create(options));
  }

  void verify(const Model &model) {
    for (size_t t = 0; t < model.tables.size(); ++t) {
      auto table = cache->blockTable(model.id, static_cast<int32_t>(t));
      check(table.status(), "table");
      const auto &want = model.tables[t];
      check(*cache->length(model.id, static_cast<int32_t>(t)) ==
                static_cast<int64_t>(want.size()),
            "length");
      const int64_t page = options.pageSize;
      for (size_t i = 0; i < want.size(); ++i) {
        check(data[(*table)[i / page] * page + i % page] == want[i], "data");
      }
    }
  }

  // The number of an unknown token has its thread in it.
  void append(Model &model, std::mt19937_64 &random, int64_t count,
              const std::vector<int32_t> *known) {
    Result<std::vector<int64_t>> slots = known
                                             ? cache->append(model.id, *known)
                                             : cache->reserve(model.id, count);
    if (!slots) {
      check(slots.status().code() == Code::kRuntime, "append");
      ++full;
      return;
    }
    size_t at = 0;
    uint64_t start = model.history;
    for (auto &table : model.tables) {
      model.history = start;
      for (int64_t i = 0; i < count; ++i) {
        model.history = known ? next(model.history, (*known)[i]) : random() | 1;
        data[(*slots)[at++]] = model.history;
        table.push_back(model.history);
      }
    }
    check(at == slots->size(), "slots");
  }

  void step(std::vector<Model> &mine, std::mt19937_64 &random) {
    ++calls;
    uint64_t what = random() % 100;
    auto below = [&](uint64_t n) { return n ? random() % n : 0; };
    if (mine.empty() || (what < 12 && mine.size() < 12)) {
      // Few prompts, so that prefixes meet.
      auto first = static_cast<int32_t>(below(4));
      std::vector<int32_t> prompt(1 + below(6 * options.pageSize));
      for (size_t i = 0; i < prompt.size(); ++i) {
        prompt[i] = first + (i % 7 == 6 ? static_cast<int32_t>(below(2)) : 0);
      }
      uint64_t salt = below(2);
      KVCache::Opened opened = cache->open(prompt, salt);
      Model model = {opened.sequence, salt,
                     std::vector<std::vector<uint64_t>>(options.tables)};
      for (int64_t i = 0; i < opened.cached; ++i) {
        model.history = next(model.history, prompt[i]);
        model.tables[0].push_back(model.history);
      }
      verify(model);
      std::vector<int32_t> rest(prompt.begin() + opened.cached, prompt.end());
      append(model, random, static_cast<int64_t>(rest.size()), &rest);
      if (random() % 4) {
        check(cache->publish(model.id), "publish");
      }
      mine.push_back(std::move(model));
      return;
    }
    size_t n = below(mine.size());
    Model &model = mine[n];
    if (what < 50) {
      std::vector<int32_t> more(1 + below(options.pageSize + 2));
      for (int32_t &token : more) {
        token = static_cast<int32_t>(below(3));
      }
      append(model, random, static_cast<int64_t>(more.size()),
             what < 45 ? &more : nullptr);
    } else if (what < 58) {
      check(cache->publish(model.id), "publish");
    } else if (what < 68) {
      if (mine.size() < 12) {
        Model fork = model;
        fork.id = *cache->fork(model.id);
        mine.push_back(std::move(fork));
      }
    } else if (what < 74) {
      size_t longest = 0;
      for (const auto &table : model.tables) {
        longest = std::max(longest, table.size());
      }
      size_t length = below(longest + 1);
      check(cache->truncate(model.id, static_cast<int64_t>(length)),
            "truncate");
      for (auto &table : model.tables) {
        table.resize(std::min(table.size(), length));
      }
      // The history of what is left: with one table it is in the data.
      model.history =
          length ? (model.tables[0].empty() ? 0 : model.tables[0].back())
                 : model.history;
      if (length == 0) { // the salt is gone from the model: drop it
        check(cache->release(model.id), "release");
        mine.erase(mine.begin() + static_cast<ptrdiff_t>(n));
      }
    } else if (what < 80) {
      size_t t = below(model.tables.size());
      auto &table = model.tables[t];
      std::vector<int64_t> drop;
      uint64_t rate = 1 + below(8);
      for (size_t i = 0; i < table.size(); ++i) {
        if (below(rate) == 0) {
          drop.push_back(static_cast<int64_t>(i));
        }
      }
      Status status = cache->evict(model.id, static_cast<int32_t>(t), drop);
      if (!status.ok()) {
        check(status.code() == Code::kRuntime, "evict");
        ++full;
        return;
      }
      std::vector<uint64_t> tail;
      size_t kept = table.size() - drop.size();
      for (size_t i = kept; i < table.size(); ++i) {
        if (!std::binary_search(drop.begin(), drop.end(),
                                static_cast<int64_t>(i))) {
          tail.push_back(table[i]);
        }
      }
      for (size_t i = 0; i < tail.size(); ++i) {
        table[drop[i]] = tail[i];
      }
      table.resize(kept);
    } else if (what < 88) {
      check(cache->release(model.id), "release");
      check(cache->release(model.id).code() == Code::kUsage, "double release");
      check(!cache->reserve(model.id, 1).ok(), "append after release");
      mine.erase(mine.begin() + static_cast<ptrdiff_t>(n));
    } else {
      verify(model);
    }
  }

  /// Through a file and back; the data lie in a pool.
  void reload() {
    std::string path =
        "/tmp/attn-kv-fuzz-" + std::to_string(::getpid()) + ".kv";
    size_t bytes = data.size() * sizeof data[0];
    check(cache->save(path, {{reinterpret_cast<char *>(data.data()), bytes}}),
          "save");
    std::fill(data.begin(), data.end(), ~uint64_t(0));
    auto back = KVCache::restore(
        path, options.copy, {{reinterpret_cast<char *>(data.data()), bytes}});
    ::unlink(path.c_str());
    check(back.status(), "restore");
    cache = std::move(*back);
  }
};

void run(Fuzz &fuzz, double seconds, int threads, uint64_t seed) {
  std::vector<std::vector<Model>> models(threads);
  auto end = Clock::now() +
             std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds));
  for (uint64_t epoch = 0; Clock::now() < end; ++epoch) {
    auto stop = std::min(end, Clock::now() + std::chrono::milliseconds(1000));
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t) {
      pool.emplace_back([&, t] {
        std::mt19937_64 random(seed + 1000 * epoch + t);
        while (Clock::now() < stop) {
          fuzz.step(models[t], random);
        }
      });
    }
    for (std::thread &thread : pool) {
      thread.join();
    }
    check(fuzz.cache->audit(), "audit");
    fuzz.prefixHits += fuzz.cache->stats().prefixHits;
    fuzz.copiedBlocks += fuzz.cache->stats().copiedBlocks;
    fuzz.reload();
    for (const auto &mine : models) {
      for (const Model &model : mine) {
        fuzz.verify(model);
      }
    }
    std::rotate(models.begin(), models.begin() + 1, models.end());
  }
  for (const auto &mine : models) {
    for (const Model &model : mine) {
      check(fuzz.cache->release(model.id), "release");
    }
  }
  fuzz.cache->forgetPrefixes();
  check(fuzz.cache->audit(), "audit");
  check(fuzz.cache->stats().free == fuzz.options.blocks, "leak");
  std::printf("%d tables: %lld calls, %lld without room, %lld tokens by "
              "prefix, %lld copied blocks\n",
              fuzz.options.tables, static_cast<long long>(fuzz.calls),
              static_cast<long long>(fuzz.full),
              static_cast<long long>(fuzz.prefixHits),
              static_cast<long long>(fuzz.copiedBlocks));
  check(fuzz.full > 0 && fuzz.copiedBlocks > 0 &&
            (fuzz.options.tables > 1 || fuzz.prefixHits > 0),
        "something was never tried");
}

} // namespace

int main(int argc, char **argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 20;
  int threads = argc > 2 ? std::atoi(argv[2]) : 8;
  uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  Fuzz shared(160, 4, 1), perHead(400, 3, 3);
  run(shared, seconds / 2, threads, seed);
  run(perHead, seconds / 2, threads, seed + 1);
  return 0;
}
