//===- BlockPool.cpp - blocks, reference counts and known prefixes --------===//

#include "BlockPool.h"

#include <algorithm>

namespace attn::rt::kv {

// The finaliser of SplitMix64. Two independent streams make 128 bits, so that
// two prefixes of a cache meet with a chance of n^2 / 2^129.
static uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

PrefixKey firstKey(uint64_t salt) {
  return {mix(salt + 0x9e3779b97f4a7c15u), mix(salt ^ 0xd1b54a32d192ed03u)};
}

PrefixKey nextKey(PrefixKey before, const int32_t *tokens, size_t count) {
  PrefixKey key = before;
  for (size_t i = 0; i < count; ++i) {
    auto token = static_cast<uint32_t>(tokens[i]);
    key.low = mix((key.low ^ token) + 0x9e3779b97f4a7c15u);
    key.high = mix((key.high + token) * 0xd6e8feb86659fd93u + 1);
  }
  if (key.isNone()) {
    key.low = 1;
  }
  return key;
}

BlockPool::BlockPool(int32_t count) : blocks(count), free(count) {
  for (int32_t i = 0; i < count; ++i) {
    free[i] = count - 1 - i; // low numbers first
  }
  known.reserve(count);
}

void BlockPool::unlink(int32_t block) {
  Block &b = blocks[block];
  (b.previous == kNone ? oldest : blocks[b.previous].next) = b.next;
  (b.next == kNone ? newest : blocks[b.next].previous) = b.previous;
  b.previous = b.next = kNone;
  --cachedCount;
}

void BlockPool::linkLast(int32_t block) {
  Block &b = blocks[block];
  b.previous = newest;
  b.next = kNone;
  (newest == kNone ? oldest : blocks[newest].next) = block;
  newest = block;
  ++cachedCount;
}

int32_t BlockPool::take() {
  int32_t block;
  if (!free.empty()) {
    block = free.back();
    free.pop_back();
  } else {
    block = oldest;
    unlink(block);
    forget(block);
    ++evictedPrefixes;
  }
  blocks[block].references = 1;
  blocks[block].fill = 0;
  peakUsed = std::max(peakUsed, numUsed());
  ++operations;
  return block;
}

void BlockPool::share(int32_t block) {
  Block &b = blocks[block];
  if (b.references++ == 0) {
    unlink(block);
    slotsUsed += b.fill;
    peakUsed = std::max(peakUsed, numUsed());
  }
  ++operations;
}

void BlockPool::drop(int32_t block) {
  Block &b = blocks[block];
  ++operations;
  if (--b.references > 0) {
    return;
  }
  slotsUsed -= b.fill;
  if (b.key.isNone()) {
    b.fill = 0;
    free.push_back(block);
  } else {
    linkLast(block);
  }
}

void BlockPool::setFill(int32_t block, int32_t fill) {
  slotsUsed += fill - blocks[block].fill;
  blocks[block].fill = fill;
}

int32_t BlockPool::find(PrefixKey key) const {
  auto found = known.find(key);
  return found == known.end() ? kNone : found->second;
}

void BlockPool::publish(int32_t block, PrefixKey key) {
  if (blocks[block].key.isNone() && known.emplace(key, block).second) {
    blocks[block].key = key;
  }
}

void BlockPool::forget(int32_t block) {
  if (!blocks[block].key.isNone()) {
    known.erase(blocks[block].key);
    blocks[block].key = {};
  }
}

void BlockPool::forgetCached() {
  while (oldest != kNone) {
    int32_t block = oldest;
    unlink(block);
    forget(block);
    blocks[block].fill = 0;
    free.push_back(block);
  }
}

std::vector<int32_t> BlockPool::cachedOrder() const {
  std::vector<int32_t> order;
  for (int32_t block = oldest; block != kNone; block = blocks[block].next) {
    order.push_back(block);
  }
  return order;
}

void BlockPool::restore(const std::vector<Block> &states,
                        const std::vector<int32_t> &cached) {
  blocks = states;
  for (int32_t block = 0; block < size(); ++block) {
    Block &b = blocks[block];
    b.previous = b.next = kNone;
    if (!b.key.isNone()) {
      known.emplace(b.key, block);
    }
    slotsUsed += b.references ? b.fill : 0;
  }
  free.erase(std::remove_if(free.begin(), free.end(),
                            [&](int32_t block) {
                              return blocks[block].references > 0 ||
                                     !blocks[block].key.isNone();
                            }),
             free.end());
  for (int32_t block : cached) {
    linkLast(block);
  }
  peakUsed = numUsed();
}

std::string BlockPool::audit() const {
  std::vector<int> places(blocks.size());
  for (int32_t block : free) {
    ++places[block];
    if (blocks[block].references || !blocks[block].key.isNone()) {
      return "free block " + std::to_string(block) + " is in use";
    }
  }
  std::vector<int32_t> cached = cachedOrder();
  if (static_cast<int32_t>(cached.size()) != cachedCount) {
    return "the list of cached blocks has another length than its count";
  }
  for (int32_t block : cached) {
    ++places[block];
    if (blocks[block].references || blocks[block].key.isNone()) {
      return "cached block " + std::to_string(block) +
             " has no prefix or is "
             "in use";
    }
  }
  int64_t slots = 0;
  size_t keys = 0;
  for (int32_t block = 0; block < size(); ++block) {
    const Block &b = blocks[block];
    places[block] += b.references > 0;
    slots += b.references ? b.fill : 0;
    if (places[block] != 1) {
      return "block " + std::to_string(block) + " is in " +
             std::to_string(places[block]) + " places";
    }
    keys += !b.key.isNone();
    if (!b.key.isNone() && find(b.key) != block) {
      return "block " + std::to_string(block) + " is not known by its prefix";
    }
  }
  if (keys != known.size()) {
    return "prefixes are known whose blocks are not";
  }
  return slots == slotsUsed ? "" : "the count of used slots is wrong";
}

} // namespace attn::rt::kv
