//===- Cases.cpp - the problems of attn-bench -----------------------------===//

#include "Cases.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace attn::bench {

std::string Case::shape(bool query) const {
  std::ostringstream out;
  int64_t heads = query ? queryHeads : keyHeads;
  int64_t length = query ? queries : keys;
  out << batch << "x" << (bshd ? length : heads) << "x"
      << (bshd ? heads : length) << "x" << headSize;
  return out.str();
}

std::string Case::poolShape() const {
  std::ostringstream out;
  out << batch * keys / pageSize << "x" << keyHeads << "x" << pageSize << "x"
      << headSize;
  return out.str();
}

// Lengths, and tables that scatter the pages of a sequence over the pool.
static void writeTables(std::ostream &out, const Case &c) {
  int64_t columns = c.keys / c.pageSize, pages = c.batch * columns;
  out << "  %lens = arith.constant dense<" << c.keys << "> : tensor<" << c.batch
      << "xi32>\n  %tables = tensor.generate {\n  ^bb0(%b: index, %n: index):\n"
      << "    %columns = arith.constant " << columns << " : index\n"
      << "    %pages = arith.constant " << pages
      << " : index\n"
      // A prime: numbers of pages are powers of two.
      << "    %step = arith.constant 7919 : index\n"
         "    %first = arith.muli %b, %columns : index\n"
         "    %x = arith.addi %first, %n : index\n"
         "    %y = arith.muli %x, %step : index\n"
         "    %page = arith.remui %y, %pages : index\n"
         "    %number = arith.index_cast %page : index to i32\n"
         "    tensor.yield %number : i32\n  } : tensor<"
      << c.batch << "x" << columns << "xi32>\n";
}

constexpr int64_t kDocuments = 12, kBlock = 128;

// Random block `r` of a block of queries.
static int64_t randomBlock(int64_t block, int64_t r, int64_t blocks) {
  return (block * 37 + r * 41 + 17) % blocks;
}

// The tensor that the region reads, and the region.
static void writeRegion(std::ostream &out, const Case &c, bool table) {
  auto constant = [&](const char *name, int64_t value) {
    out << "    %" << name << " = arith.constant " << value << " : index\n";
  };
  bool documents = c.region != "bigbird";
  if (documents && table) {
    out << "  %ids = tensor.generate {\n  ^bb0(%n: index):\n";
    constant("count", kDocuments);
    constant("length", c.keys);
    out << "    %x = arith.muli %n, %count : index\n"
           "    %d = arith.divui %x, %length : index\n"
           "    %id = arith.index_cast %d : index to i32\n"
           "    tensor.yield %id : i32\n  } : tensor<"
        << c.keys << "xi32>\n";
  } else if (documents) {
    // Without a document that is seen the tables are what is left to do.
    int64_t shift = c.region == "nothing" ? kDocuments : 0;
    std::string type = " : tensor<" + std::to_string(c.keys) + "xi32>";
    out << " mask(%ids at affine_map<(b, h, i, j) -> (i)>" << type
        << ", %ids at affine_map<(b, h, i, j) -> (j)>" << type
        << ") {\n  ^bb0(%x: i32, %y: i32, %b: index, %h: index, %i: index, "
           "%j: index):\n"
           "    %shift = arith.constant "
        << shift
        << " : i32\n"
           "    %u = arith.addi %x, %shift : i32\n"
           "    %same = arith.cmpi eq, %u, %y : i32\n"
           "    attn.yield %same : i1\n  }";
  } else if (table) {
    out << "  %random = tensor.generate {\n  ^bb0(%n: index, %r: index):\n";
    constant("a", 37);
    constant("e", 41);
    constant("f", 17);
    constant("blocks", c.keys / kBlock);
    out << "    %x = arith.muli %n, %a : index\n"
           "    %y = arith.muli %r, %e : index\n"
           "    %z = arith.addi %x, %y : index\n"
           "    %u = arith.addi %z, %f : index\n"
           "    %w = arith.remui %u, %blocks : index\n"
           "    %block = arith.index_cast %w : index to i32\n"
           "    tensor.yield %block : i32\n  } : tensor<"
        << c.keys / kBlock << "x3xi32>\n";
  } else {
    out << " mask(";
    for (int r = 0; r < 3; ++r) {
      out << (r ? ", " : "") << "%random at affine_map<(b, h, i, j) -> (i "
          << "floordiv " << kBlock << ", " << r << ")> : tensor<"
          << c.keys / kBlock << "x3xi32>";
    }
    out << ") {\n  ^bb0(%r0: i32, %r1: i32, %r2: i32, %b: index, %h: index, "
           "%i: index, %j: index):\n";
    constant("size", kBlock);
    constant("one", 1);
    constant("back", -1);
    constant("global", 2);
    out << "    %m = arith.floordivsi %i, %size : index\n"
           "    %o = arith.floordivsi %j, %size : index\n"
           "    %d = arith.subi %m, %o : index\n"
           "    %0 = arith.cmpi sle, %d, %one : index\n"
           "    %1 = arith.cmpi sge, %d, %back : index\n"
           "    %2 = arith.andi %0, %1 : i1\n"
           "    %3 = arith.cmpi slt, %m, %global : index\n"
           "    %4 = arith.cmpi slt, %o, %global : index\n"
           "    %5 = arith.ori %3, %4 : i1\n"
           "    %6 = arith.ori %2, %5 : i1\n"
           "    %key = arith.index_cast %o : index to i32\n"
           "    %7 = arith.cmpi eq, %r0, %key : i32\n"
           "    %8 = arith.cmpi eq, %r1, %key : i32\n"
           "    %9 = arith.cmpi eq, %r2, %key : i32\n"
           "    %10 = arith.ori %6, %7 : i1\n"
           "    %11 = arith.ori %10, %8 : i1\n"
           "    %12 = arith.ori %11, %9 : i1\n"
           "    attn.yield %12 : i1\n  }";
  }
}

// Keys of [0, c.keys) in [lo, hi), and those of [0, first).
static int64_t countKeys(const Case &c, int64_t lo, int64_t hi,
                         int64_t first = 0) {
  lo = std::clamp<int64_t>(lo, 0, c.keys);
  hi = std::clamp<int64_t>(hi, lo, c.keys);
  return hi - std::max(lo, std::min(first, hi)) + std::min(first, c.keys);
}

static int64_t keysOfDocument(const Case &c, int64_t i) {
  int64_t count = 0;
  for (int64_t j = 0; j < c.keys; ++j) {
    count += i * kDocuments / c.keys == j * kDocuments / c.keys;
  }
  return count;
}

static int64_t keysOfBlocks(const Case &c, int64_t i) {
  int64_t mine = i / kBlock, blocks = c.keys / kBlock, count = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    bool seen = std::abs(mine - block) <= 1 || mine < 2 || block < 2;
    for (int64_t r = 0; r < 3; ++r) {
      seen |= randomBlock(mine, r, blocks) == block;
    }
    count += seen * kBlock;
  }
  return count;
}

std::string Case::module() const {
  if (!text.empty()) {
    return text;
  }
  std::string q = "tensor<" + shape(true) + "x" + dtype + ">";
  std::string k =
      "tensor<" + (pageSize ? poolShape() : shape(false)) + "x" + dtype + ">";
  std::ostringstream out;
  out << "func.func @f(%q: " << q << ", %k: " << k << ", %v: " << k << ") -> "
      << q << " {\n";
  if (!region.empty()) {
    writeRegion(out, *this, /*table=*/true);
  }
  if (pageSize) {
    writeTables(out, *this);
  }
  out << "  %init = tensor.empty() : " << q << "\n"
      << "  %o = attn.attention ins(%q, %k, %v : " << q << ", " << k << ", "
      << k << ")" << (bshd ? " layout(bshd)" : "") << "\n";
  if (pageSize) {
    out << "    kv_lens(%lens : tensor<" << batch
        << "xi32>) pages(%tables : tensor<" << batch << "x" << keys / pageSize
        << "xi32>)\n";
  }
  out << "    outs(%init : " << q << ")"
      << (mask.empty() ? "" : " mask(" + mask + ")");
  if (!region.empty()) {
    writeRegion(out, *this, /*table=*/false);
  }
  if (!score.empty()) {
    out << " score {\n  ^bb0(%x: f32, %b: index, %h: index, %i: index, "
           "%j: index):\n";
  }
  if (score == "softcap") {
    out << "    %cap = arith.constant 50.0 : f32\n"
           "    %u = arith.divf %x, %cap : f32\n"
           "    %t = math.tanh %u : f32\n"
           "    %y = arith.mulf %t, %cap : f32\n";
  } else if (score == "alibi") {
    // Slopes 2^(-8 (h + 1) / H).
    out << "    %one = arith.constant 1 : index\n"
           "    %h1 = arith.addi %h, %one : index\n"
           "    %h2 = arith.index_cast %h1 : index to i32\n"
           "    %h3 = arith.sitofp %h2 : i32 to f32\n"
           "    %e = arith.constant "
        << -8.0 / static_cast<double>(queryHeads)
        << " : f32\n"
           "    %s = arith.mulf %h3, %e : f32\n"
           "    %slope = math.exp2 %s : f32\n"
           "    %d = arith.subi %j, %i : index\n"
           "    %d1 = arith.index_cast %d : index to i32\n"
           "    %d2 = arith.sitofp %d1 : i32 to f32\n"
           "    %bias = arith.mulf %slope, %d2 : f32\n"
           "    %y = arith.addf %x, %bias : f32\n";
  }
  if (!score.empty()) {
    out << "    attn.yield %y : f32\n  }";
  }
  out << " -> " << q << "\n  return %o : " << q << "\n}\n";
  return out.str();
}

double Case::visiblePairs() const {
  double pairs = 0;
  for (int64_t i = 0; i < queries; ++i) {
    pairs += static_cast<double>(keysSeen ? keysSeen(*this, i) : keys);
  }
  return pairs * static_cast<double>(batch * queryHeads);
}

double Case::keyBytes() const {
  if (!text.empty()) {
    return bytes;
  }
  return 2.0 * static_cast<double>(batch * keyHeads * keys * headSize) *
         (dtype == "f32" ? 4 : 2);
}

namespace {

void mask(Case &c, std::string text,
          std::function<int64_t(const Case &, int64_t)> keysSeen) {
  c.mask = std::move(text);
  c.keysSeen = std::move(keysSeen);
}

void causal(Case &c) {
  mask(c, "#attn.causal", [](const Case &c, int64_t i) {
    return countKeys(c, 0, i + c.keys - c.queries + 1);
  });
}

Case makeCase(std::string name, std::string group, double limit) {
  Case c;
  c.name = std::move(name);
  c.group = std::move(group);
  c.limit = limit;
  return c;
}

void addPrefill(std::vector<Case> &cases) {
  struct Row {
    const char *dtype;
    int64_t size;
    double full, causal;
  };
  for (Row row : {Row{"f32", 128, 0.86, 0.83}, Row{"f32", 64, 0.83, 0.79},
                  Row{"bf16", 128, 0.82, 0.79}, Row{"bf16", 64, 0.77, 0.72},
                  Row{"f16", 128, 0, 0}, Row{"f16", 64, 0, 0}}) {
    for (bool masked : {false, true}) {
      std::string rest =
          " D" + std::to_string(row.size) + (masked ? " causal" : " full");
      Case c =
          makeCase(row.dtype + rest, "prefill", masked ? row.causal : row.full);
      c.dtype = row.dtype;
      c.headSize = row.size;
      if (masked) {
        causal(c);
      }
      if (c.dtype == "f32" && row.size == 128) {
        c.decent = 0.35;
      }
      if (c.dtype == "bf16") {
        c.ceiling = Ceiling::kBf16;
        c.against = "f32" + rest;
        c.most = row.size == 128 ? 1 / 1.8 : 0;
      }
      cases.push_back(c);
    }
  }
}

void addDecode(std::vector<Case> &cases) {
  for (auto [dtype, limit] : {std::pair<const char *, double>{"f32", 0.85},
                              {"bf16", 0.88},
                              {"f16", 0}}) {
    Case c = makeCase(std::string(dtype) + " decode 32/8 32k", "decode", limit);
    c.dtype = dtype;
    c.queryHeads = 32;
    c.keyHeads = 8;
    c.queries = 1;
    c.keys = 32768;
    c.ceiling = Ceiling::kRead;
    c.decent = c.dtype == "f32" ? 0.35 : 0;
    cases.push_back(c);
  }
}

// Sequences of one length in pages of a pool, and beside each other.
void addPaged(std::vector<Case> &cases) {
  for (const char *dtype : {"f32", "bf16"}) {
    for (int64_t slots : {0, 128, 64, 16, 8}) {
      Case c = makeCase(std::string(dtype) + " decode 32/8 16x4k" +
                            (slots ? " pages of " + std::to_string(slots) : ""),
                        "paged", slots >= 16 ? 0.75 : 0);
      c.dtype = dtype;
      c.batch = 16;
      c.queryHeads = 32;
      c.keyHeads = 8;
      c.queries = 1;
      c.pageSize = slots;
      c.ceiling = Ceiling::kRead;
      cases.push_back(c);
    }
  }
}

void addShapes(std::vector<Case> &cases) {
  for (auto [length, limit] :
       {std::pair<int64_t, double>{512, 0.72}, {1024, 0.80}}) {
    Case c =
        makeCase("f32 D128 full S" + std::to_string(length), "short", limit);
    c.queries = c.keys = length;
    cases.push_back(c);
  }
  Case window = makeCase("f32 D128 window 1024 S16384", "window", 0.75);
  window.queries = window.keys = 16384;
  mask(window, "#attn.window<1023, 0>",
       [](const Case &c, int64_t i) { return countKeys(c, i - 1023, i + 1); });
  cases.push_back(window);
  for (int64_t size : {80, 96, 192, 256}) {
    Case c = makeCase("f32 D" + std::to_string(size) + " full", "sizes", 0.75);
    c.headSize = size;
    cases.push_back(c);
  }
  Case bshd = makeCase("f32 D128 full bshd", "layout", 0.75);
  bshd.bshd = true;
  cases.push_back(bshd);
}

void addRelative(std::vector<Case> &cases) {
  for (int64_t keyHeads : {32, 8}) {
    Case c = makeCase("f32 D128 full 32/" + std::to_string(keyHeads) + " S2048",
                      "gqa", 0);
    c.queryHeads = 32;
    c.keyHeads = keyHeads;
    c.queries = c.keys = 2048;
    if (keyHeads == 8) {
      c.against = cases.back().name;
      c.most = 1.03; // no slower, but for the noise of a median
    }
    cases.push_back(c);
  }
  for (auto [score, most] : {std::pair<const char *, double>{"", 0},
                             {"softcap", 1.25},
                             {"alibi", 1.08}}) {
    std::string plain = "f32 D128 causal S2048 plain";
    Case c =
        makeCase(*score ? std::string("f32 D128 causal S2048 ") + score : plain,
                 "score", 0);
    c.queries = c.keys = 2048;
    causal(c);
    c.score = score;
    c.against = *score ? plain : "";
    c.most = most;
    cases.push_back(c);
  }
}

// Masks against full attention, a visible pair. Full attention at the length of
// the masks takes a quarter of a minute; a pair costs the same at a quarter of
// that length, which the first case shows.
void addPatterns(std::vector<Case> &cases) {
  Case full = makeCase("f32 D128 H8 S4096 full", "patterns", 0);
  full.queryHeads = full.keyHeads = 8;
  cases.push_back(full);
  Case pattern = full;
  pattern.name = "f32 D128 H8 S16384 full";
  pattern.group = "patterns-full";
  pattern.queries = pattern.keys = 16384;
  pattern.against = full.name;
  pattern.perPair = true;
  pattern.most = 1.05;
  cases.push_back(pattern);
  pattern.group = full.group;
  pattern.most = 1.35;

  auto add = [&](const char *name, const char *text,
                 std::function<int64_t(const Case &, int64_t)> keysSeen) {
    Case c = pattern;
    c.name = std::string("S16384 ") + name;
    mask(c, text, std::move(keysSeen));
    cases.push_back(c);
  };
  add("window 1024", "#attn.window<1023, 0>",
      [](const Case &c, int64_t i) { return countKeys(c, i - 1023, i + 1); });
  add("Longformer w512 g64",
      "#attn.or<#attn.window<256, 256>, #attn.global<64>>",
      [](const Case &c, int64_t i) {
        return i < 64 ? c.keys : countKeys(c, i - 256, i + 257, 64);
      });
  add("sink 4 and window 1024",
      "#attn.or<#attn.sink<4>, #attn.window<1023, 0>>",
      [](const Case &c, int64_t i) {
        return countKeys(c, i - 1023, i + 1, 4);
      });
  add("prefix 2048", "#attn.or<#attn.causal, #attn.prefix<2048>>",
      [](const Case &c, int64_t i) { return countKeys(c, 0, i + 1, 2048); });
  add("chunk 2048", "#attn.chunk<2048>",
      [](const Case &, int64_t) { return 2048; });
  add("dilated 4, window 4096",
      "#attn.and<#attn.dilated<4>, #attn.window<4095, 0>>",
      [](const Case &, int64_t i) {
        return (std::min<int64_t>(i + 1, 4096) + 3) / 4;
      });
  Case documents = pattern;
  documents.name = "S16384 documents 12";
  documents.region = "documents";
  documents.keysSeen = keysOfDocument;
  cases.push_back(documents);
  Case bigbird = pattern;
  bigbird.name = "S16384 BigBird";
  bigbird.region = "bigbird";
  bigbird.keysSeen = keysOfBlocks;
  cases.push_back(bigbird);

  // Zone maps and lists of the documents alone, which all heads share.
  Case tables = documents;
  tables.name = "S16384 zone maps of documents";
  tables.region = "nothing";
  tables.queryHeads = tables.keyHeads = 1;
  tables.headSize = 8;
  tables.against = documents.name;
  tables.perPair = false;
  tables.most = 0.01;
  tables.keysSeen = [](const Case &, int64_t) { return 0; };
  cases.push_back(tables);
}

} // namespace

std::vector<Case> allCases() {
  std::vector<Case> cases;
  addPrefill(cases);
  addDecode(cases);
  addPaged(cases);
  addShapes(cases);
  addRelative(cases);
  addPatterns(cases);
  std::vector<Case> recurrences = recurrenceCases();
  cases.insert(cases.end(), recurrences.begin(), recurrences.end());
  Case smoke = makeCase("f32 D64 causal S256", "smoke", 0);
  smoke.queryHeads = 2;
  smoke.keyHeads = 1;
  smoke.queries = smoke.keys = 256;
  smoke.headSize = 64;
  causal(smoke);
  cases.push_back(smoke);
  Case dot = smoke;
  dot.name = "bf16 D64 causal S256";
  dot.dtype = "bf16";
  dot.ceiling = Ceiling::kBf16;
  dot.against = smoke.name;
  cases.push_back(dot);
  return cases;
}

} // namespace attn::bench
