//===- KVCache.h - who owns which block of a paged KV cache -----*- C++ -*-===//
// Book-keeping alone: a block is a number, its data lie in pools of the caller,
// on a host or a device. A *slot* is `block * pageSize + index`, what
// attn.kv_append writes to. Sequences share blocks by reference counts (fork,
// prefixes) and write to none that another one sees.
//
// Every function may be called from any thread, and one that fails has changed
// nothing. Errors: kUsage for a sequence, table or position that does not
// exist (so also for a second release), kRuntime for "out of blocks".
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_H
#define ATTN_RUNTIME_KVCACHE_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace attn::rt {

using SequenceId = int64_t;

/// Copy the first `slots` slots of `source` to `target`, in all pools.
struct BlockCopy {
  int32_t source, target, slots;
};

/// Copy one slot of `table` to another, after the block copies.
struct SlotMove {
  int64_t source, target;
};

/// Runs under the lock of the manager, before anybody else may write to the
/// blocks involved, so that copies that it enqueues on a stream keep the order
/// of the calls. It must not call the manager.
using CopyBlocks = std::function<void(const std::vector<BlockCopy> &,
                                      const std::vector<SlotMove> &)>;

struct KVCacheOptions {
  int32_t blocks = 0;   ///< in the pools; at least 1
  int32_t pageSize = 0; ///< slots a block; at least 1
  /// Tables a sequence: 1, or one for each (layer, head) that evicts on its
  /// own.
  int32_t tables = 1;
  int64_t bytesPerBlock = 0; ///< of all pools, for the accounting
  bool prefixCache = true;   ///< only with one table
  CopyBlocks copy;           ///< needed by forks and eviction
};

struct KVCacheStats {
  int32_t blocks = 0;
  int32_t free = 0;   ///< hold nothing
  int32_t cached = 0; ///< of no sequence, kept for their prefix
  int32_t used = 0;   ///< of some sequence
  int32_t peakUsed = 0;
  int64_t slotsUsed = 0; ///< with a token in them, of the used blocks
  int64_t bytesUsed = 0; ///< of the used blocks
  int64_t sequences = 0;
  int64_t tokens = 0; ///< that sequences see, shared ones counted each time
  int64_t prefixQueries = 0, prefixHits = 0; ///< in tokens
  int64_t evictedPrefixes = 0;               ///< cached blocks taken for others
  int64_t copiedBlocks = 0;                  ///< on write to a shared one
  int64_t operations = 0; ///< blocks taken, shared, given back

  /// Slots of used blocks without a token, as a fraction.
  double waste(int32_t pageSize) const {
    double slots = double(used) * pageSize;
    return used ? (slots - double(slotsUsed)) / slots : 0;
  }
};

class KVCache {
public:
  /// Errors: kUsage for options that make no cache.
  static Result<std::unique_ptr<KVCache>> create(KVCacheOptions options);
  /// What `save` wrote; `pools` are as at that time and get their blocks back.
  /// Errors: kBadInput for a file that is none, is damaged or does not fit.
  static Result<std::unique_ptr<KVCache>>
  restore(const std::string &path, CopyBlocks copy = {},
          const std::vector<std::pair<char *, size_t>> &pools = {});
  ~KVCache();

  struct Opened {
    SequenceId sequence;
    int64_t cached; ///< tokens whose blocks were found, a multiple of pageSize
  };
  /// A new sequence that starts with the published blocks of the longest prefix
  /// of `prompt`. At least its last token is left to compute. `salt` (a LoRA,
  /// a tenant) separates prefixes that must not be shared.
  Opened open(const std::vector<int32_t> &prompt = {}, uint64_t salt = 0);

  /// Slots for `tokens` at the end of the sequence: table by table, a slot for
  /// each token. The block at the end is copied first where others see it.
  Result<std::vector<int64_t>> append(SequenceId sequence,
                                      const std::vector<int32_t> &tokens);
  /// The same for tokens that have no number; their blocks are never shared by
  /// prefix.
  Result<std::vector<int64_t>> reserve(SequenceId sequence, int64_t count);

  /// Makes the full blocks of the sequence known as prefixes. Call it when what
  /// `append` made room for is written, or enqueued where readers come later.
  Status publish(SequenceId sequence);

  /// A sequence that shares all blocks.
  Result<SequenceId> fork(SequenceId sequence);

  /// Drops the tokens from `length` on, in every table.
  Status truncate(SequenceId sequence, int64_t length);

  /// Drops `positions` (ascending, in the table's order) of one table, and
  /// fills the holes with the tokens of its end, in ascending order. The blocks
  /// at the end become free. The sequence publishes no further blocks.
  Status evict(SequenceId sequence, int32_t table,
               const std::vector<int64_t> &positions);

  /// Gives all blocks back; published ones stay cached until others need them,
  /// the longest unused first and of one sequence the last block first.
  Status release(SequenceId sequence);

  /// Tokens in a table.
  Result<int64_t> length(SequenceId sequence, int32_t table = 0) const;
  /// The blocks of a table, as attn.attention reads them.
  Result<std::vector<int32_t>> blockTable(SequenceId sequence,
                                          int32_t table = 0) const;
  /// Rows of `stride` entries for several sequences, padded with -1, and the
  /// lengths. Errors: kUsage where a table is longer than `stride`, too.
  Status fillTables(const std::vector<SequenceId> &sequences, int32_t table,
                    int32_t *tables, int64_t stride, int32_t *lengths) const;

  KVCacheStats stats() const;
  const KVCacheOptions &options() const;

  /// Drops all cached prefixes.
  void forgetPrefixes();

  /// Sequences, tables, prefixes, and of each pool (its size is a multiple of
  /// the number of blocks) the blocks that hold something. Written whole or not
  /// at all.
  Status save(const std::string &path,
              const std::vector<std::string_view> &pools = {}) const;

  /// Recounts everything; for tests. Errors: kRuntime, what does not add up.
  Status audit() const;

private:
  struct State;
  explicit KVCache(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace attn::rt

#endif // ATTN_RUNTIME_KVCACHE_H
