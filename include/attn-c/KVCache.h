/*===- KVCache.h - the manager of a paged KV cache, from C ------------------===
|* As attn/Runtime/KVCache.h, which has the rules. Functions return 0, or the
|* exit code of the error (2: a sequence, table or position that does not exist;
|* 4: out of blocks), and attn_error() of Runtime.h then has its text. A manager
|* may be used by any number of threads at a time.
\*===----------------------------------------------------------------------===*/

#ifndef ATTN_C_KVCACHE_H
#define ATTN_C_KVCACHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AttnKVCache AttnKVCache;

typedef struct AttnBlockCopy {
  int32_t source, target, slots;
} AttnBlockCopy;

typedef struct AttnSlotMove {
  int64_t source, target;
} AttnSlotMove;

/* Copies blocks, then moves slots; runs under the lock of the manager. */
typedef void (*AttnCopyBlocks)(void *context, const AttnBlockCopy *copies,
                               size_t num_copies, const AttnSlotMove *moves,
                               size_t num_moves);

typedef struct AttnKVCacheOptions {
  int32_t blocks, page_size;
  int32_t tables;       /* a sequence */
  int32_t prefix_cache; /* 0 or 1 */
  int64_t bytes_per_block;
  AttnCopyBlocks copy; /* may be null: then no fork and no eviction */
  void *context;
} AttnKVCacheOptions;

typedef struct AttnKVCacheStats {
  int32_t blocks, free, cached, used, peak_used;
  int64_t slots_used, bytes_used, sequences, tokens;
  int64_t prefix_queries, prefix_hits, evicted_prefixes, copied_blocks;
  int64_t operations;
} AttnKVCacheStats;

int attn_kv_create(const AttnKVCacheOptions *options, AttnKVCache **cache);
/* `pools` gets the blocks back that the file holds; `bytes` are the sizes. */
int attn_kv_restore(const char *path, AttnCopyBlocks copy, void *context,
                    void *const *pools, const size_t *bytes, size_t num_pools,
                    AttnKVCache **cache);
int attn_kv_save(const AttnKVCache *cache, const char *path,
                 const void *const *pools, const size_t *bytes,
                 size_t num_pools);
void attn_kv_free(AttnKVCache *cache);

/* `cached` is how many tokens of the prompt were found. */
int attn_kv_open(AttnKVCache *cache, const int32_t *prompt, size_t count,
                 uint64_t salt, int64_t *sequence, int64_t *cached);
/* `tokens` may be null. `slots` has room for tables x count numbers. */
int attn_kv_append(AttnKVCache *cache, int64_t sequence, const int32_t *tokens,
                   size_t count, int64_t *slots);
int attn_kv_publish(AttnKVCache *cache, int64_t sequence);
int attn_kv_fork(AttnKVCache *cache, int64_t sequence, int64_t *made);
int attn_kv_truncate(AttnKVCache *cache, int64_t sequence, int64_t length);
int attn_kv_evict(AttnKVCache *cache, int64_t sequence, int32_t table,
                  const int64_t *positions, size_t count);
int attn_kv_release(AttnKVCache *cache, int64_t sequence);
int attn_kv_length(const AttnKVCache *cache, int64_t sequence, int32_t table,
                   int64_t *length);
/* count x stride entries of `tables`, padded with -1, and `count` lengths. */
int attn_kv_fill_tables(const AttnKVCache *cache, const int64_t *sequences,
                        size_t count, int32_t table, int32_t *tables,
                        int64_t stride, int32_t *lengths);
void attn_kv_stats(const AttnKVCache *cache, AttnKVCacheStats *stats);

#ifdef __cplusplus
}
#endif

#endif
