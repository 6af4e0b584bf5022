//===- MaskRegion.cpp - mask regions of the sweep -------------------------===//
// One for each rung of the ladder: bounds by an ascending tensor, lists of
// tiles by zone maps, by bits of a pair and by lists of blocks, and arithmetic
// that is raised to sets. What is read is a formula, so that the predicate
// needs no tensor.
//===----------------------------------------------------------------------===//

#include "MaskRegion.h"

#include <algorithm>

using namespace attn;
using namespace attn::sweep;

namespace {

constexpr int64_t kDocument = 41, kBlock = 16, kListed = 2, kWord = 32;

int64_t blocksOf(int64_t length) { return (length + kBlock - 1) / kBlock; }

int64_t listed(int64_t block, int64_t n, int64_t blocks) {
  return n == 1 && block % 3 == 0 ? -1 : (block * 7 + n * 5) % blocks;
}

/// Stripes of zeros and of ones among other words, so that tiles of all kinds
/// occur.
int64_t word(int64_t row, int64_t n) {
  int64_t kind = (row / 23 + n) % 4;
  return kind == 0 ? 0 : kind == 1 ? -1 : 0x5a5af00f ^ (row * 2654435 + n);
}

/// The least length of what is read: indices past it read the last element.
int64_t lengthOf(const Lengths &lengths) {
  int64_t length = 1;
  for (int64_t keys : lengths.keys) {
    length = std::max(length, keys);
  }
  return length;
}

} // namespace

std::optional<MaskRegion> attn::sweep::maskRegionOf(const Case &c,
                                                    const Lengths &lengths) {
  int64_t length = lengthOf(lengths);
  auto clamped = [length](int64_t at) {
    return std::clamp<int64_t>(at, 0, length - 1);
  };
  MaskRegion region;
  switch (c.region) {
  case Region::kNone:
    return std::nullopt;
  case Region::kDocuments:
  case Region::kStarts: {
    bool starts = c.region == Region::kStarts;
    region.shape = {length};
    for (int64_t n = 0; n < length; ++n) {
      region.values.push_back(n / kDocument * (starts ? kDocument : 1));
    }
    region.visible = [=](const ref::Point &p) {
      int64_t mine = clamped(p.q) / kDocument;
      return starts ? p.k >= mine * kDocument
                    : mine == clamped(p.k) / kDocument;
    };
    return region;
  }
  case Region::kBits: {
    int64_t words = (length + kWord - 1) / kWord;
    region.shape = {length, words};
    for (int64_t n = 0; n < length * words; ++n) {
      region.values.push_back(static_cast<int32_t>(word(n / words, n % words)));
    }
    region.visible = [=](const ref::Point &p) {
      return (word(clamped(p.q), p.k / kWord) >> (p.k % kWord) & 1) != 0;
    };
    return region;
  }
  case Region::kLists: {
    int64_t blocks = blocksOf(length);
    region.shape = {blocks, kListed};
    for (int64_t n = 0; n < blocks * kListed; ++n) {
      region.values.push_back(listed(n / kListed, n % kListed, blocks));
    }
    region.visible = [=](const ref::Point &p) {
      int64_t mine = p.q < 0 ? 0 : std::min(p.q / kBlock, blocks - 1);
      return listed(mine, 0, blocks) == p.k / kBlock ||
             listed(mine, 1, blocks) == p.k / kBlock;
    };
    return region;
  }
  case Region::kAffine:
    region.visible = [](const ref::Point &p) {
      return (p.q - p.k) % 3 == 0 || (p.k < 20) != (p.q - p.k >= 30);
    };
    return region;
  }
  return std::nullopt;
}

ref::MaskFn attn::sweep::visibleOf(const Case &c, const Lengths &lengths) {
  ref::MaskFn visible = maskOf(c.mask).visible;
  std::optional<MaskRegion> region = maskRegionOf(c, lengths);
  if (!region) {
    return visible;
  }
  return visible ? ref::both(visible, region->visible) : region->visible;
}

std::string attn::sweep::maskClause(const Case &c, const std::string &type) {
  if (c.region == Region::kNone) {
    return c.mask.empty() ? "" : " mask(" + c.mask + ")";
  }
  if (c.region == Region::kLists) {
    return " mask(" + (c.mask.empty() ? "" : "(" + c.mask + ") and ") +
           "#attn.blocks<" + std::to_string(kBlock) + ">(%masked : " + type +
           "))";
  }
  auto at = [&](const std::string &map, const std::string &mark = "") {
    return "%masked at affine_map<(b, h, i, j) -> " + map + ">" + mark + " : " +
           type;
  };
  std::string captured, arguments, body;
  switch (c.region) {
  case Region::kDocuments:
    captured = "(" + at("(i)") + ", " + at("(j)") + ")";
    arguments = "%mine: i32, %other: i32, ";
    body = "    %visible = arith.cmpi eq, %mine, %other : i32\n";
    break;
  case Region::kStarts:
    captured = "(" + at("(i)", " ascending") + ")";
    arguments = "%start: i32, ";
    body = "    %first = arith.index_cast %start : i32 to index\n"
           "    %visible = arith.cmpi sge, %j, %first : index\n";
    break;
  case Region::kBits:
    captured = "(" + at("(i, j floordiv 32)") + ")";
    arguments = "%word: i32, ";
    body = "    %c32 = arith.constant 32 : index\n"
           "    %rest = arith.remsi %j, %c32 : index\n"
           "    %n = arith.index_cast %rest : index to i32\n"
           "    %bit = arith.shrui %word, %n : i32\n"
           "    %visible = arith.trunci %bit : i32 to i1\n";
    break;
  default:
    body = "    %zero = arith.constant 0 : index\n"
           "    %three = arith.constant 3 : index\n"
           "    %twenty = arith.constant 20 : index\n"
           "    %thirty = arith.constant 30 : index\n"
           "    %d = arith.subi %i, %j : index\n"
           "    %rest = arith.remsi %d, %three : index\n"
           "    %dilated = arith.cmpi eq, %rest, %zero : index\n"
           "    %first = arith.cmpi slt, %j, %twenty : index\n"
           "    %far = arith.cmpi sge, %d, %thirty : index\n"
           "    %one = arith.xori %first, %far : i1\n"
           "    %visible = arith.ori %dilated, %one : i1\n";
    break;
  }
  return (c.mask.empty() ? " mask" : " mask(" + c.mask + ") and") + captured +
         " {\n  ^bb0(" + arguments +
         "%b: index, %h: index, %i: index, %j: index):\n" + body +
         "    attn.yield %visible : i1\n  }";
}
