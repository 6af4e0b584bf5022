//===- KVCache.cpp - who owns which block of a paged KV cache -------------===//
// Each function checks everything first and then changes the state, so that an
// error leaves it as it was.
//===----------------------------------------------------------------------===//

#include "State.h"

#include <algorithm>

namespace attn::rt {

using kv::BlockPool;
using kv::PrefixKey;
using kv::Sequence;
using kv::Table;

using Lock = std::lock_guard<std::mutex>;

static int64_t blocksOf(int64_t length, int64_t pageSize) {
  return length / pageSize + (length % pageSize != 0);
}

static Status outOfBlocks(int64_t needed, int32_t available) {
  return Status::runtime("out of blocks: " + std::to_string(needed) +
                         " needed, " + std::to_string(available) +
                         " available");
}

static Status cannotCopy() {
  return Status::usage("a shared block would be written to, and the cache has "
                       "no function that copies blocks");
}

KVCache::KVCache(std::unique_ptr<State> state) : state(std::move(state)) {}
KVCache::~KVCache() = default;

Result<std::unique_ptr<KVCache>> KVCache::create(KVCacheOptions options) {
  if (options.blocks < 1 || options.pageSize < 1 || options.tables < 1 ||
      options.bytesPerBlock < 0) {
    return Status::usage("a KV cache needs at least one block, slot and table");
  }
  if (options.tables > 1) {
    options.prefixCache = false; // tables differ in what they keep
  }
  return std::unique_ptr<KVCache>(
      new KVCache(std::make_unique<State>(std::move(options))));
}

const KVCacheOptions &KVCache::options() const { return state->options; }

Status KVCache::State::find(SequenceId id, Sequence *&sequence) {
  auto found = sequences.find(id);
  if (found == sequences.end()) {
    return Status::usage("there is no sequence " + std::to_string(id));
  }
  sequence = &found->second;
  return Status::success();
}

Status KVCache::State::findTable(SequenceId id, int32_t number,
                                 const Table *&table) {
  Sequence *sequence;
  if (Status status = find(id, sequence); !status.ok()) {
    return status;
  }
  if (number < 0 || number >= options.tables) {
    return Status::usage("there is no table " + std::to_string(number));
  }
  table = &sequence->tables[number];
  return Status::success();
}

KVCache::Opened KVCache::open(const std::vector<int32_t> &prompt,
                              uint64_t salt) {
  Lock lock(state->mutex);
  const int64_t page = state->options.pageSize;
  Sequence sequence;
  sequence.tables.resize(state->options.tables);
  sequence.start = kv::firstKey(salt);
  Table &table = sequence.tables[0];
  if (state->options.prefixCache) {
    PrefixKey key = sequence.start;
    auto count = static_cast<int64_t>(prompt.size());
    while (table.length + page < count) {
      key = kv::nextKey(key, prompt.data() + table.length, page);
      int32_t block = state->pool.find(key);
      if (block == BlockPool::kNone) {
        break;
      }
      state->pool.share(block);
      table.blocks.push_back(block);
      sequence.keys.push_back(key);
      table.length += page;
    }
    sequence.tokens.assign(prompt.begin(), prompt.begin() + table.length);
    state->prefixQueries += count;
    state->prefixHits += table.length;
  }
  Opened opened = {state->nextId++, table.length};
  state->sequences.emplace(opened.sequence, std::move(sequence));
  return opened;
}

Result<std::vector<int64_t>>
KVCache::State::append(SequenceId id, const int32_t *tokens, int64_t count) {
  Sequence *sequence;
  if (Status status = find(id, sequence); !status.ok()) {
    return status;
  }
  if (count < 0) {
    return Status::usage("a negative number of tokens");
  }
  const int64_t page = options.pageSize;
  if (count > page * pool.size()) {
    return outOfBlocks(blocksOf(count, page), pool.numAvailable());
  }
  // Writing starts in a block that others see: it is copied first.
  auto copies = [&](const Table &table) {
    return count > 0 && table.length % page != 0 &&
           pool[table.blocks.back()].references > 1;
  };
  int64_t needed = 0;
  for (const Table &table : sequence->tables) {
    needed += blocksOf(table.length + count, page) -
              static_cast<int64_t>(table.blocks.size()) + copies(table);
    if (copies(table) && !options.copy) {
      return cannotCopy();
    }
  }
  if (needed > pool.numAvailable()) {
    return outOfBlocks(needed, pool.numAvailable());
  }

  std::vector<int64_t> slots;
  slots.reserve(count * options.tables);
  std::vector<BlockCopy> copied;
  for (Table &table : sequence->tables) {
    if (copies(table)) {
      int32_t source = table.blocks.back();
      table.blocks.back() = pool.take();
      copied.push_back({source, table.blocks.back(),
                        static_cast<int32_t>(table.length % page)});
    } else if (count > 0 && table.length % page != 0) {
      pool.forget(table.blocks.back());
    }
    for (int64_t end = table.length + count; table.length < end;) {
      int64_t at = table.length % page;
      if (at == 0) {
        table.blocks.push_back(pool.take());
      }
      int64_t fill = std::min(page, at + end - table.length);
      int64_t first = table.blocks.back() * page;
      for (int64_t slot = at; slot < fill; ++slot) {
        slots.push_back(first + slot);
      }
      pool.setFill(table.blocks.back(), static_cast<int32_t>(fill));
      table.length += fill - at;
    }
  }
  if (!copied.empty()) {
    options.copy(copied, {});
    copiedBlocks += static_cast<int64_t>(copied.size());
    for (const BlockCopy &copy : copied) {
      pool.drop(copy.source);
    }
  }
  if (!tokens && count > 0) {
    sequence->forgetTokens();
  }
  if (sequence->hashable && options.prefixCache) {
    sequence->tokens.insert(sequence->tokens.end(), tokens, tokens + count);
  }
  return slots;
}

Result<std::vector<int64_t>>
KVCache::append(SequenceId sequence, const std::vector<int32_t> &tokens) {
  Lock lock(state->mutex);
  return state->append(sequence, tokens.data(),
                       static_cast<int64_t>(tokens.size()));
}

Result<std::vector<int64_t>> KVCache::reserve(SequenceId sequence,
                                              int64_t count) {
  Lock lock(state->mutex);
  return state->append(sequence, nullptr, count);
}

void KVCache::State::publish(Sequence &sequence) {
  if (!sequence.hashable || !options.prefixCache) {
    return;
  }
  const Table &table = sequence.tables[0];
  const int64_t page = options.pageSize;
  auto full = static_cast<size_t>(table.length / page);
  while (sequence.keys.size() < full) {
    size_t n = sequence.keys.size();
    PrefixKey key = kv::nextKey(n ? sequence.keys.back() : sequence.start,
                                sequence.tokens.data() + n * page, page);
    pool.publish(table.blocks[n], key);
    sequence.keys.push_back(key);
  }
}

Status KVCache::publish(SequenceId id) {
  Lock lock(state->mutex);
  Sequence *sequence;
  Status status = state->find(id, sequence);
  if (status.ok()) {
    state->publish(*sequence);
  }
  return status;
}

Result<SequenceId> KVCache::fork(SequenceId id) {
  Lock lock(state->mutex);
  Sequence *sequence;
  if (Status status = state->find(id, sequence); !status.ok()) {
    return status;
  }
  if (!state->options.copy) {
    return Status::usage("forks need a function that copies blocks");
  }
  Sequence copy = *sequence;
  for (const Table &table : copy.tables) {
    for (int32_t block : table.blocks) {
      state->pool.share(block);
    }
  }
  SequenceId made = state->nextId++;
  state->sequences.emplace(made, std::move(copy));
  return made;
}

// Gives back the blocks behind the first `length` tokens.
static void cut(BlockPool &pool, Table &table, int64_t length, int64_t page) {
  auto keep = static_cast<size_t>(blocksOf(length, page));
  while (table.blocks.size() > keep) {
    pool.drop(table.blocks.back());
    table.blocks.pop_back();
  }
  table.length = length;
  if (length % page == 0) {
    return;
  }
  const BlockPool::Block &last = pool[table.blocks.back()];
  if (last.references == 1 && last.key.isNone()) {
    pool.setFill(table.blocks.back(), static_cast<int32_t>(length % page));
  }
}

Status KVCache::truncate(SequenceId id, int64_t length) {
  Lock lock(state->mutex);
  Sequence *sequence;
  if (Status status = state->find(id, sequence); !status.ok()) {
    return status;
  }
  int64_t longest = 0;
  for (const Table &table : sequence->tables) {
    longest = std::max(longest, table.length);
  }
  if (length < 0 || length > longest) {
    return Status::usage("cannot cut " + std::to_string(longest) +
                         " tokens to " + std::to_string(length));
  }
  const int64_t page = state->options.pageSize;
  for (Table &table : sequence->tables) {
    if (length < table.length) {
      cut(state->pool, table, length, page);
    }
  }
  if (sequence->hashable && state->options.prefixCache) {
    sequence->tokens.resize(length);
    auto full = static_cast<size_t>(length / page);
    sequence->keys.resize(std::min(sequence->keys.size(), full));
  }
  return Status::success();
}

Status KVCache::evict(SequenceId id, int32_t number,
                      const std::vector<int64_t> &positions) {
  Lock lock(state->mutex);
  const Table *found;
  if (Status status = state->findTable(id, number, found); !status.ok()) {
    return status;
  }
  auto count = static_cast<int64_t>(positions.size());
  for (int64_t i = 0; i < count; ++i) {
    if (positions[i] < 0 || positions[i] >= found->length ||
        (i > 0 && positions[i] <= positions[i - 1])) {
      return Status::usage("expected ascending positions below " +
                           std::to_string(found->length));
    }
  }
  if (count == 0) {
    return Status::success();
  }
  BlockPool &pool = state->pool;
  const int64_t page = state->options.pageSize;
  const int64_t kept = found->length - count;
  auto firstTail = std::lower_bound(positions.begin(), positions.end(), kept);
  std::vector<int64_t> shared; // numbers of blocks with holes that others see
  for (auto hole = positions.begin(); hole != firstTail; ++hole) {
    int64_t n = *hole / page;
    if (pool[found->blocks[n]].references > 1 &&
        (shared.empty() || shared.back() != n)) {
      shared.push_back(n);
    }
  }
  if (!state->options.copy && firstTail != positions.begin()) {
    return Status::usage("eviction needs a function that moves slots");
  }
  auto needed = static_cast<int64_t>(shared.size());
  if (needed > pool.numAvailable()) {
    return outOfBlocks(needed, pool.numAvailable());
  }

  Sequence &sequence = state->sequences.find(id)->second;
  Table &table = sequence.tables[number];
  std::vector<BlockCopy> copies;
  for (int64_t n : shared) {
    int32_t source = table.blocks[n];
    table.blocks[n] = pool.take();
    auto fill = static_cast<int32_t>(std::min(page, table.length - n * page));
    pool.setFill(table.blocks[n], fill);
    copies.push_back({source, table.blocks[n], fill});
  }
  std::vector<SlotMove> moves;
  auto slot = [&](int64_t at) {
    return table.blocks[at / page] * page + at % page;
  };
  auto gone = firstTail;
  int64_t tail = kept;
  for (auto hole = positions.begin(); hole != firstTail; ++hole, ++tail) {
    while (gone != positions.end() && *gone == tail) {
      ++gone;
      ++tail;
    }
    pool.forget(table.blocks[*hole / page]);
    moves.push_back({slot(tail), slot(*hole)});
  }
  if (!moves.empty()) {
    state->options.copy(copies, moves);
  }
  state->copiedBlocks += needed;
  for (const BlockCopy &copy : copies) {
    pool.drop(copy.source);
  }
  cut(pool, table, kept, page);
  sequence.forgetTokens();
  return Status::success();
}

Status KVCache::release(SequenceId id) {
  Lock lock(state->mutex);
  Sequence *sequence;
  if (Status status = state->find(id, sequence); !status.ok()) {
    return status;
  }
  for (Table &table : sequence->tables) {
    cut(state->pool, table, 0, state->options.pageSize);
  }
  state->sequences.erase(id);
  return Status::success();
}

Result<int64_t> KVCache::length(SequenceId sequence, int32_t number) const {
  Lock lock(state->mutex);
  const Table *table;
  Status status = state->findTable(sequence, number, table);
  return status.ok() ? Result<int64_t>(table->length) : status;
}

Result<std::vector<int32_t>> KVCache::blockTable(SequenceId sequence,
                                                 int32_t number) const {
  Lock lock(state->mutex);
  const Table *table;
  Status status = state->findTable(sequence, number, table);
  return status.ok() ? Result<std::vector<int32_t>>(table->blocks) : status;
}

Status KVCache::fillTables(const std::vector<SequenceId> &sequences,
                           int32_t number, int32_t *tables, int64_t stride,
                           int32_t *lengths) const {
  Lock lock(state->mutex);
  std::vector<const Table *> found(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    Status status = state->findTable(sequences[i], number, found[i]);
    if (!status.ok()) {
      return status;
    }
    if (static_cast<int64_t>(found[i]->blocks.size()) > stride ||
        found[i]->length > INT32_MAX) {
      return Status::usage("sequence " + std::to_string(sequences[i]) +
                           " has more than " + std::to_string(stride) +
                           " blocks");
    }
  }
  for (const Table *table : found) {
    int32_t *end =
        std::copy(table->blocks.begin(), table->blocks.end(), tables);
    std::fill(end, tables + stride, BlockPool::kNone);
    tables += stride;
    *lengths++ = static_cast<int32_t>(table->length);
  }
  return Status::success();
}

KVCacheStats KVCache::stats() const {
  Lock lock(state->mutex);
  const BlockPool &pool = state->pool;
  KVCacheStats stats;
  stats.blocks = pool.size();
  stats.free = pool.numFree();
  stats.cached = pool.numCached();
  stats.used = pool.numUsed();
  stats.peakUsed = pool.peakUsed;
  stats.slotsUsed = pool.slotsUsed;
  stats.bytesUsed = state->options.bytesPerBlock * stats.used;
  stats.sequences = static_cast<int64_t>(state->sequences.size());
  for (const auto &entry : state->sequences) {
    for (const Table &table : entry.second.tables) {
      stats.tokens += table.length;
    }
  }
  stats.prefixQueries = state->prefixQueries;
  stats.prefixHits = state->prefixHits;
  stats.evictedPrefixes = pool.evictedPrefixes;
  stats.copiedBlocks = state->copiedBlocks;
  stats.operations = pool.operations;
  return stats;
}

void KVCache::forgetPrefixes() {
  Lock lock(state->mutex);
  state->pool.forgetCached();
}

Status KVCache::State::audit() const {
  std::vector<int32_t> references(pool.size()), fill(pool.size());
  for (const auto &[id, sequence] : sequences) {
    for (const Table &table : sequence.tables) {
      if (static_cast<int64_t>(table.blocks.size()) !=
          blocksOf(table.length, options.pageSize)) {
        return Status::runtime("sequence " + std::to_string(id) +
                               " has blocks for another length");
      }
      int64_t left = table.length;
      for (int32_t block : table.blocks) {
        ++references[block];
        fill[block] = std::max<int32_t>(
            fill[block],
            static_cast<int32_t>(std::min<int64_t>(left, options.pageSize)));
        left -= options.pageSize;
      }
    }
  }
  for (int32_t block = 0; block < pool.size(); ++block) {
    if (references[block] != pool[block].references ||
        fill[block] > pool[block].fill) {
      return Status::runtime("block " + std::to_string(block) +
                             " has other references or tokens than its counts");
    }
  }
  std::string wrong = pool.audit();
  return wrong.empty() ? Status::success() : Status::runtime(wrong);
}

Status KVCache::audit() const {
  Lock lock(state->mutex);
  return state->audit();
}

} // namespace attn::rt
