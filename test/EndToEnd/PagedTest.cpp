//===- PagedTest.cpp - attention on pages of a cache ----------------------===//
// The product of PagedCases.h, of which ATTN_PAGES_ALL=1 takes the whole; what
// must not change bits; and generation token by token through the manager of
// the blocks.
//===----------------------------------------------------------------------===//

#include "PagedCases.h"
#include "Runner.h"

#include "attn/Emit/Compiler.h"
#include "attn/Reference/Attention.h"
#include "attn/Reference/ErrorRule.h"
#include "attn/Runtime/KVCache.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

TEST(Paged, Product) {
  bool all = std::getenv("ATTN_PAGES_ALL") != nullptr;
  for (int64_t number = 0; number < countPagedCases();
       number += all ? 1 : kPagedStride) {
    std::string failure = check(pagedCaseAt(number));
    EXPECT_TRUE(failure.empty()) << failure;
  }
}

Values run(const Case &c) {
  std::string error;
  Values values;
  std::unique_ptr<Program> program = Program::make(c, error);
  if (program) {
    error = program->run(makeData(c, c.launches.front()), values);
  }
  EXPECT_TRUE(error.empty()) << error << moduleText(c);
  return values;
}

bool sameBits(const std::vector<double> &x, const std::vector<double> &y) {
  return x.size() == y.size() &&
         (x.empty() ||
          std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0);
}

// The same tiles in the same order, wherever they lie.
TEST(Paged, OrderAndLayoutOfPagesDoNotChangeBits) {
  for (Case c : pagedForms("#attn.causal")) {
    Values first = run(c);
    for (uint64_t seed : {2, 3}) {
      c.pageSeed = seed;
      c.nhd = seed == 3;
      Values other = run(c);
      EXPECT_TRUE(sameBits(first.out, other.out)) << c.describe();
      EXPECT_TRUE(sameBits(first.lse, other.lse)) << c.describe();
    }
  }
}

// Heads of q that share one of k, against a pool with a copy for each of them.
TEST(Paged, GroupsEqualRepeatedKeys) {
  for (Case c : pagedForms("#attn.causal")) {
    c.heads = 8;
    c.keyHeads = 2;
    Case repeated = c;
    repeated.keyHeads = 8;
    Data data = makeData(c, c.launches.front());
    Data copies = makeData(repeated, c.launches.front());
    copies.q = *data.q.clone();
    for (auto [from, to] :
         {std::pair(&data.k, &copies.k), std::pair(&data.v, &copies.v)}) {
      ASSERT_EQ(from->numElements() * 4, to->numElements());
      // Heads are the second dimension in all of these layouts.
      int64_t row = from->shape().back();
      row *= from->rank() == 4 ? from->shape()[2] : 1;
      for (int64_t n = 0; n < to->numElements(); ++n) {
        int64_t outer = n / row / 8, head = n / row % 8;
        to->set(n, from->get((outer * 2 + head / 4) * row + n % row));
      }
    }
    std::string error;
    Values shared, apart;
    std::unique_ptr<Program> one = Program::make(c, error);
    ASSERT_TRUE(one) << error;
    std::unique_ptr<Program> other = Program::make(repeated, error);
    ASSERT_TRUE(other) << error;
    ASSERT_EQ(one->run(data, shared), "");
    ASSERT_EQ(other->run(copies, apart), "");
    ASSERT_EQ(shared.out.size(), apart.out.size());
    for (size_t n = 0; n < shared.out.size(); ++n) {
      // Tiles differ, so the order of sums does.
      EXPECT_NEAR(shared.out[n], apart.out[n], 2e-5) << c.describe();
    }
  }
}

TEST(Paged, AnyNumberOfSplitsIsCorrect) {
  for (int64_t split : {16, 40, 128, 1000}) {
    Case c = pagedCase("#attn.causal", {{1, 1}, {700, 700}});
    c.kvLens = KvLens::kSome;
    c.heads = 8;
    c.keyHeads = 2;
    c.options.split = split;
    std::string failure = check(c);
    EXPECT_TRUE(failure.empty()) << failure;
  }
}

TEST(Paged, LatentCache) { // v is a part of k, as absorbed MLA has it
  Case c = pagedCase("#attn.causal", {{1, 1}, {100, 100}});
  c.inputs = Inputs::kValueInKey;
  c.kvLens = KvLens::kSome;
  c.heads = 16;
  c.keyHeads = 1;
  c.size = 576;
  c.valueSize = 512;
  c.dtype = c.outType = DType::kBF16;
  std::string failure = check(c);
  EXPECT_TRUE(failure.empty()) << failure;
}

// DeepSeek's latent attention: with the projections of keys and values absorbed
// in q and out it is MQA of 576 on a latent cache, v being the first 512 of k.
// It must equal attention of 192 on keys and values that are projected.
TEST(Paged, AbsorbedLatentAttentionEqualsTheNaiveForm) {
  constexpr int64_t kRows = 50, kLatent = 512, kRope = 64, kNope = 128;
  Case c = pagedCase("#attn.causal", {{1}, {kRows}});
  c.inputs = Inputs::kValueInKey;
  c.heads = 4;
  c.keyHeads = 1;
  c.size = kLatent + kRope;
  c.valueSize = kLatent;
  c.dtype = c.outType = DType::kF64;
  c.lse = false;
  c.scale = 0.0625; // of few digits, since the module is text
  Data data = makeData(c, c.launches.front());
  auto random = [](int64_t count, uint64_t stream) {
    Tensor tensor = *Tensor::create(DType::kF64, {count});
    rt::fillRandom(tensor, 5, stream);
    return tensor.toDoubles();
  };
  // Of the order of 1: scores of moderate size.
  double small = 1 / std::sqrt(double(kLatent));
  std::vector<double> keyUp = random(c.heads * kNope * kLatent, 0);
  std::vector<double> valueUp = random(c.heads * kNope * kLatent, 1);
  std::vector<double> q = random(c.heads * (kNope + kRope), 2);
  auto up = [&](const std::vector<double> &weights, int64_t h, int64_t n,
                const double *latent) {
    double sum = 0;
    for (int64_t d = 0; d < kLatent; ++d) {
      sum += small * weights[(h * kNope + n) * kLatent + d] * latent[d];
    }
    return sum;
  };
  std::vector<double> cache = data.k.toDoubles();
  std::vector<double> k, v;
  for (int64_t h = 0; h < c.heads; ++h) {
    for (int64_t d = 0; d < kLatent; ++d) {
      double sum = 0;
      for (int64_t n = 0; n < kNope; ++n) {
        sum += small * keyUp[(h * kNope + n) * kLatent + d] *
               q[h * (kNope + kRope) + n];
      }
      data.q.set(h * c.size + d, sum);
    }
    for (int64_t d = 0; d < kRope; ++d) {
      data.q.set(h * c.size + kLatent + d, q[h * (kNope + kRope) + kNope + d]);
    }
    for (int64_t row = 0; row < kRows; ++row) {
      const double *latent = &cache[row * c.size];
      for (int64_t n = 0; n < kNope; ++n) {
        k.push_back(up(keyUp, h, n, latent));
        v.push_back(up(valueUp, h, n, latent));
      }
      k.insert(k.end(), latent + kLatent, latent + kLatent + kRope);
    }
  }
  std::string error;
  std::unique_ptr<Program> program = Program::make(c, error);
  ASSERT_TRUE(program) << error;
  Values values;
  ASSERT_EQ(program->run(data, values), "");
  ref::AttentionProblem naive;
  naive.scale = c.scale;
  naive.q = ref::View::contiguous(q.data(), {1, c.heads, 1, kNope + kRope});
  naive.k = ref::View::contiguous(k.data(), {1, c.heads, kRows, kNope + kRope});
  naive.v = ref::View::contiguous(v.data(), {1, c.heads, kRows, kNope});
  ref::AttentionResult exact = ref::attention(naive);
  ASSERT_TRUE(exact.ok()) << exact.error;
  for (int64_t h = 0; h < c.heads; ++h) {
    for (int64_t n = 0; n < kNope; ++n) {
      EXPECT_NEAR(up(valueUp, h, n, &values.out[h * kLatent]),
                  exact.out[h * kNope + n], 1e-12);
    }
  }
}

//===----------------------------------------------------------------------===//
// Generation
//===----------------------------------------------------------------------===//

constexpr int64_t kHeads = 6, kKeyHeads = 2, kSize = 32, kPage = 4;
constexpr int64_t kBlocks = 40, kColumns = 16;

const char *kStep = R"(
func.func @step(%q: tensor<?x6x32xf32>, %k: tensor<?x2x32xf32>, %v: tensor<?x2x32xf32>, %slots: tensor<?xi64>,
                %tables: tensor<?x16xi32>, %lens: tensor<?xi32>, %starts: tensor<?xi32>,
                %kp: tensor<40x2x4x32xf32> {attn.donated}, %vp: tensor<40x2x4x32xf32> {attn.donated})
    -> (tensor<?x6x32xf32>, tensor<40x2x4x32xf32>, tensor<40x2x4x32xf32>) {
  %kc, %vc = attn.kv_append ins(%k, %v : tensor<?x2x32xf32>, tensor<?x2x32xf32>) slots(%slots : tensor<?xi64>)
      outs(%kp, %vp : tensor<40x2x4x32xf32>, tensor<40x2x4x32xf32>) -> tensor<40x2x4x32xf32>, tensor<40x2x4x32xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x6x32xf32>
  %init = tensor.empty(%n) : tensor<?x6x32xf32>
  %o = attn.attention ins(%q, %kc, %vc : tensor<?x6x32xf32>, tensor<40x2x4x32xf32>, tensor<40x2x4x32xf32>) layout(thd)
      kv_lens(%lens : tensor<?xi32>) cu_seqlens(%starts : tensor<?xi32>) pages(%tables : tensor<?x16xi32>)
      outs(%init : tensor<?x6x32xf32>) mask(#attn.causal) -> tensor<?x6x32xf32>
  return %o, %kc, %vc : tensor<?x6x32xf32>, tensor<40x2x4x32xf32>, tensor<40x2x4x32xf32>
}
)";

/// Elements of token `token`, which follow from its number alone.
std::vector<double> tokenRow(int32_t token, uint64_t stream, int64_t heads) {
  Tensor row = *Tensor::create(DType::kF32, {heads, kSize});
  rt::fillRandom(row, static_cast<uint64_t>(token), stream);
  return row.toDoubles();
}

std::vector<double> rowsOf(const std::vector<int32_t> &tokens, uint64_t stream,
                           int64_t heads) {
  std::vector<double> rows;
  for (int32_t token : tokens) {
    std::vector<double> row = tokenRow(token, stream, heads);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

/// A model of one layer whose cache a KVCache manages.
class Generator {
public:
  Generator() {
    rt::Result<CompileResult> compiled = compileText(kStep, "step.mlir", {});
    EXPECT_TRUE(compiled.ok()) << compiled.message();
    package = std::move(compiled->package);
    library.emplace(*rt::Library::load(package));
    kPool = *Tensor::create(DType::kF32, {kBlocks, kKeyHeads, kPage, kSize});
    vPool = *Tensor::create(DType::kF32, {kBlocks, kKeyHeads, kPage, kSize});
    for (Tensor *pool : {&kPool, &vPool}) {
      for (int64_t n = 0; n < pool->numElements(); ++n) {
        pool->set(n, std::nan(""));
      }
    }
    rt::KVCacheOptions options;
    options.blocks = kBlocks;
    options.pageSize = kPage;
    options.copy = [this](const std::vector<rt::BlockCopy> &copies,
                          const std::vector<rt::SlotMove> &) {
      for (const rt::BlockCopy &copy : copies) {
        for (Tensor *pool : {&kPool, &vPool}) {
          size_t bytes = sizeof(float) * kKeyHeads * kPage * kSize;
          char *data = pool->dataAs<char>();
          std::memcpy(data + copy.target * bytes, data + copy.source * bytes,
                      bytes);
        }
      }
    };
    cache = std::move(*rt::KVCache::create(options));
  }

  /// Appends `tokens` to `sequence`; the outputs of their rows.
  std::vector<double> step(rt::SequenceId sequence,
                           const std::vector<int32_t> &tokens) {
    auto count = static_cast<int64_t>(tokens.size());
    auto slots = cache->append(sequence, tokens);
    EXPECT_TRUE(slots.ok()) << slots.message();
    Tensor tables = *Tensor::create(DType::kI32, {1, kColumns});
    Tensor lens = *Tensor::create(DType::kI32, {1});
    EXPECT_TRUE(cache
                    ->fillTables({sequence}, 0, tables.dataAs<int32_t>(),
                                 kColumns, lens.dataAs<int32_t>())
                    .ok());
    auto rows = [&](uint64_t stream, int64_t heads) {
      return *Tensor::fromValues(DType::kF32, {count, heads, kSize},
                                 rowsOf(tokens, stream, heads));
    };
    Tensor q = rows(0, kHeads), k = rows(1, kKeyHeads), v = rows(2, kKeyHeads);
    Tensor slot =
        *Tensor::fromValues(DType::kI64, {count},
                            std::vector<double>(slots->begin(), slots->end()));
    Tensor starts = *Tensor::fromValues(DType::kI32, {2}, {0, double(count)});
    rt::Arguments arguments = {&q,    &k,      &v,     &slot, &tables,
                               &lens, &starts, &kPool, &vPool};
    auto results =
        rt::call(*library, *package.manifest.findFunction("step"), arguments);
    EXPECT_TRUE(results.ok()) << results.message();
    EXPECT_TRUE(cache->publish(sequence).ok());
    return (*results)[0].toDoubles();
  }

  std::unique_ptr<rt::KVCache> cache;

private:
  rt::Package package;
  std::optional<rt::Library> library;
  Tensor kPool, vPool;
};

/// Checks that `out` are the last rows of causal attention over `tokens`.
void expectLastRows(const std::vector<int32_t> &tokens,
                    const std::vector<double> &out) {
  auto count = static_cast<int64_t>(tokens.size());
  std::vector<double> q = rowsOf(tokens, 0, kHeads),
                      k = rowsOf(tokens, 1, kKeyHeads),
                      v = rowsOf(tokens, 2, kKeyHeads);
  ref::AttentionProblem problem;
  problem.layout = Layout::kBshd;
  problem.q = ref::View::contiguous(q.data(), {1, count, kHeads, kSize});
  problem.k = ref::View::contiguous(k.data(), {1, count, kKeyHeads, kSize});
  problem.v = ref::View::contiguous(v.data(), {1, count, kKeyHeads, kSize});
  problem.mask = [](const ref::Point &p) { return p.k <= p.q; };
  ref::AttentionResult exact = ref::attention(problem);
  ref::AttentionResult plain =
      ref::plainAttention(problem, ref::Precision::kF32);
  auto last = [&](const std::vector<double> &rows) {
    return std::vector<double>(rows.end() - static_cast<ptrdiff_t>(out.size()),
                               rows.end());
  };
  ref::ErrorReport report = ref::checkError(last(exact.out), last(plain.out),
                                            out, ref::Precision::kF32);
  EXPECT_TRUE(report.ok) << report.text << " of " << count << " tokens";
}

TEST(Paged, TokenByTokenEqualsPrefillAndForksAreIsolated) {
  Generator model;
  std::vector<int32_t> tokens = {5, 3, 8, 1, 9, 2, 7};
  rt::SequenceId first = model.cache->open(tokens).sequence;
  expectLastRows(tokens, model.step(first, tokens));
  for (int32_t token = 20; token < 30; ++token) {
    tokens.push_back(token);
    expectLastRows(tokens, model.step(first, {token}));
  }
  // Two continuations of one beginning, whose last block they share.
  rt::SequenceId second = *model.cache->fork(first);
  std::vector<int32_t> other = tokens;
  for (int32_t token = 40; token < 46; ++token) {
    tokens.push_back(token);
    expectLastRows(tokens, model.step(first, {token}));
    other.push_back(token + 50);
    expectLastRows(other, model.step(second, {token + 50}));
  }
  EXPECT_GT(model.cache->stats().copiedBlocks, 0);
  // A draft that is refused, and another in its place.
  ASSERT_TRUE(model.cache->truncate(second, 20).ok());
  other.resize(20);
  other.insert(other.end(), {70, 71, 72});
  expectLastRows(other, model.step(second, {70, 71, 72}));
  // A prompt with a known beginning computes its end alone.
  std::vector<int32_t> prompt(tokens.begin(), tokens.begin() + 14);
  rt::KVCache::Opened opened = model.cache->open(prompt);
  EXPECT_EQ(opened.cached, 12);
  expectLastRows(prompt, model.step(opened.sequence, {prompt[12], prompt[13]}));
}

} // namespace
