//===- PagedCases.cpp - attention on pages, axis by axis ------------------===//

#include "PagedCases.h"

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;

namespace {

const std::vector<int64_t> kPageSizes = {1, 3, 16, 64, 128};
const std::vector<DType> kTypes = {DType::kF32, DType::kBF16, DType::kF16};
const std::vector<int64_t> kGroups = {1, 4, 7, 8, 16};
/// The last one is a tree: bits that a region reads.
const std::vector<std::string> kMasks = {
    "#attn.causal", "#attn.window<15, 0>",
    "#attn.or<#attn.sink<4>, #attn.window<31, 0>>", ""};
constexpr int64_t kLayouts = 2, kForms = 3;

} // namespace

Case attn::sweep::pagedCase(const std::string &mask, const Lengths &lengths) {
  Case c;
  c.seed = 11;
  c.mask = mask;
  c.launches = {lengths};
  c.shapes = Shapes::kDynamicLengths;
  c.pageSize = 16;
  return c;
}

std::vector<Case> attn::sweep::pagedForms(const std::string &mask) {
  Case decode = pagedCase(mask, {{1, 1, 1}, {300, 300, 300}});
  decode.kvLens = KvLens::kSome;
  Case chunk = pagedCase(mask, {{70, 70}, {200, 200}});
  chunk.kvLens = KvLens::kSome;
  Case ragged = pagedCase(mask, {{1, 0, 40, 9, 3}, {150, 20, 40, 0, 257}});
  ragged.layout = Layout::kThd;
  return {decode, chunk, ragged};
}

int64_t attn::sweep::countPagedCases() {
  return static_cast<int64_t>(kPageSizes.size() * kTypes.size() *
                              kGroups.size() * kMasks.size()) *
         kLayouts * kForms;
}

Case attn::sweep::pagedCaseAt(int64_t number) {
  int64_t rest = number;
  auto take = [&](size_t count) {
    auto here = static_cast<size_t>(rest) % count;
    rest /= static_cast<int64_t>(count);
    return here;
  };
  size_t form = take(kForms);
  const std::string &mask = kMasks[take(kMasks.size())];
  Case c = pagedForms(mask)[form];
  if (mask.empty()) {
    c.region = Region::kBits;
  }
  c.keyHeads = 2;
  c.heads = 2 * kGroups[take(kGroups.size())];
  c.dtype = c.outType = kTypes[take(kTypes.size())];
  c.nhd = take(kLayouts) == 1;
  c.pageSize = kPageSizes[take(kPageSizes.size())];
  c.seed = static_cast<uint64_t>(number) + 1;
  c.pageSeed = c.seed;
  return c;
}
