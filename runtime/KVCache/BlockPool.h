//===- BlockPool.h - blocks, reference counts and known prefixes ----------===//
// A block is in one of three states: free (on a stack), used (one reference or
// more), or cached (no reference, known by its prefix, in a list from the
// longest unused on). Not thread-safe: the manager holds its lock.
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_BLOCKPOOL_H
#define ATTN_RUNTIME_KVCACHE_BLOCKPOOL_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace attn::rt::kv {

/// Names a prefix: all tokens up to the end of a block, and the salt.
struct PrefixKey {
  uint64_t low = 0, high = 0;
  bool operator==(const PrefixKey &other) const {
    return low == other.low && high == other.high;
  }
  bool isNone() const { return low == 0 && high == 0; }
};

/// The key of the empty prefix.
PrefixKey firstKey(uint64_t salt);
/// The key of the prefix that continues `before` by `count` tokens.
PrefixKey nextKey(PrefixKey before, const int32_t *tokens, size_t count);

class BlockPool {
public:
  static constexpr int32_t kNone = -1;

  explicit BlockPool(int32_t blocks);

  struct Block {
    int32_t references = 0;
    int32_t fill = 0; ///< slots that hold a token of some sequence
    PrefixKey key;    ///< none: not known as a prefix
    int32_t previous = kNone, next = kNone; ///< in the list of cached blocks
  };

  int32_t size() const { return static_cast<int32_t>(blocks.size()); }
  const Block &operator[](int32_t block) const { return blocks[block]; }
  int32_t numFree() const { return static_cast<int32_t>(free.size()); }
  int32_t numCached() const { return cachedCount; }
  int32_t numUsed() const { return size() - numFree() - cachedCount; }
  int32_t numAvailable() const { return numFree() + cachedCount; }

  /// A block with one reference, empty. There must be an available one.
  int32_t take();
  /// One more reference; a cached block becomes a used one.
  void share(int32_t block);
  /// One reference less; the last one leaves the block cached or free.
  void drop(int32_t block);
  void setFill(int32_t block, int32_t fill);

  /// The block of a prefix, or kNone.
  int32_t find(PrefixKey key) const;
  /// Makes the block known, unless another one is known by that key.
  void publish(int32_t block, PrefixKey key);
  /// Makes the block unknown; it is about to be written to.
  void forget(int32_t block);
  void forgetCached();

  /// Cached blocks from the longest unused on.
  std::vector<int32_t> cachedOrder() const;
  /// Sets an empty pool up: references and keys, then the order of the cached.
  void restore(const std::vector<Block> &states,
               const std::vector<int32_t> &cached);

  /// What does not add up, or nothing.
  std::string audit() const;

  int32_t peakUsed = 0;
  int64_t slotsUsed = 0, operations = 0, evictedPrefixes = 0;

private:
  void unlink(int32_t block);
  void linkLast(int32_t block);

  struct Hash {
    size_t operator()(const PrefixKey &key) const { return key.low; }
  };

  std::vector<Block> blocks;
  std::vector<int32_t> free;
  int32_t cachedCount = 0, oldest = kNone, newest = kNone;
  std::unordered_map<PrefixKey, int32_t, Hash> known;
};

} // namespace attn::rt::kv

#endif // ATTN_RUNTIME_KVCACHE_BLOCKPOOL_H
