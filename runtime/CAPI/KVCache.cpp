//===- KVCache.cpp - the manager of a paged KV cache, from C --------------===//

#include "attn-c/KVCache.h"

#include "Error.h"
#include "attn/Runtime/KVCache.h"

#include <algorithm>

using namespace attn::rt;

struct AttnKVCache {
  std::unique_ptr<KVCache> cache;
};

static CopyBlocks wrap(AttnCopyBlocks copy, void *context) {
  if (!copy) {
    return {};
  }
  return [=](const std::vector<BlockCopy> &copies,
             const std::vector<SlotMove> &moves) {
    std::vector<AttnBlockCopy> blocks;
    for (const BlockCopy &c : copies) {
      blocks.push_back({c.source, c.target, c.slots});
    }
    std::vector<AttnSlotMove> slots;
    for (const SlotMove &m : moves) {
      slots.push_back({m.source, m.target});
    }
    copy(context, blocks.data(), blocks.size(), slots.data(), slots.size());
  };
}

static int give(Result<std::unique_ptr<KVCache>> made, AttnKVCache **cache) {
  if (made) {
    *cache = new AttnKVCache{std::move(*made)};
  }
  return finish(made.status());
}

int attn_kv_create(const AttnKVCacheOptions *options, AttnKVCache **cache) {
  KVCacheOptions made;
  made.blocks = options->blocks;
  made.pageSize = options->page_size;
  made.tables = options->tables;
  made.bytesPerBlock = options->bytes_per_block;
  made.prefixCache = options->prefix_cache != 0;
  made.copy = wrap(options->copy, options->context);
  return give(KVCache::create(std::move(made)), cache);
}

int attn_kv_restore(const char *path, AttnCopyBlocks copy, void *context,
                    void *const *pools, const size_t *bytes, size_t num_pools,
                    AttnKVCache **cache) {
  std::vector<std::pair<char *, size_t>> regions;
  for (size_t i = 0; i < num_pools; ++i) {
    regions.emplace_back(static_cast<char *>(pools[i]), bytes[i]);
  }
  return give(KVCache::restore(path, wrap(copy, context), regions), cache);
}

int attn_kv_save(const AttnKVCache *cache, const char *path,
                 const void *const *pools, const size_t *bytes,
                 size_t num_pools) {
  std::vector<std::string_view> regions;
  for (size_t i = 0; i < num_pools; ++i) {
    regions.emplace_back(static_cast<const char *>(pools[i]), bytes[i]);
  }
  return finish(cache->cache->save(path, regions));
}

void attn_kv_free(AttnKVCache *cache) { delete cache; }

int attn_kv_open(AttnKVCache *cache, const int32_t *prompt, size_t count,
                 uint64_t salt, int64_t *sequence, int64_t *cached) {
  KVCache::Opened opened = cache->cache->open({prompt, prompt + count}, salt);
  *sequence = opened.sequence;
  *cached = opened.cached;
  return finish(Status::success());
}

int attn_kv_append(AttnKVCache *cache, int64_t sequence, const int32_t *tokens,
                   size_t count, int64_t *slots) {
  Result<std::vector<int64_t>> made =
      tokens ? cache->cache->append(sequence, {tokens, tokens + count})
             : cache->cache->reserve(sequence, static_cast<int64_t>(count));
  if (made) {
    std::copy(made->begin(), made->end(), slots);
  }
  return finish(made.status());
}

int attn_kv_publish(AttnKVCache *cache, int64_t sequence) {
  return finish(cache->cache->publish(sequence));
}

int attn_kv_fork(AttnKVCache *cache, int64_t sequence, int64_t *made) {
  Result<SequenceId> fork = cache->cache->fork(sequence);
  if (fork) {
    *made = *fork;
  }
  return finish(fork.status());
}

int attn_kv_truncate(AttnKVCache *cache, int64_t sequence, int64_t length) {
  return finish(cache->cache->truncate(sequence, length));
}

int attn_kv_evict(AttnKVCache *cache, int64_t sequence, int32_t table,
                  const int64_t *positions, size_t count) {
  return finish(
      cache->cache->evict(sequence, table, {positions, positions + count}));
}

int attn_kv_release(AttnKVCache *cache, int64_t sequence) {
  return finish(cache->cache->release(sequence));
}

int attn_kv_length(const AttnKVCache *cache, int64_t sequence, int32_t table,
                   int64_t *length) {
  Result<int64_t> found = cache->cache->length(sequence, table);
  if (found) {
    *length = *found;
  }
  return finish(found.status());
}

int attn_kv_fill_tables(const AttnKVCache *cache, const int64_t *sequences,
                        size_t count, int32_t table, int32_t *tables,
                        int64_t stride, int32_t *lengths) {
  return finish(cache->cache->fillTables({sequences, sequences + count}, table,
                                         tables, stride, lengths));
}

void attn_kv_stats(const AttnKVCache *cache, AttnKVCacheStats *stats) {
  KVCacheStats s = cache->cache->stats();
  *stats = {s.blocks,       s.free,          s.cached,     s.used,
            s.peakUsed,     s.slotsUsed,     s.bytesUsed,  s.sequences,
            s.tokens,       s.prefixQueries, s.prefixHits, s.evictedPrefixes,
            s.copiedBlocks, s.operations};
}
