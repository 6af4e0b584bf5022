//===- PropertyTest.cpp - properties that need no oracle ------------------===//

#include "Inputs.h"
#include "attn/Reference/Attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attn::ref;
using namespace attn::ref::test;

namespace {

void expectEqual(const AttentionResult &a, const AttentionResult &b) {
  ASSERT_TRUE(a.ok()) << a.error;
  ASSERT_TRUE(b.ok()) << b.error;
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(a.lse, b.lse);
}

void expectNear(const std::vector<double> &a, const std::vector<double> &b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i])) {
      EXPECT_NEAR(a[i], b[i], 1e-13) << i;
    } else {
      EXPECT_EQ(a[i], b[i]) << i;
    }
  }
}

TEST(PropertyTest, GroupedHeadsEqualRepeatedKeys) {
  Inputs inputs;
  AttentionProblem grouped = inputs.problem();
  grouped.mask = causal();
  // A stride of 0 repeats: [B, Hkv, g, S, D] flattened by hand.
  std::vector<double> k, v;
  for (int64_t head = 0; head < inputs.batch * inputs.kvHeads; ++head) {
    for (int64_t copy = 0; copy < 2; ++copy) {
      auto kAt = inputs.k.begin() + head * 55,
           vAt = inputs.v.begin() + head * 33;
      k.insert(k.end(), kAt, kAt + 55);
      v.insert(v.end(), vAt, vAt + 33);
    }
  }
  AttentionProblem repeated = grouped;
  repeated.k = View::contiguous(k.data(), {2, 4, 11, 5});
  repeated.v = View::contiguous(v.data(), {2, 4, 11, 3});
  expectEqual(attention(grouped), attention(repeated));
  expectEqual(plainAttention(grouped, Precision::kBF16),
              plainAttention(repeated, Precision::kBF16));
}

TEST(PropertyTest, OneKeyHeadEqualsAStrideOfZero) {
  Inputs inputs;
  inputs.kvHeads = 1;
  inputs.fill(5);
  AttentionProblem multiQuery = inputs.problem(), broadcast = multiQuery;
  for (View *view : {&broadcast.k, &broadcast.v}) {
    view->shape[1] = 4;
    view->strides[1] = 0;
  }
  expectEqual(attention(multiQuery), attention(broadcast));
}

TEST(PropertyTest, AWideWindowIsFull) {
  Inputs inputs;
  AttentionProblem full = inputs.problem(), windowed = full;
  windowed.mask = window(10, 10);
  expectEqual(attention(full), attention(windowed));
  windowed.mask = window(-1, -1);
  expectEqual(attention(full), attention(windowed));
}

TEST(PropertyTest, ASinkOfMinusInfinityIsNone) {
  Inputs inputs;
  AttentionProblem none = inputs.problem();
  none.mask = window(1, 0);
  AttentionProblem sink = none;
  sink.sinks.assign(4, -std::numeric_limits<double>::infinity());
  expectEqual(attention(none), attention(sink));
}

TEST(PropertyTest, ASinkIsAKeyWithoutValue) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.sinks = {0.5, -1, 2, 0};
  AttentionResult with = attention(problem);
  problem.sinks.clear();
  AttentionResult without = attention(problem);
  for (size_t row = 0; row < with.lse.size(); ++row) {
    double sink = std::vector<double>{0.5, -1, 2, 0}[row / 7 % 4];
    double lse = std::log(std::exp(without.lse[row]) + std::exp(sink));
    EXPECT_NEAR(with.lse[row], lse, 1e-13);
    for (size_t d = 0; d < 3; ++d) {
      EXPECT_NEAR(with.out[row * 3 + d],
                  without.out[row * 3 + d] * std::exp(without.lse[row] - lse),
                  1e-13);
    }
  }
}

TEST(PropertyTest, NaNBeyondTheLengthChangesNothing) {
  Inputs inputs;
  AttentionProblem clean = inputs.problem();
  clean.kvLengths = {4, 0};
  clean.mask = causal();
  Inputs dirtyInputs = inputs;
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t h = 0; h < 2; ++h) {
      for (int64_t j = clean.kvLengths[static_cast<size_t>(b)]; j < 11; ++j) {
        int64_t row = (b * 2 + h) * 11 + j;
        std::fill_n(dirtyInputs.k.begin() + row * 5, 5, NAN);
        std::fill_n(dirtyInputs.v.begin() + row * 3, 3, NAN);
      }
    }
  }
  AttentionProblem dirty = dirtyInputs.problem();
  dirty.kvLengths = clean.kvLengths;
  dirty.mask = clean.mask;
  AttentionResult result = attention(dirty);
  expectEqual(attention(clean), result);
  expectEqual(plainAttention(clean, Precision::kF16),
              plainAttention(dirty, Precision::kF16));
  // The empty request of batch 1.
  EXPECT_EQ(result.out.back(), 0.0);
  EXPECT_EQ(result.lse.back(), -INFINITY);
  // A length cuts the sequence, and with it the default offset.
  AttentionProblem cut = inputs.problem();
  cut.q.shape[0] = cut.k.shape[0] = cut.v.shape[0] = 1;
  cut.k.shape[2] = cut.v.shape[2] = 4;
  cut.mask = causal();
  AttentionResult first = attention(cut);
  EXPECT_TRUE(
      std::equal(first.out.begin(), first.out.end(), result.out.begin()));
}

TEST(PropertyTest, LayoutsAgree) {
  Inputs inputs;
  AttentionProblem bhsd = inputs.problem();
  bhsd.mask = window(3, 1);
  AttentionResult expected = attention(bhsd);

  // The same memory seen as bshd.
  AttentionProblem bshd = bhsd;
  bshd.layout = Layout::kBshd;
  bshd.q = bhsd.q.permuted({0, 2, 1, 3});
  bshd.k = bhsd.k.permuted({0, 2, 1, 3});
  bshd.v = bhsd.v.permuted({0, 2, 1, 3});
  AttentionResult got = attention(bshd);
  ASSERT_TRUE(got.ok()) << got.error;
  EXPECT_EQ(got.outShape, (std::vector<int64_t>{2, 7, 4, 3}));
  EXPECT_EQ(got.lseShape, (std::vector<int64_t>{2, 7, 4}));
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t h = 0; h < 4; ++h) {
      for (int64_t i = 0; i < 7; ++i) {
        auto from = static_cast<size_t>((b * 4 + h) * 7 + i);
        auto to = static_cast<size_t>((b * 7 + i) * 4 + h);
        EXPECT_EQ(expected.lse[from], got.lse[to]);
        for (size_t d = 0; d < 3; ++d) {
          EXPECT_EQ(expected.out[from * 3 + d], got.out[to * 3 + d]);
        }
      }
    }
  }

  // Contiguous bshd is ragged thd with equal lengths.
  auto gather = [](const View &view) {
    std::vector<double> values;
    const auto &n = view.shape, &s = view.strides;
    for (int64_t b = 0; b < n[0]; ++b) {
      for (int64_t i = 0; i < n[1]; ++i) {
        for (int64_t h = 0; h < n[2]; ++h) {
          for (int64_t d = 0; d < n[3]; ++d) {
            values.push_back(
                view.data[b * s[0] + i * s[1] + h * s[2] + d * s[3]]);
          }
        }
      }
    }
    return values;
  };
  std::vector<double> q = gather(bshd.q), k = gather(bshd.k),
                      v = gather(bshd.v);
  AttentionProblem thd = bhsd;
  thd.layout = Layout::kThd;
  thd.q = View::contiguous(q.data(), {14, 4, 5});
  thd.k = View::contiguous(k.data(), {22, 2, 5});
  thd.v = View::contiguous(v.data(), {22, 2, 3});
  thd.cuSeqlensQ = {0, 7, 14};
  thd.cuSeqlensK = {0, 11, 22};
  AttentionResult ragged = attention(thd);
  expectEqual(got, ragged);
  EXPECT_EQ(ragged.outShape, (std::vector<int64_t>{14, 4, 3}));
}

TEST(PropertyTest, RaggedSequencesAreIndependent) {
  std::vector<double> q = randomValues(10 * 2 * 4, 1),
                      k = randomValues(12 * 1 * 4, 2),
                      v = randomValues(12 * 1 * 3, 3);
  AttentionProblem ragged;
  ragged.layout = Layout::kThd;
  ragged.q = View::contiguous(q.data(), {10, 2, 4});
  ragged.k = View::contiguous(k.data(), {12, 1, 4});
  ragged.v = View::contiguous(v.data(), {12, 1, 3});
  ragged.cuSeqlensQ = {0, 3, 3, 4, 10};
  ragged.cuSeqlensK = {0, 5, 7, 7, 12};
  ragged.mask = causal();
  AttentionResult all = attention(ragged);
  ASSERT_TRUE(all.ok()) << all.error;
  for (size_t b = 0; b < 4; ++b) {
    int64_t q0 = ragged.cuSeqlensQ[b], q1 = ragged.cuSeqlensQ[b + 1];
    int64_t k0 = ragged.cuSeqlensK[b], k1 = ragged.cuSeqlensK[b + 1];
    AttentionProblem one = ragged;
    one.q = View::contiguous(q.data() + q0 * 8, {q1 - q0, 2, 4});
    one.k = View::contiguous(k.data() + k0 * 4, {k1 - k0, 1, 4});
    one.v = View::contiguous(v.data() + k0 * 3, {k1 - k0, 1, 3});
    one.cuSeqlensQ = {0, q1 - q0};
    one.cuSeqlensK = {0, k1 - k0};
    AttentionResult alone = attention(one);
    ASSERT_TRUE(alone.ok()) << alone.error;
    EXPECT_TRUE(std::equal(alone.out.begin(), alone.out.end(),
                           all.out.begin() + q0 * 6));
    EXPECT_TRUE(std::equal(alone.lse.begin(), alone.lse.end(),
                           all.lse.begin() + q0 * 2));
  }
}

TEST(PropertyTest, SplitsMergeToTheWhole) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.mask = window(5, 0);
  AttentionResult whole = attention(problem);
  for (int64_t splits = 1; splits <= 6; ++splits) {
    std::vector<State> parts;
    for (int64_t n = 0; n < splits; ++n) {
      int64_t lo = 11 * n / splits, hi = 11 * (n + 1) / splits;
      AttentionProblem part = problem;
      part.mask = [=](const Point &p) {
        return lo <= p.k && p.k < hi && problem.mask(p);
      };
      AttentionResult result = attention(part);
      parts.push_back({result.out, result.lse});
    }
    State merged = mergeStates(parts);
    expectNear(merged.o, whole.out);
    expectNear(merged.lse, whole.lse);
    // Merging commutes and associates.
    std::reverse(parts.begin(), parts.end());
    State reversed = mergeStates(parts);
    expectNear(merged.o, reversed.o);
    State folded = parts[0];
    for (size_t n = 1; n < parts.size(); ++n) {
      folded = mergeStates({folded, parts[n]});
    }
    expectNear(merged.o, folded.o);
    expectNear(merged.lse, folded.lse);
  }
}

TEST(PropertyTest, DecodeEqualsTheRowsOfPrefill) {
  Inputs inputs;
  inputs.rows = inputs.keys = 9;
  inputs.fill(3);
  AttentionProblem prefill = inputs.problem();
  prefill.mask = causal();
  AttentionResult all = attention(prefill);
  for (int64_t step = 0; step < 9; ++step) {
    AttentionProblem decode = prefill;
    decode.q.data += step * decode.q.strides[2];
    decode.q.shape[2] = 1;
    decode.kvLengths = {step + 1, step + 1};
    AttentionResult token = attention(decode);
    ASSERT_TRUE(token.ok()) << token.error;
    for (size_t row = 0; row < token.lse.size(); ++row) {
      size_t at = row * 9 + static_cast<size_t>(step);
      EXPECT_EQ(token.lse[row], all.lse[at]);
      for (size_t d = 0; d < 3; ++d) {
        EXPECT_EQ(token.out[row * 3 + d], all.out[at * 3 + d]);
      }
    }
  }
}

TEST(PropertyTest, AChainIsATree) {
  // Node i is visible from its descendants; in a chain those are all later.
  Inputs inputs;
  inputs.rows = inputs.keys = 8;
  inputs.fill(4);
  std::vector<int64_t> parent = {-1, 0, 1, 2, 3, 4, 5, 6};
  AttentionProblem tree = inputs.problem(), chain = tree;
  tree.mask = [&](const Point &p) {
    int64_t node = p.q;
    while (node > p.k) {
      node = parent[static_cast<size_t>(node)];
    }
    return node == p.k;
  };
  chain.mask = causal();
  expectEqual(attention(tree), attention(chain));
}

TEST(PropertyTest, BatchOrderAndThreadsDoNotMatter) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.mask = causal();
  problem.numThreads = 1;
  AttentionResult serial = attention(problem);
  problem.numThreads = 5;
  expectEqual(serial, attention(problem));
  // Swap the two batches by strides.
  for (View *view : {&problem.q, &problem.k, &problem.v}) {
    view->data += view->strides[0];
    view->strides[0] = -view->strides[0];
  }
  AttentionResult swapped = attention(problem);
  size_t half = serial.out.size() / 2;
  EXPECT_TRUE(std::equal(serial.out.begin(), serial.out.begin() + half,
                         swapped.out.begin() + half));
  EXPECT_TRUE(std::equal(serial.out.begin() + half, serial.out.end(),
                         swapped.out.begin()));
}

TEST(PropertyTest, PackedInputsAndValuesInsideKeys) {
  // q, k and v in one buffer [B, S, 3, H, D] as a projection leaves them.
  constexpr int64_t s = 6, h = 2, d = 4;
  std::vector<double> packed = randomValues(s * 3 * h * d, 9);
  auto part = [&](int64_t which) {
    return View{packed.data() + which * h * d,
                {1, h, s, d},
                {s * 3 * h * d, d, 3 * h * d, 1}};
  };
  AttentionProblem strided;
  strided.q = part(0);
  strided.k = part(1);
  strided.v = part(2);
  std::vector<double> copies[3];
  View views[3];
  for (int64_t which = 0; which < 3; ++which) {
    for (int64_t head = 0; head < h; ++head) {
      for (int64_t i = 0; i < s; ++i) {
        for (int64_t e = 0; e < d; ++e) {
          copies[which].push_back(packed[static_cast<size_t>(
              ((i * 3 + which) * h + head) * d + e)]);
        }
      }
    }
    views[which] = View::contiguous(copies[which].data(), {1, h, s, d});
  }
  AttentionProblem dense;
  dense.q = views[0];
  dense.k = views[1];
  dense.v = views[2];
  expectEqual(attention(strided), attention(dense));

  // v as the first 3 columns of k (a latent cache).
  strided.v = strided.k;
  strided.v.shape[3] = 3;
  AttentionResult latent = attention(strided);
  ASSERT_TRUE(latent.ok());
  EXPECT_EQ(latent.outShape.back(), 3);
}

TEST(PropertyTest, MaskedScoresDoNotMatter) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.mask = causal();
  AttentionResult expected = attention(problem);
  problem.score = [](double x, const Point &p) { return p.k > p.q ? NAN : x; };
  expectEqual(expected, attention(problem));
}

TEST(PropertyTest, AConstantShiftOfScoresMovesOnlyTheLse) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  AttentionResult base = attention(problem);
  problem.score = [](double x, const Point &) { return x + 3; };
  AttentionResult moved = attention(problem);
  expectNear(base.out, moved.out);
  for (double &lse : moved.lse) {
    lse -= 3;
  }
  expectNear(base.lse, moved.lse);
}

} // namespace
