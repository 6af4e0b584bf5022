//===- EvictTest.cpp - which keys a cache keeps ---------------------------===//

#include "CallText.h"

#include "attn/Reference/Attention.h"
#include "attn/Reference/ErrorRule.h"
#include "attn/Reference/Precision.h"

#include <algorithm>
#include <cmath>

using namespace attn;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

constexpr int64_t kBatch = 3, kHeads = 2, kKeys = 50;
const std::vector<double> kLens = {50, 7, 23};

struct Policy {
  int64_t sinks, recent, pool, capacity;
  bool hasScores = true, maxPool = false, shared = false;
  int64_t budget = 0; // 0: the capacity
};

/// Sorts the keys that compete, by falling scores, then heads, then indices.
std::vector<std::vector<int64_t>>
keep(const Policy &policy, const std::vector<double> &scores, int64_t batch) {
  auto length = static_cast<int64_t>(kLens[batch]);
  int64_t budget = policy.budget ? policy.budget : policy.capacity;
  std::vector<std::vector<int64_t>> kept(kHeads);
  struct Candidate {
    double score;
    int64_t head, key;
  };
  auto groups = policy.shared ? 1 : kHeads;
  for (int64_t group = 0; group < groups; ++group) {
    std::vector<Candidate> open;
    int64_t first = policy.shared ? 0 : group;
    int64_t end = policy.shared ? kHeads : group + 1;
    int64_t recentStart = length - policy.recent;
    for (int64_t h = first; h < end; ++h) {
      for (int64_t j = 0; j < length; ++j) {
        if (length <= budget || j < policy.sinks || j >= recentStart) {
          kept[h].push_back(j);
          continue;
        }
        double score = policy.maxPool ? -INFINITY : 0;
        for (int64_t n = j - policy.pool / 2; n <= j + policy.pool / 2; ++n) {
          if (n < 0 || n >= recentStart) {
            continue;
          }
          double x =
              policy.hasScores ? scores[(batch * kHeads + h) * kKeys + n] : 0;
          score = policy.maxPool ? std::max(score, x) : score + x;
        }
        open.push_back({score, h, j});
      }
    }
    std::sort(open.begin(), open.end(),
              [](const Candidate &x, const Candidate &y) {
                return x.score != y.score ? x.score > y.score
                       : x.head != y.head ? x.head < y.head
                                          : x.key < y.key;
              });
    int64_t room = std::max<int64_t>(
        (budget - policy.sinks - policy.recent) * (end - first), 0);
    for (size_t n = 0; n < open.size() && int64_t(n) < room; ++n) {
      kept[open[n].head].push_back(open[n].key);
    }
  }
  for (auto &head : kept) {
    std::sort(head.begin(), head.end());
    head.resize(std::min<int64_t>(head.size(), policy.capacity));
  }
  return kept;
}

std::string text(int64_t number) { return std::to_string(number); }

std::string evictText(const Policy &policy) {
  std::string kept = "tensor<3x2x" + text(policy.capacity) + "xi32>";
  std::string attributes = "sinks = " + text(policy.sinks) +
                           " : i64, recent = " + text(policy.recent) +
                           " : i64, pool = " + text(policy.pool) + " : i64";
  attributes += policy.maxPool ? ", max_pool" : "";
  attributes += policy.shared ? ", shared" : "";
  attributes +=
      policy.budget ? ", budget = " + text(policy.budget) + " : i64" : "";
  return "func.func @f(%s: tensor<3x2x50xf32>, %l: tensor<3xi32>) -> (" + kept +
         ", tensor<3x2xi32>) {\n  %k = tensor.empty() : " + kept +
         "\n  %c = tensor.empty() : tensor<3x2xi32>\n  %r:2 = attn.kv_evict " +
         (policy.hasScores ? "scores(%s : tensor<3x2x50xf32>) " : "") +
         "kv_lens(%l : tensor<3xi32>) outs(%k, %c : " + kept +
         ", tensor<3x2xi32>) {" + attributes + "} -> " + kept +
         ", tensor<3x2xi32>\n  return %r#0, %r#1 : " + kept +
         ", tensor<3x2xi32>\n}\n";
}

// Scores of few values, negative ones and both zeros among them: there are
// ties.
TEST(Evict, KeepsTheBestAndOfEqualOnesTheFirst) {
  std::vector<double> scores =
      randomTensor({kBatch * kHeads * kKeys}, 0).toDoubles();
  for (double &score : scores) {
    score = std::nearbyint(score * 2) / 4;
  }
  const Policy policies[] = {
      {4, 12, 1, 16, /*hasScores=*/false}, // StreamingLLM
      {0, 8, 1, 20},                       // H2O
      {0, 8, 5, 20},                       // SnapKV
      {0, 8, 7, 20, true, /*maxPool=*/true},
      {2, 5, 1, 50, true, false, /*shared=*/true, /*budget=*/15},
      {2, 5, 7, 18, true, true, true, 15}, // and no more than 18 a head
      {5, 5, 1, 10},                       // nothing competes
      {0, 0, 1, 1},
      {0, 0, 1, 49}};
  for (const Policy &policy : policies) {
    std::string module = evictText(policy);
    std::vector<Tensor> out =
        call(module,
             *Tensor::fromValues(DType::kF32, {kBatch, kHeads, kKeys}, scores),
             *Tensor::fromValues(DType::kI32, {kBatch}, kLens));
    ASSERT_EQ(out.size(), 2u);
    for (int64_t b = 0; b < kBatch; ++b) {
      auto kept = keep(policy, scores, b);
      for (int64_t h = 0; h < kHeads; ++h) {
        int64_t row = b * kHeads + h;
        EXPECT_EQ(out[1].get(row), double(kept[h].size())) << module << b << h;
        for (int64_t n = 0; n < policy.capacity; ++n) {
          double want = n < int64_t(kept[h].size()) ? double(kept[h][n]) : -1;
          EXPECT_EQ(out[0].get(row * policy.capacity + n), want)
              << module << " at " << b << " " << h << " " << n;
        }
      }
    }
  }
}

// A budget that all lengths are within.
TEST(Evict, RatioZeroIsIdentity) {
  Policy policy{4, 8, 5, 50};
  std::vector<Tensor> out =
      call(evictText(policy), randomTensor({kBatch, kHeads, kKeys}, 1),
           *Tensor::fromValues(DType::kI32, {kBatch}, kLens));
  ASSERT_EQ(out.size(), 2u);
  for (int64_t row = 0; row < kBatch * kHeads; ++row) {
    EXPECT_EQ(out[1].get(row), kLens[row / kHeads]);
    for (int64_t n = 0; n < 50; ++n) {
      EXPECT_EQ(out[0].get(row * 50 + n), n < kLens[row / kHeads] ? n : -1);
    }
  }
}

// Sums of softmax probabilities, and of their squares, over the last queries.
TEST(Evict, ScoresAreSumsOfProbabilities) {
  constexpr int64_t kQueryHeads = 6, kQueries = 9, kSize = 20;
  for (int64_t power : {1, 2}) {
    for (int64_t last : {4, 100}) {
      std::string attributes = "{power = " + text(power) +
                               " : i64, queries = " + text(last) + " : i64}";
      Tensor q = randomTensor({kBatch, kQueryHeads, kQueries, kSize}, 2);
      Tensor k = randomTensor({kBatch, kHeads, kKeys, kSize}, 3);
      Tensor start = randomTensor({kBatch, kHeads, kKeys}, 4);
      std::vector<double> want = start.toDoubles(), qs = q.toDoubles(),
                          ks = k.toDoubles();
      for (int64_t b = 0; b < kBatch; ++b) {
        auto length = static_cast<int64_t>(kLens[b]);
        for (int64_t h = 0; h < kQueryHeads; ++h) {
          int64_t g = h / (kQueryHeads / kHeads);
          for (int64_t i = std::max<int64_t>(kQueries - last, 0); i < kQueries;
               ++i) {
            std::vector<double> p;
            double sum = 0;
            for (int64_t j = 0; j <= i + length - kQueries; ++j) {
              double x = 0;
              for (int64_t d = 0; d < kSize; ++d) {
                x += qs[((b * kQueryHeads + h) * kQueries + i) * kSize + d] *
                     ks[((b * kHeads + g) * kKeys + j) * kSize + d];
              }
              p.push_back(std::exp(x / std::sqrt(double(kSize))));
              sum += p.back();
            }
            for (size_t j = 0; j < p.size(); ++j) {
              want[(b * kHeads + g) * kKeys + j] +=
                  std::pow(p[j] / sum, double(power));
            }
          }
        }
      }
      std::vector<Tensor> out = call(
          R"(
func.func @f(%q: tensor<3x6x9x20xf32>, %k: tensor<3x2x50x20xf32>, %l: tensor<3xi32>, %s: tensor<3x2x50xf32>) -> tensor<3x2x50xf32> {
  %oi = tensor.empty() : tensor<3x6x9x20xf32>
  %li = tensor.empty() : tensor<3x6x9xf32>
  %o, %lse = attn.attention ins(%q, %k, %k : tensor<3x6x9x20xf32>, tensor<3x2x50x20xf32>, tensor<3x2x50x20xf32>) kv_lens(%l : tensor<3xi32>)
      outs(%oi, %li : tensor<3x6x9x20xf32>, tensor<3x6x9xf32>) mask(#attn.causal) -> tensor<3x6x9x20xf32>, tensor<3x6x9xf32>
  %r = attn.kv_score ins(%q, %k : tensor<3x6x9x20xf32>, tensor<3x2x50x20xf32>) lse(%lse : tensor<3x6x9xf32>) kv_lens(%l : tensor<3xi32>)
      outs(%s : tensor<3x2x50xf32>) )" +
              attributes +
              R"( -> tensor<3x2x50xf32>
  return %r : tensor<3x2x50xf32>
})",
          std::move(q), std::move(k),
          *Tensor::fromValues(DType::kI32, {kBatch}, kLens), std::move(start));
      ASSERT_EQ(out.size(), 1u);
      for (size_t n = 0; n < want.size(); ++n) {
        EXPECT_NEAR(out[0].get(n), want[n], 1e-5) << n;
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Cascades: a prefix that all sequences share, and what each has of its own
//===----------------------------------------------------------------------===//

TEST(Cascade, EqualsFlatAttention) {
  constexpr int64_t kSequences = 3, kQueryHeads = 4, kSize = 32, kPrefix = 70;
  constexpr int64_t kOwn = 24, kAll = kPrefix + kOwn;
  const std::vector<int64_t> own = {24, 1, 13};
  Tensor q = randomTensor({kSequences, 1, kQueryHeads, kSize}, 5);
  Tensor k = randomTensor({1, kPrefix, kHeads, kSize}, 6);
  Tensor v = randomTensor({1, kPrefix, kHeads, kSize}, 7);
  Tensor kPool = randomTensor({9, kHeads, 8, kSize}, 8);
  Tensor vPool = randomTensor({9, kHeads, 8, kSize}, 9);
  const int64_t tables[kSequences][3] = {{4, 0, 7}, {8, -1, -1}, {2, 6, -1}};
  std::vector<double> table;
  for (const auto &row : tables) {
    table.insert(table.end(), row, row + 3);
  }
  // Each sequence with the prefix in front, dense.
  std::vector<double> flat[2];
  const Tensor *prefixes[] = {&k, &v}, *pools[] = {&kPool, &vPool};
  for (int n = 0; n < 2; ++n) {
    for (int64_t b = 0; b < kSequences; ++b) {
      for (int64_t h = 0; h < kHeads; ++h) {
        for (int64_t j = 0; j < kAll; ++j) {
          for (int64_t d = 0; d < kSize; ++d) {
            int64_t at = j - kPrefix;
            if (at < 0) {
              flat[n].push_back(prefixes[n]->get((j * kHeads + h) * kSize + d));
            } else if (at >= own[b]) {
              flat[n].push_back(0);
            } else {
              int64_t page = tables[b][at / 8];
              flat[n].push_back(pools[n]->get(
                  ((page * kHeads + h) * 8 + at % 8) * kSize + d));
            }
          }
        }
      }
    }
  }
  std::vector<double> qs = q.toDoubles();
  ref::AttentionProblem problem;
  problem.q =
      ref::View::contiguous(qs.data(), {kSequences, kQueryHeads, 1, kSize});
  problem.k =
      ref::View::contiguous(flat[0].data(), {kSequences, kHeads, kAll, kSize});
  problem.v =
      ref::View::contiguous(flat[1].data(), {kSequences, kHeads, kAll, kSize});
  for (int64_t length : own) {
    problem.kvLengths.push_back(kPrefix + length);
  }
  ref::AttentionResult exact = ref::attention(problem);
  ref::AttentionResult plain =
      ref::plainAttention(problem, ref::Precision::kF32);
  ASSERT_TRUE(exact.ok()) << exact.error;
  // The rows of all sequences are queries of one on the prefix.
  std::vector<Tensor> out = call(
      R"(
func.func @f(%q: tensor<3x1x4x32xf32>, %k: tensor<1x70x2x32xf32>, %v: tensor<1x70x2x32xf32>, %kp: tensor<9x2x8x32xf32>, %vp: tensor<9x2x8x32xf32>,
             %t: tensor<3x3xi32>, %l: tensor<3xi32>) -> tensor<3x4x32xf32> {
  %rows = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<3x1x4x32xf32> into tensor<3x4x32xf32>
  %all = tensor.expand_shape %rows [[0, 1], [2], [3]] output_shape [1, 3, 4, 32] : tensor<3x4x32xf32> into tensor<1x3x4x32xf32>
  %i0 = tensor.empty() : tensor<1x3x4x32xf32>
  %l0 = tensor.empty() : tensor<1x4x3xf32>
  %o0, %lse0 = attn.attention ins(%all, %k, %v : tensor<1x3x4x32xf32>, tensor<1x70x2x32xf32>, tensor<1x70x2x32xf32>) layout(bshd)
      outs(%i0, %l0 : tensor<1x3x4x32xf32>, tensor<1x4x3xf32>) -> tensor<1x3x4x32xf32>, tensor<1x4x3xf32>
  %i1 = tensor.empty() : tensor<3x1x4x32xf32>
  %l1 = tensor.empty() : tensor<3x4x1xf32>
  %o1, %lse1 = attn.attention ins(%q, %kp, %vp : tensor<3x1x4x32xf32>, tensor<9x2x8x32xf32>, tensor<9x2x8x32xf32>) layout(bshd)
      kv_lens(%l : tensor<3xi32>) pages(%t : tensor<3x3xi32>) outs(%i1, %l1 : tensor<3x1x4x32xf32>, tensor<3x4x1xf32>)
      -> tensor<3x1x4x32xf32>, tensor<3x4x1xf32>
  %c0 = arith.constant 0 : index
  %parts = tensor.generate {
  ^bb0(%s: index, %b: index, %h: index, %d: index):
    %x = tensor.extract %o0[%c0, %b, %h, %d] : tensor<1x3x4x32xf32>
    %y = tensor.extract %o1[%b, %c0, %h, %d] : tensor<3x1x4x32xf32>
    %first = arith.cmpi eq, %s, %c0 : index
    %z = arith.select %first, %x, %y : f32
    tensor.yield %z : f32
  } : tensor<2x3x4x32xf32>
  %lses = tensor.generate {
  ^bb0(%s: index, %b: index, %h: index):
    %x = tensor.extract %lse0[%c0, %h, %b] : tensor<1x4x3xf32>
    %y = tensor.extract %lse1[%b, %h, %c0] : tensor<3x4x1xf32>
    %first = arith.cmpi eq, %s, %c0 : index
    %z = arith.select %first, %x, %y : f32
    tensor.yield %z : f32
  } : tensor<2x3x4xf32>
  %i = tensor.empty() : tensor<3x4x32xf32>
  %o = attn.merge_states ins(%parts, %lses : tensor<2x3x4x32xf32>, tensor<2x3x4xf32>) outs(%i : tensor<3x4x32xf32>) -> tensor<3x4x32xf32>
  return %o : tensor<3x4x32xf32>
})",
      std::move(q), std::move(k), std::move(v), std::move(kPool),
      std::move(vPool), *Tensor::fromValues(DType::kI32, {3, 3}, table),
      *Tensor::fromValues(DType::kI32, {3}, {24, 1, 13}));
  ASSERT_EQ(out.size(), 1u);
  ref::ErrorReport report = ref::checkError(
      exact.out, plain.out, out[0].toDoubles(), ref::Precision::kF32);
  EXPECT_TRUE(report.ok) << report.text;
}

} // namespace
