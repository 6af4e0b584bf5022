//===- SaveRestore.cpp - a KV cache in a file -----------------------------===//
// "attnkv01", numbers in little endian, the data of blocks, SHA-256 of all
// that in hex. Reference counts are not stored: they follow from the tables.
//===----------------------------------------------------------------------===//

#include "State.h"

#include "attn/Runtime/File.h"
#include "attn/Runtime/Hash.h"

#include <cstring>
#include <limits>

namespace attn::rt {

using kv::BlockPool;
using kv::PrefixKey;
using kv::Sequence;
using kv::Table;

namespace {

constexpr std::string_view kMagic = "attnkv01";
constexpr size_t kHashSize = 64;

class Writer {
public:
  template <typename T> void put(T value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  template <typename T> void putAll(const std::vector<T> &values) {
    put<uint64_t>(values.size());
    bytes.append(reinterpret_cast<const char *>(values.data()),
                 values.size() * sizeof(T));
  }
  std::string bytes;
};

/// Reads what Writer wrote. After a read past the end all values are 0, and
/// `ok` is false.
class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes(bytes) {}

  template <typename T> T get() {
    T value{};
    std::string_view from = take(sizeof value);
    if (ok) {
      std::memcpy(&value, from.data(), sizeof value);
    }
    return value;
  }
  template <typename T> std::vector<T> getAll() {
    auto count = get<uint64_t>();
    ok = ok && count <= bytes.size() / sizeof(T);
    std::string_view from = take(ok ? count * sizeof(T) : 0);
    std::vector<T> values(ok ? count : 0);
    if (!values.empty()) {
      std::memcpy(values.data(), from.data(), from.size());
    }
    return values;
  }
  std::string_view take(size_t count) {
    ok = ok && count <= bytes.size();
    if (!ok) {
      return {};
    }
    std::string_view taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return taken;
  }
  bool atEnd() const { return ok && bytes.empty(); }

  bool ok = true;

private:
  std::string_view bytes;
};

bool holdsData(const BlockPool::Block &block) {
  return block.references > 0 || !block.key.isNone();
}

bool readSequence(Reader &in, const KVCacheOptions &options,
                  std::vector<BlockPool::Block> &blocks, Sequence &sequence) {
  const int64_t page = options.pageSize;
  sequence.hashable = in.get<uint8_t>() != 0;
  sequence.start = in.get<PrefixKey>();
  sequence.keys = in.getAll<PrefixKey>();
  sequence.tokens = in.getAll<int32_t>();
  for (int32_t i = 0; i < options.tables && in.ok; ++i) {
    Table table;
    table.length = in.get<int64_t>();
    table.blocks = in.getAll<int32_t>();
    auto count = static_cast<int64_t>(table.blocks.size());
    if (table.length < 0 || table.length > count * page ||
        table.length <= (count - 1) * page) {
      return false;
    }
    for (int32_t block : table.blocks) {
      if (block < 0 || block >= options.blocks) {
        return false;
      }
      ++blocks[block].references;
    }
    sequence.tables.push_back(std::move(table));
  }
  if (!in.ok) {
    return false;
  }
  bool known = sequence.hashable && options.prefixCache;
  int64_t length = sequence.tables[0].length;
  return static_cast<int64_t>(sequence.tokens.size()) == (known ? length : 0) &&
         static_cast<int64_t>(sequence.keys.size()) * page <= length;
}

} // namespace

Status KVCache::save(const std::string &path,
                     const std::vector<std::string_view> &pools) const {
  std::lock_guard<std::mutex> lock(state->mutex);
  const KVCacheOptions &options = state->options;
  const BlockPool &pool = state->pool;
  Writer out;
  out.bytes = kMagic;
  out.put(options.blocks);
  out.put(options.pageSize);
  out.put(options.tables);
  out.put(options.bytesPerBlock);
  out.put<uint8_t>(options.prefixCache);
  out.put(state->nextId);
  for (int32_t i = 0; i < pool.size(); ++i) {
    out.put(pool[i].fill);
    out.put(pool[i].key);
  }
  out.putAll(pool.cachedOrder());
  out.put<uint64_t>(state->sequences.size());
  for (const auto &[id, sequence] : state->sequences) {
    out.put(id);
    out.put<uint8_t>(sequence.hashable);
    out.put(sequence.start);
    out.putAll(sequence.keys);
    bool known = sequence.hashable && options.prefixCache;
    out.putAll(known ? sequence.tokens : std::vector<int32_t>());
    for (const Table &table : sequence.tables) {
      out.put(table.length);
      out.putAll(table.blocks);
    }
  }
  out.put<uint64_t>(pools.size());
  for (std::string_view data : pools) {
    if (data.size() % options.blocks != 0) {
      return Status::usage("a pool of " + std::to_string(data.size()) +
                           " bytes does not divide into " +
                           std::to_string(options.blocks) + " blocks");
    }
    size_t size = data.size() / options.blocks;
    out.put<uint64_t>(size);
    for (int32_t i = 0; i < pool.size(); ++i) {
      if (holdsData(pool[i])) {
        out.bytes += data.substr(i * size, size);
      }
    }
  }
  return writeFileAtomically(path, {out.bytes, sha256Hex(out.bytes)});
}

Result<std::unique_ptr<KVCache>>
KVCache::restore(const std::string &path, CopyBlocks copy,
                 const std::vector<std::pair<char *, size_t>> &pools) {
  auto bad = [&](const char *why) {
    return Status::badInput(path + ": " + why);
  };
  Result<std::string> file =
      readFile(path, std::numeric_limits<int64_t>::max());
  if (!file) {
    return file.status();
  }
  std::string_view bytes = *file;
  if (bytes.size() < kMagic.size() + kHashSize ||
      bytes.substr(0, kMagic.size()) != kMagic) {
    return bad("this is no saved KV cache");
  }
  std::string_view body = bytes.substr(0, bytes.size() - kHashSize);
  if (sha256Hex(body) != bytes.substr(body.size())) {
    return bad("the file is damaged");
  }
  Reader in(body.substr(kMagic.size()));
  KVCacheOptions options;
  options.blocks = in.get<int32_t>();
  options.pageSize = in.get<int32_t>();
  options.tables = in.get<int32_t>();
  options.bytesPerBlock = in.get<int64_t>();
  options.prefixCache = in.get<uint8_t>() != 0;
  options.copy = std::move(copy);
  constexpr size_t kBlockBytes = sizeof(int32_t) + sizeof(PrefixKey);
  if (!in.ok || options.blocks < 1 ||
      options.blocks > static_cast<int64_t>(body.size() / kBlockBytes)) {
    return bad("the file is damaged");
  }
  Result<std::unique_ptr<KVCache>> made = create(std::move(options));
  if (!made) {
    return made.status();
  }
  State &state = *(*made)->state;
  state.nextId = in.get<SequenceId>();
  std::vector<BlockPool::Block> blocks(state.options.blocks);
  for (BlockPool::Block &block : blocks) {
    block.fill = in.get<int32_t>();
    block.key = in.get<PrefixKey>();
    if (block.fill < 0 || block.fill > state.options.pageSize) {
      return bad("the file is damaged");
    }
  }
  auto cached = in.getAll<int32_t>();
  for (auto left = in.get<uint64_t>(); left > 0 && in.ok; --left) {
    auto id = in.get<SequenceId>();
    Sequence sequence;
    if (id >= state.nextId ||
        !readSequence(in, state.options, blocks, sequence) ||
        !state.sequences.emplace(id, std::move(sequence)).second) {
      return bad("the file is damaged");
    }
  }
  std::vector<char> isCached(blocks.size());
  for (int32_t block : cached) {
    if (block < 0 || block >= state.options.blocks || isCached[block]++) {
      return bad("the file is damaged");
    }
  }
  state.pool.restore(blocks, cached);
  if (!in.ok || !state.audit().ok()) {
    return bad("the file is damaged");
  }
  if (in.get<uint64_t>() != pools.size()) {
    return bad("the file holds another number of pools");
  }
  // Everything is checked before a pool changes.
  std::vector<std::string_view> saved;
  size_t numLive = 0;
  for (const BlockPool::Block &block : blocks) {
    numLive += holdsData(block);
  }
  for (auto [data, size] : pools) {
    auto perBlock = in.get<uint64_t>();
    if (!in.ok || size % blocks.size() != 0 ||
        perBlock != size / blocks.size()) {
      return bad("the file holds pools of other sizes");
    }
    saved.push_back(in.take(numLive * perBlock));
  }
  if (!in.atEnd()) {
    return bad("the file is damaged");
  }
  for (size_t n = 0; n < pools.size(); ++n) {
    size_t perBlock = pools[n].second / blocks.size(), from = 0;
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (holdsData(blocks[i])) {
        std::memcpy(pools[n].first + i * perBlock, saved[n].data() + from,
                    perBlock);
        from += perBlock;
      }
    }
  }
  return made;
}

} // namespace attn::rt
