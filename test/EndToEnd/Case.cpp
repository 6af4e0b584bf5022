//===- Case.cpp - choose attention problems -------------------------------===//

#include "Case.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;

uint64_t Random::next() {
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

const std::vector<Mask> &attn::sweep::allMasks() {
  using namespace attn::ref;
  auto band = [](int64_t l, int64_t r) {
    return std::optional<std::pair<int64_t, int64_t>>({l, r});
  };
  static const std::vector<Mask> masks = {
      {"", nullptr, {}},
      {"#attn.causal", causal(), {}},
      {"#attn.window<15, 0>", window(15, 0), band(15, 0)},
      {"#attn.window<127, 64>", window(127, 64), band(127, 64)},
      {"#attn.window<-1, 3>", window(-1, 3), {}},
      {"#attn.window<5, -1>", window(5, -1), {}},
      {"#attn.window<0, 0>", window(0, 0), band(0, 0)},
      {"#attn.window<-1, -1>", window(-1, -1), {}},
      {"#attn.sink<7>", prefix(7), {}},
      {"#attn.sink<0>", prefix(0), {}},
      {"#attn.or<#attn.sink<4>, #attn.window<31, 0>>",
       either(prefix(4), window(31, 0)),
       {}},
      {"#attn.and<#attn.causal, #attn.sink<100>>",
       both(causal(), prefix(100)),
       {}},
      {"#attn.and<#attn.causal, #attn.window<40, 40>>",
       both(causal(), window(40, 40)), band(40, 40)},
      {"#attn.and<#attn.causal, #attn.or<#attn.sink<2>, #attn.window<63, 0>>>",
       both(causal(), either(prefix(2), window(63, 0))),
       {}},
      {"#attn.or<#attn.causal, #attn.prefix<50>>",
       either(causal(), prefix(50)),
       {}},
      {"#attn.or<#attn.global<5>, #attn.window<20, 20>>",
       either(global(5), window(20, 20)),
       {}},
      {"#attn.chunk<48>", chunk(48), {}},
      {"#attn.and<#attn.causal, #attn.chunk<33>>",
       both(causal(), chunk(33)),
       {}},
      {"#attn.dilated<3>", dilated(3), {}},
      {"#attn.and<#attn.dilated<2>, #attn.window<30, 0>>",
       both(dilated(2), window(30, 0)), band(30, 0)},
      {"#attn.and<#attn.causal, #attn.not<#attn.window<10, 0>>>",
       both(causal(), negate(window(10, 0))),
       {}},
      {"#attn.or<#attn.and<#attn.set<affine_map<(b, h, q, k) -> (1 - h)>>, "
       "#attn.window<9, 9>>, #attn.and<#attn.dilated<4>, "
       "#attn.set<affine_map<(b, h, q, k) -> (h - 2, q - k + 36, k - q + "
       "36)>>>>",
       [](const Point &p) {
         return p.h <= 1 ? p.q - 9 <= p.k && p.k <= p.q + 9
                         : p.q - 36 <= p.k && p.k <= p.q + 36 &&
                               (p.q - p.k) % 4 == 0;
       },
       band(36, 36)},
      {"#attn.set<affine_map<(b, h, q, k) -> (2 * q - 3 * k + 7, k - b * 4)>>",
       [](const Point &p) {
         return 2 * p.q - 3 * p.k + 7 >= 0 && p.k >= p.b * 4;
       },
       {}},
      {"#attn.set<affine_map<(b, h, q, k)[l, r] -> (q - k + r, k - q + "
       "l)>>[%left, %reach] and not #attn.prefix<4> or #attn.global<2>",
       either(both(window(70, 5), negate(prefix(4))), global(2)),
       {}},
  };
  return masks;
}

const Mask &attn::sweep::maskOf(const std::string &text) {
  for (const Mask &mask : allMasks()) {
    if (mask.text == text) {
      return mask;
    }
  }
  std::fprintf(stderr, "no such mask in the sweep: %s\n", text.c_str());
  std::abort();
}

//===----------------------------------------------------------------------===//
// Case
//===----------------------------------------------------------------------===//

std::vector<int64_t> Case::kvLengthsAt(const Lengths &lengths) const {
  std::vector<int64_t> values;
  if (kvLens == KvLens::kNone) {
    return values;
  }
  Random random(seed ^ 0x6b76);
  for (size_t b = 0; b < lengths.keys.size(); ++b) {
    int64_t keys = lengths.keys[b];
    if (kvLens == KvLens::kSome) {
      values.push_back(random.below(keys + 1));
    } else {
      // None, all, and more than there are.
      int64_t extremes[] = {0, keys, keys + 100};
      values.push_back(extremes[b % 3]);
    }
  }
  return values;
}

std::vector<int64_t> Case::keysInUse(const Lengths &lengths) const {
  std::vector<int64_t> keys = lengths.keys;
  std::vector<int64_t> values = kvLengthsAt(lengths);
  for (size_t b = 0; b < values.size(); ++b) {
    keys[b] = std::clamp<int64_t>(values[b], 0, keys[b]);
  }
  return keys;
}

std::vector<int64_t> Case::offsetsAt(const Lengths &lengths) const {
  std::vector<int64_t> offsets = keysInUse(lengths);
  for (size_t b = 0; b < offsets.size(); ++b) {
    offsets[b] = offset ? *offset : offsets[b] - lengths.queries[b];
  }
  return offsets;
}

double Case::work() const {
  double most = 0;
  for (const Lengths &lengths : launches) {
    double pairs = 0;
    for (size_t b = 0; b < lengths.keys.size(); ++b) {
      pairs += static_cast<double>(lengths.queries[b]) *
               static_cast<double>(lengths.keys[b]);
    }
    most = std::max(most, pairs);
  }
  return most * static_cast<double>(heads * (size + valueSize));
}

namespace {

const char *text(Layout layout) {
  return layout == Layout::kBhsd   ? "bhsd"
         : layout == Layout::kBshd ? "bshd"
                                   : "thd";
}
const char *text(Shapes shapes) {
  const char *names[] = {"static", "dynamic-lengths", "dynamic"};
  return names[static_cast<int>(shapes)];
}
const char *text(Inputs inputs) {
  const char *names[] = {"separate", "packed-heads", "packed-sizes",
                         "value-in-key"};
  return names[static_cast<int>(inputs)];
}
const char *text(Outs outs) {
  const char *names[] = {"empty", "donated", "memref"};
  return names[static_cast<int>(outs)];
}
const char *text(KvLens lens) {
  const char *names[] = {"none", "some", "extreme"};
  return names[static_cast<int>(lens)];
}
const char *text(Sinks sinks) {
  const char *names[] = {"none", "finite", "infinite"};
  return names[static_cast<int>(sinks)];
}
const char *text(Score score) {
  const char *names[] = {"none",  "soft-cap", "soft-cap-read", "alibi",
                         "bias",  "key-bias", "relative",      "band",
                         "point", "branch"};
  return names[static_cast<int>(score)];
}

const char *text(Region region) {
  const char *names[] = {"none", "documents", "starts",
                         "bits", "lists",     "affine"};
  return names[static_cast<int>(region)];
}

/// The kind of problem that sizes make: which form is chosen and where its
/// tails lie.
std::string lengthKind(const Lengths &lengths) {
  int64_t queries = 0, keys = 0;
  for (size_t b = 0; b < lengths.keys.size(); ++b) {
    queries = std::max(queries, lengths.queries[b]);
    keys = std::max(keys, lengths.keys[b]);
  }
  auto bucket = [](int64_t n) {
    return n < 2     ? std::to_string(n)
           : n < 17  ? "few"
           : n < 130 ? "some"
                     : "many";
  };
  return bucket(queries) + "x" + bucket(keys) + (queries > keys ? "-long" : "");
}

} // namespace

std::string Case::describe() const {
  std::string line = "seed " + std::to_string(seed) + ", target " +
                     options.target + ", rows " + std::to_string(options.rows) +
                     ", keys " + std::to_string(options.keys) + ", split " +
                     std::to_string(options.split) +
                     (options.openmp ? "" : ", no openmp");
  for (const std::string &feature : features()) {
    if (feature.find("=none") == std::string::npos) {
      line += ", " + feature;
    }
  }
  return line;
}

std::vector<std::string> Case::features() const {
  std::vector<std::string> all = {
      "mask=" + (mask.empty() ? "none" : mask),
      std::string("region=") + text(region),
      std::string("dtype=") + rt::nameOf(dtype),
      std::string("out=") + rt::nameOf(outType),
      std::string("tf32=") + (tf32 ? "yes" : "none"),
      std::string("layout=") + text(layout),
      "heads=" + std::to_string(heads) + "/" + std::to_string(keyHeads),
      "size=" + std::to_string(size) + "/" + std::to_string(valueSize),
      std::string("shapes=") + text(shapes),
      std::string("inputs=") + text(inputs),
      std::string("outs=") + text(outs),
      std::string("kv_lens=") + text(kvLens),
      std::string("sinks=") + text(sinks),
      std::string("score=") + text(score),
      std::string("lse=") + (lse ? "yes" : "none"),
      "scale=" + (scale ? std::to_string(*scale) : "none"),
      "offset=" + (offset ? std::to_string(*offset) : "none"),
      std::string("poison=") +
          (poison == Poison::kHidden ? "hidden" : "lengths"),
      "pages=" + (paged() ? std::to_string(pageSize) + (nhd ? " nhd" : " hnd")
                          : "none"),
      "target=" + options.target,
      std::string("openmp=") + (options.openmp ? "yes" : "no"),
      "tiles=" + std::to_string(options.rows) + "," +
          std::to_string(options.keys) + "," + std::to_string(options.split),
  };
  for (const Lengths &lengths : launches) {
    all.push_back("lengths=" + lengthKind(lengths));
  }
  return all;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

namespace {

void chooseTiles(Random &random, Schedule &options) {
  // Small tiles make many of them, and many splits, out of few keys.
  const std::vector<std::vector<int64_t>> tiles = {
      {0, 0, 0},    {0, 0, 0},   {16, 16, 16},  {32, 48, 64},
      {64, 24, 40}, {48, 8, 96}, {96, 128, 512}};
  const auto &choice = random.pick(tiles);
  options.rows = choice[0];
  options.keys = choice[1];
  options.split = choice[2];
  options.openmp = !random.oneIn(4);
  options.target = random.pick<std::string>(
      {"host", "host", "host", "x86-64-v4", "x86-64-v3", "x86-64-v2"});
}

Lengths chooseLengths(Random &random, const Case &c, int64_t batch,
                      bool square) {
  Lengths lengths;
  if (c.ragged()) {
    const std::vector<int64_t> some = {0, 1, 3, 5, 17, 64, 127, 129, 300};
    bool decode = random.oneIn(3);
    for (int64_t b = 0; b < batch; ++b) {
      int64_t keys = random.oneIn(8) ? 1000 : random.pick(some);
      int64_t queries = decode            ? random.below(3)
                        : random.oneIn(3) ? random.pick(some)
                                          : keys;
      lengths.keys.push_back(keys);
      lengths.queries.push_back(square ? keys : queries);
    }
    return lengths;
  }
  const std::vector<std::pair<int64_t, int64_t>> sizes = {
      {0, 0},     {0, 5},     {5, 0},       {1, 0},      {1, 1},
      {3, 3},     {1, 127},   {1, 1000},    {1, 4097},   {2, 64},
      {5, 127},   {5, 1000},  {16, 300},    {64, 64},    {127, 127},
      {128, 128}, {129, 129}, {129, 127},   {127, 1000}, {1000, 127},
      {256, 256}, {300, 5},   {1000, 1000}, {4097, 129}, {1023, 1}};
  auto [queries, keys] = random.pick(sizes);
  if (square) {
    queries = keys;
  }
  lengths.queries.assign(static_cast<size_t>(batch), queries);
  lengths.keys.assign(static_cast<size_t>(batch), keys);
  return lengths;
}

void shrink(Case &c, double maxWork) {
  while (c.work() > maxWork) {
    if (c.heads > c.keyHeads || c.heads > 4) {
      c.heads = std::max(c.heads / 2, int64_t(1));
      c.keyHeads = std::max(c.keyHeads / 2, int64_t(1));
      // Keep the group whole.
      c.heads -= c.heads % c.keyHeads;
      if (c.work() <= maxWork) {
        return;
      }
    }
    for (Lengths &lengths : c.launches) {
      for (size_t b = 0; b < lengths.keys.size(); ++b) {
        int64_t &queries = lengths.queries[b], &keys = lengths.keys[b];
        bool square = queries == keys;
        int64_t &larger = queries > keys ? queries : keys;
        larger = larger * 2 / 3;
        if (square) {
          queries = keys = std::min(queries, keys);
        }
      }
    }
  }
}

} // namespace

Case attn::sweep::randomCase(uint64_t seed, double maxWork) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.dtype = random.pick<DType>(
      {DType::kF32, DType::kF32, DType::kBF16, DType::kF16, DType::kF64});
  c.outType = c.dtype;
  // By numbers of its own, so that other choices stay those of the seed.
  c.tf32 = c.dtype == DType::kF32 && Random(~seed).oneIn(3);
  if ((c.dtype == DType::kBF16 || c.dtype == DType::kF16) && random.oneIn(4)) {
    c.outType = DType::kF32;
  }
  c.layout = random.pick<Layout>({Layout::kBhsd, Layout::kBshd, Layout::kThd});
  c.mask = random.oneIn(5) ? "#attn.causal" : random.pick(allMasks()).text;
  if (random.oneIn(3)) {
    c.region = static_cast<Region>(1 + random.below(5));
  }
  const std::vector<std::pair<int64_t, int64_t>> heads = {
      {1, 1}, {4, 4}, {8, 2}, {4, 1}, {7, 1}, {6, 3}};
  std::tie(c.heads, c.keyHeads) = random.pick(heads);
  const std::vector<std::pair<int64_t, int64_t>> sizes = {
      {1, 1},     {5, 5},   {16, 16},   {40, 40},   {64, 64},
      {80, 80},   {96, 96}, {128, 128}, {256, 256}, {192, 128},
      {576, 512}, {5, 16},  {64, 1},    {33, 47}};
  std::tie(c.size, c.valueSize) = random.pick(sizes);
  c.shapes = random.pick<Shapes>({Shapes::kStatic, Shapes::kDynamicLengths,
                                  Shapes::kDynamicLengths, Shapes::kDynamic});
  c.outs = random.pick<Outs>(
      {Outs::kEmpty, Outs::kEmpty, Outs::kDonated, Outs::kMemref});
  if (random.oneIn(3)) {
    c.inputs = random.pick<Inputs>(
        {Inputs::kPackedHeads, Inputs::kPackedSizes, Inputs::kValueInKey});
  }
  // Views of memrefs have types that only static shapes spell out.
  if (c.outs == Outs::kMemref && c.shapes != Shapes::kStatic) {
    c.inputs = Inputs::kSeparate;
  }
  if (c.inputs == Inputs::kPackedSizes) {
    c.keyHeads = c.heads;
  }
  if (c.inputs == Inputs::kPackedHeads) {
    c.valueSize = c.size;
  }
  if (c.inputs == Inputs::kValueInKey) {
    c.valueSize = std::min(c.size, c.valueSize);
  }
  if (!c.ragged() && random.oneIn(3)) {
    c.kvLens = random.oneIn(2) ? KvLens::kSome : KvLens::kExtreme;
  }
  if (random.oneIn(4)) {
    c.sinks = random.oneIn(3) ? Sinks::kInfinite : Sinks::kFinite;
  }
  if (!random.oneIn(3)) {
    c.score = static_cast<Score>(random.below(10));
    if (c.score == Score::kBandBias && !maskOf(c.mask).band) {
      c.mask = "#attn.window<127, 64>";
    }
  }
  c.lse = !random.oneIn(3);
  if (random.oneIn(3)) {
    c.scale = random.pick<double>({0.0, -0.3125, 0.0625, 1.5});
  }
  if (random.oneIn(4)) {
    c.offset = random.pick<int64_t>({0, 3, -2, 40, -200});
  }
  if ((c.inputs == Inputs::kSeparate ||
       (c.inputs == Inputs::kValueInKey && c.outs != Outs::kMemref)) &&
      random.oneIn(3)) {
    c.pageSize = random.pick<int64_t>({1, 3, 16, 16, 64, 128});
    c.nhd = random.oneIn(2);
  }
  c.poison = random.oneIn(2) ? Poison::kHidden : Poison::kLengths;
  chooseTiles(random, c.options);

  bool packed =
      c.inputs == Inputs::kPackedHeads || c.inputs == Inputs::kPackedSizes;
  int64_t batch = random.oneIn(20) ? 0 : 1 + random.below(3);
  int64_t launches = c.shapes == Shapes::kStatic ? 1 : 3;
  for (int64_t n = 0; n < launches; ++n) {
    bool sameBatch = c.shapes == Shapes::kStatic;
    int64_t sequences = sameBatch || n == 0 ? batch : 1 + random.below(3);
    c.launches.push_back(chooseLengths(random, c, sequences, packed));
  }
  shrink(c, maxWork);
  // MLIR takes no slice of a dimension that is empty by its type.
  const Lengths &first = c.launches.front();
  auto none = [](int64_t length) { return length == 0; };
  if (c.shapes == Shapes::kStatic && c.inputs != Inputs::kSeparate &&
      (std::all_of(first.queries.begin(), first.queries.end(), none) ||
       std::all_of(first.keys.begin(), first.keys.end(), none))) {
    c.inputs = Inputs::kSeparate;
  }
  return c;
}

std::vector<Case> attn::sweep::sampleCases(uint64_t seed, int64_t count,
                                           double maxWork) {
  Random random(seed);
  std::set<std::pair<std::string, std::string>> covered;
  std::vector<Case> cases;
  for (int64_t n = 0; n < count; ++n) {
    std::optional<Case> best;
    std::vector<std::pair<std::string, std::string>> bestPairs;
    for (int64_t attempt = 0; attempt < 16; ++attempt) {
      Case c = randomCase(random.next(), maxWork);
      std::vector<std::string> features = c.features();
      std::vector<std::pair<std::string, std::string>> pairs;
      for (size_t i = 0; i < features.size(); ++i) {
        for (size_t j = i + 1; j < features.size(); ++j) {
          std::pair<std::string, std::string> pair(features[i], features[j]);
          if (covered.count(pair) == 0) {
            pairs.push_back(std::move(pair));
          }
        }
      }
      if (!best || pairs.size() > bestPairs.size()) {
        best = std::move(c);
        bestPairs = std::move(pairs);
      }
    }
    covered.insert(bestPairs.begin(), bestPairs.end());
    cases.push_back(std::move(*best));
  }
  return cases;
}

Case attn::sweep::onGPU(Case c, const std::string &chip) {
  c.options = Schedule();
  c.options.target = chip;
  return c;
}
