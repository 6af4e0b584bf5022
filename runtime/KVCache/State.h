//===- State.h - what the manager keeps -----------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_STATE_H
#define ATTN_RUNTIME_KVCACHE_STATE_H

#include "BlockPool.h"
#include "attn/Runtime/KVCache.h"

#include <mutex>
#include <unordered_map>

namespace attn::rt::kv {

struct Table {
  std::vector<int32_t> blocks; ///< as many as `length` needs
  int64_t length = 0;
};

struct Sequence {
  std::vector<Table> tables;
  /// Whether the tokens of all positions are known, in `tokens`.
  bool hashable = true;
  std::vector<int32_t> tokens;
  PrefixKey start;             ///< of the empty prefix
  std::vector<PrefixKey> keys; ///< of the blocks that were published

  void forgetTokens() {
    hashable = false;
    tokens.clear();
    keys.clear();
  }
};

} // namespace attn::rt::kv

namespace attn::rt {

struct KVCache::State {
  explicit State(KVCacheOptions options)
      : options(std::move(options)), pool(this->options.blocks) {}

  Status find(SequenceId id, kv::Sequence *&sequence);
  Status findTable(SequenceId id, int32_t number, const kv::Table *&table);
  Result<std::vector<int64_t>> append(SequenceId id, const int32_t *tokens,
                                      int64_t count);
  void publish(kv::Sequence &sequence);
  Status audit() const;

  mutable std::mutex mutex;
  KVCacheOptions options;
  kv::BlockPool pool;
  std::unordered_map<SequenceId, kv::Sequence> sequences;
  SequenceId nextId = 1;
  int64_t prefixQueries = 0, prefixHits = 0, copiedBlocks = 0;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_KVCACHE_STATE_H
