//===- KVCacheTest.cpp - sharing, copies, eviction, errors, files ---------===//

#include "attn/Runtime/KVCache.h"

#include "../Runtime/TestUtil.h"
#include "attn-c/KVCache.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace attn::rt;
using namespace attn::rt::test;

namespace {

/// A cache whose copies are recorded.
struct Recorded {
  std::vector<BlockCopy> copies;
  std::vector<SlotMove> moves;
  std::unique_ptr<KVCache> cache;

  explicit Recorded(int32_t blocks, int32_t page, int32_t tables = 1) {
    KVCacheOptions options;
    options.blocks = blocks;
    options.pageSize = page;
    options.tables = tables;
    options.bytesPerBlock = 100;
    options.copy = [this](const auto &blocks, const auto &slots) {
      copies.insert(copies.end(), blocks.begin(), blocks.end());
      moves.insert(moves.end(), slots.begin(), slots.end());
    };
    cache = std::move(*KVCache::create(options));
  }
  KVCache *operator->() { return cache.get(); }
  ~Recorded() { EXPECT_TRUE(cache->audit().ok()) << cache->audit().message(); }
};

std::vector<int32_t> tokens(int count, int from = 0) {
  std::vector<int32_t> made(count);
  std::iota(made.begin(), made.end(), from);
  return made;
}

using Slots = std::vector<int64_t>;
using Blocks = std::vector<int32_t>;

TEST(KVCache, SlotsFollowEachOther) {
  Recorded cache(4, 3);
  SequenceId a = cache->open().sequence;
  EXPECT_EQ(*cache->append(a, tokens(2)), (Slots{0, 1}));
  EXPECT_EQ(*cache->append(a, tokens(3)), (Slots{2, 3, 4}));
  EXPECT_EQ(*cache->blockTable(a), (Blocks{0, 1}));
  EXPECT_EQ(*cache->length(a), 5);
  KVCacheStats stats = cache->stats();
  EXPECT_EQ(stats.used, 2);
  EXPECT_EQ(stats.free, 2);
  EXPECT_EQ(stats.slotsUsed, 5);
  EXPECT_EQ(stats.bytesUsed, 200);
  EXPECT_DOUBLE_EQ(stats.waste(3), 1.0 / 6);
  EXPECT_TRUE(cache->release(a).ok());
  EXPECT_EQ(cache->stats().free, 4);
}

TEST(KVCache, AForkIsIsolated) {
  Recorded cache(8, 4);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(6)).ok());
  SequenceId b = *cache->fork(a);
  EXPECT_EQ(*cache->blockTable(b), *cache->blockTable(a));
  EXPECT_EQ(cache->stats().used, 2);
  // b writes: it gets a copy of the two slots that are in use.
  EXPECT_EQ(*cache->append(b, tokens(1)), (Slots{2 * 4 + 2}));
  ASSERT_EQ(cache.copies.size(), 1u);
  EXPECT_EQ(cache.copies[0].source, 1);
  EXPECT_EQ(cache.copies[0].target, 2);
  EXPECT_EQ(cache.copies[0].slots, 2);
  // a is alone on its block again.
  EXPECT_EQ(*cache->append(a, tokens(1)), (Slots{1 * 4 + 2}));
  EXPECT_EQ(cache.copies.size(), 1u);
  EXPECT_TRUE(cache->release(a).ok());
  EXPECT_EQ(*cache->blockTable(b), (Blocks{0, 2}));
}

TEST(KVCache, PrefixesAreFound) {
  Recorded cache(16, 4);
  SequenceId a = cache->open(tokens(10)).sequence;
  ASSERT_TRUE(cache->append(a, tokens(10)).ok());
  EXPECT_EQ(cache->open(tokens(10)).cached, 0) << "not published yet";
  ASSERT_TRUE(cache->publish(a).ok());
  KVCache::Opened b = cache->open(tokens(10));
  EXPECT_EQ(b.cached, 8);
  EXPECT_EQ(*cache->blockTable(b.sequence), (Blocks{0, 1}));
  EXPECT_EQ(cache->open(tokens(8)).cached, 4) << "one token is left to compute";
  EXPECT_EQ(cache->open(tokens(10), /*salt=*/7).cached, 0);
  EXPECT_EQ(cache->open(tokens(10, 1)).cached, 0);
  std::vector<int32_t> other = tokens(10);
  other[5] = 99;
  EXPECT_EQ(cache->open(other).cached, 4);
  // They outlive their sequence, and its tail does not.
  ASSERT_TRUE(cache->release(a).ok());
  EXPECT_EQ(*cache->length(b.sequence), 8);
  EXPECT_EQ(cache->open(tokens(12)).cached, 8);
}

TEST(KVCache, LongestUnusedPrefixGoesFirst) {
  Recorded cache(4, 2);
  for (int from : {0, 100}) {
    SequenceId s = cache->open().sequence;
    ASSERT_TRUE(cache->append(s, tokens(4, from)).ok());
    ASSERT_TRUE(cache->publish(s).ok());
    ASSERT_TRUE(cache->release(s).ok());
  }
  EXPECT_EQ(cache->stats().cached, 4);
  SequenceId hit = cache->open(tokens(5)).sequence; // touches the older one
  ASSERT_TRUE(cache->release(hit).ok());
  SequenceId s = cache->open().sequence;
  ASSERT_TRUE(cache->reserve(s, int64_t(2)).ok()); // takes the end of the other
  EXPECT_EQ(cache->open(tokens(5)).cached, 4);
  EXPECT_EQ(cache->open(tokens(5, 100)).cached, 2);
  EXPECT_EQ(cache->stats().evictedPrefixes, 1);
}

TEST(KVCache, WritingIntoAPublishedBlockForgetsIt) {
  Recorded cache(8, 4);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(8)).ok());
  ASSERT_TRUE(cache->publish(a).ok());
  ASSERT_TRUE(cache->truncate(a, 6).ok());
  EXPECT_EQ(*cache->append(a, tokens(2, 50)), (Slots{6, 7}));
  ASSERT_TRUE(cache->publish(a).ok());
  EXPECT_EQ(cache->open(tokens(9)).cached, 4);
  std::vector<int32_t> now = {0, 1, 2, 3, 4, 5, 50, 51, 0};
  EXPECT_EQ(cache->open(now).cached, 8);
}

TEST(KVCache, TruncateThenWriteSharedCopies) {
  Recorded cache(8, 4);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(8)).ok());
  SequenceId b = *cache->fork(a);
  ASSERT_TRUE(cache->truncate(b, 5).ok());
  ASSERT_TRUE(cache->append(b, tokens(1)).ok());
  ASSERT_EQ(cache.copies.size(), 1u);
  EXPECT_EQ(cache.copies[0].slots, 1);
  EXPECT_EQ(*cache->blockTable(a), (Blocks{0, 1}));
}

TEST(KVCache, EvictionFillsHolesWithTheTail) {
  Recorded cache(8, 2, /*tables=*/2);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->reserve(a, int64_t(7)).ok());
  // Keeps 0 2 3 5: 5 moves into the hole of 1, and a block is given back.
  ASSERT_TRUE(cache->evict(a, 1, {1, 4, 6}).ok());
  EXPECT_EQ(*cache->length(a, 0), 7);
  EXPECT_EQ(*cache->length(a, 1), 4);
  ASSERT_EQ(cache.moves.size(), 1u);
  Blocks before = {4, 5, 6, 7};
  EXPECT_EQ(cache.moves[0].source, before[2] * 2 + 1);
  EXPECT_EQ(cache.moves[0].target, before[0] * 2 + 1);
  EXPECT_EQ(*cache->blockTable(a, 1), (Blocks{4, 5}));
  EXPECT_EQ(cache->stats().free, 2);
  // Nothing to drop changes nothing.
  ASSERT_TRUE(cache->evict(a, 0, {}).ok());
  EXPECT_EQ(cache.moves.size(), 1u);
}

TEST(KVCache, EvictionOfASharedBlockCopiesIt) {
  Recorded cache(8, 4);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->reserve(a, int64_t(6)).ok());
  SequenceId b = *cache->fork(a);
  ASSERT_TRUE(cache->evict(b, 0, {0, 3}).ok());
  ASSERT_EQ(cache.copies.size(), 1u);
  EXPECT_EQ(cache.moves.size(), 2u);
  EXPECT_EQ(*cache->blockTable(a), (Blocks{0, 1}));
  EXPECT_EQ(*cache->blockTable(b), (Blocks{2}));
}

TEST(KVCache, ErrorsChangeNothing) {
  Recorded cache(2, 4);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(5)).ok());
  Status full = cache->append(a, tokens(4)).status();
  EXPECT_EQ(full.code(), Code::kRuntime);
  EXPECT_EQ(full.message(), "out of blocks: 1 needed, 0 available");
  EXPECT_EQ(*cache->length(a), 5);
  EXPECT_EQ(cache->reserve(a, INT64_MAX).status().code(), Code::kRuntime);
  EXPECT_EQ(cache->reserve(a, int64_t(-1)).status().code(), Code::kUsage);
  SequenceId b = *cache->fork(a);
  EXPECT_EQ(cache->append(b, tokens(1)).status().code(), Code::kRuntime);
  EXPECT_EQ(cache->evict(b, 0, {0}).code(), Code::kRuntime);
  EXPECT_TRUE(cache->release(b).ok());
  EXPECT_EQ(cache->release(b).message(), "there is no sequence 2");
  EXPECT_EQ(cache->append(b, tokens(1)).status().code(), Code::kUsage);
  EXPECT_EQ(cache->fork(99).status().code(), Code::kUsage);
  EXPECT_EQ(cache->truncate(a, 6).code(), Code::kUsage);
  EXPECT_EQ(cache->evict(a, 1, {0}).code(), Code::kUsage);
  EXPECT_EQ(cache->evict(a, 0, {1, 1}).code(), Code::kUsage);
  EXPECT_EQ(cache->evict(a, 0, {5}).code(), Code::kUsage);
  EXPECT_EQ(*cache->length(a), 5);
  EXPECT_EQ(cache->stats().used, 2);
}

TEST(KVCache, WithoutACopierNothingIsShared) {
  KVCacheOptions options;
  options.blocks = options.pageSize = 4;
  std::unique_ptr<KVCache> cache = std::move(*KVCache::create(options));
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(6)).ok());
  EXPECT_EQ(cache->fork(a).status().code(), Code::kUsage);
  EXPECT_EQ(cache->evict(a, 0, {0}).code(), Code::kUsage);
  EXPECT_TRUE(cache->evict(a, 0, {5}).ok()) << "the tail needs no moves";
  options.pageSize = 0;
  EXPECT_EQ(KVCache::create(options).status().code(), Code::kUsage);
}

TEST(KVCache, FillsTablesForAKernel) {
  Recorded cache(8, 2);
  SequenceId a = cache->open().sequence, b = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(3)).ok());
  ASSERT_TRUE(cache->append(b, tokens(1)).ok());
  int32_t tables[6], lengths[2];
  ASSERT_TRUE(cache->fillTables({b, a}, 0, tables, 3, lengths).ok());
  EXPECT_EQ(std::vector<int32_t>(tables, tables + 6),
            (Blocks{2, -1, -1, 0, 1, -1}));
  EXPECT_EQ(lengths[0], 1);
  EXPECT_EQ(lengths[1], 3);
  EXPECT_FALSE(cache->fillTables({a}, 0, tables, 1, lengths).ok());
}

TEST(KVCache, SaveAndRestore) {
  TempDir scratch;
  std::string path = scratch.file("cache");
  std::string data(8 * 2, '.');
  Recorded cache(8, 2);
  SequenceId a = cache->open().sequence;
  ASSERT_TRUE(cache->append(a, tokens(5)).ok());
  ASSERT_TRUE(cache->publish(a).ok());
  SequenceId b = *cache->fork(a);
  ASSERT_TRUE(cache->append(b, tokens(2)).ok());
  ASSERT_TRUE(cache->release(a).ok());
  data.replace(0, 4, "abcd");
  ASSERT_TRUE(cache->save(path, {data}).ok());

  std::string got(data.size(), '?');
  auto back = KVCache::restore(path, {}, {{got.data(), got.size()}});
  ASSERT_TRUE(back.ok()) << back.message();
  EXPECT_EQ(got.substr(0, 4), "abcd");
  EXPECT_EQ(*(*back)->blockTable(b), *cache->blockTable(b));
  EXPECT_EQ((*back)->open(tokens(6)).cached, 4);
  EXPECT_FALSE((*back)->length(a).ok());
  EXPECT_TRUE((*back)->audit().ok());
  EXPECT_EQ((*back)->stats().slotsUsed, cache->stats().slotsUsed);

  EXPECT_EQ(KVCache::restore(path).status().code(), Code::kBadInput);
  EXPECT_EQ(KVCache::restore(path, {}, {{got.data(), 8}}).status().code(),
            Code::kBadInput);
  std::string bytes = slurp(path);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string bad = mutate(bytes, random);
    spill(path, bad);
    auto opened = KVCache::restore(path, {}, {{got.data(), got.size()}});
    EXPECT_EQ(opened.ok(), bad == bytes);
  }
}

TEST(KVCache, FromC) {
  AttnKVCacheOptions options = {};
  options.blocks = 4;
  options.page_size = 2;
  options.tables = 1;
  options.prefix_cache = 1;
  int copies = 0;
  options.context = &copies;
  options.copy = [](void *context, const AttnBlockCopy *, size_t count,
                    const AttnSlotMove *, size_t) {
    *static_cast<int *>(context) += static_cast<int>(count);
  };
  AttnKVCache *cache;
  ASSERT_EQ(attn_kv_create(&options, &cache), 0);
  int32_t prompt[] = {1, 2, 3};
  int64_t sequence, cached, slots[8], fork;
  ASSERT_EQ(attn_kv_open(cache, prompt, 3, 0, &sequence, &cached), 0);
  ASSERT_EQ(attn_kv_append(cache, sequence, prompt, 3, slots), 0);
  EXPECT_EQ(slots[2], 2);
  ASSERT_EQ(attn_kv_publish(cache, sequence), 0);
  ASSERT_EQ(attn_kv_fork(cache, sequence, &fork), 0);
  ASSERT_EQ(attn_kv_append(cache, fork, nullptr, 1, slots), 0);
  EXPECT_EQ(copies, 1);
  EXPECT_EQ(attn_kv_append(cache, fork, nullptr, 8, slots), 4);
  EXPECT_EQ(attn_kv_release(cache, sequence), 0);
  EXPECT_EQ(attn_kv_release(cache, sequence), 2);
  AttnKVCacheStats stats;
  attn_kv_stats(cache, &stats);
  EXPECT_EQ(stats.tokens, 4);
  attn_kv_free(cache);
}

} // namespace
