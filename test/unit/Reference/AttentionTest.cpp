//===- AttentionTest.cpp - values computed by hand, edge cases ------------===//

#include "attn/Reference/Attention.h"
#include "Inputs.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attn::ref;
using namespace attn::ref::test;

namespace {

/// One head with head size 1: q [rows], k and v [keys].
struct Small {
  std::vector<double> q, k, v;

  AttentionProblem problem() const {
    AttentionProblem problem;
    auto rows = static_cast<int64_t>(q.size());
    auto keys = static_cast<int64_t>(k.size());
    problem.q = View::contiguous(q.data(), {1, 1, rows, 1});
    problem.k = View::contiguous(k.data(), {1, 1, keys, 1});
    problem.v = View::contiguous(v.data(), {1, 1, keys, 1});
    return problem;
  }
};

TEST(AttentionTest, ByHand) {
  // Weights 1/4 and 3/4.
  Small small{{1}, {0, std::log(3.0)}, {1, 5}};
  AttentionResult result = attention(small.problem());
  ASSERT_TRUE(result.ok()) << result.error;
  EXPECT_DOUBLE_EQ(result.out[0], 4.0);
  EXPECT_DOUBLE_EQ(result.lse[0], std::log(4.0));
  EXPECT_EQ(result.outShape, (std::vector<int64_t>{1, 1, 1, 1}));
  EXPECT_EQ(result.lseShape, (std::vector<int64_t>{1, 1, 1}));
}

TEST(AttentionTest, SinkByHand) {
  Small small{{1}, {0, std::log(3.0)}, {1, 5}};
  AttentionProblem problem = small.problem();
  problem.sinks = {std::log(4.0)}; // 1/8 and 3/8
  AttentionResult result = attention(problem);
  EXPECT_DOUBLE_EQ(result.out[0], 2.0);
  EXPECT_DOUBLE_EQ(result.lse[0], std::log(8.0));
  // With nothing visible the sink is all there is.
  problem.mask = [](const Point &) { return false; };
  result = attention(problem);
  EXPECT_EQ(result.out[0], 0.0);
  EXPECT_DOUBLE_EQ(result.lse[0], std::log(4.0));
}

TEST(AttentionTest, DefaultScaleIsOneOverRootD) {
  std::vector<double> q = {2, 0, 0, 0}, k = {1, 9, 9, 9, 0, 7, 7, 7},
                      v = {0, 1};
  AttentionProblem problem;
  problem.q = View::contiguous(q.data(), {1, 1, 1, 4});
  problem.k = View::contiguous(k.data(), {1, 1, 2, 4});
  problem.v = View::contiguous(v.data(), {1, 1, 2, 1});
  // Scores 2/sqrt(4) = 1 and 0.
  EXPECT_DOUBLE_EQ(attention(problem).out[0], 1 / (1 + std::exp(1.0)));
  problem.scale = 0.0;
  EXPECT_DOUBLE_EQ(attention(problem).out[0], 0.5);
}

TEST(AttentionTest, CausalIsAlignedBottomRight) {
  Small small{{0, 0}, {1, 2, 3}, {3, 6, 12}};
  AttentionProblem problem = small.problem();
  problem.mask = causal();
  AttentionResult result = attention(problem);
  EXPECT_DOUBLE_EQ(result.out[0], 4.5); // keys 0 and 1
  EXPECT_DOUBLE_EQ(result.out[1], 7.0); // all
  EXPECT_DOUBLE_EQ(result.lse[0], std::log(2.0));
  problem.offsets = {0};
  result = attention(problem);
  EXPECT_DOUBLE_EQ(result.out[0], 3.0);
  EXPECT_DOUBLE_EQ(result.out[1], 4.5);
  // More queries than keys: the first rows see nothing.
  Small wide{{0, 0, 0}, {1}, {3}};
  problem = wide.problem();
  problem.mask = causal();
  result = attention(problem);
  EXPECT_EQ(result.out, (std::vector<double>{0, 0, 3}));
  EXPECT_EQ(result.lse[0], -INFINITY);
  EXPECT_EQ(result.lse[1], -INFINITY);
  EXPECT_EQ(result.lse[2], 0);
}

TEST(AttentionTest, ScoreSeesThePoint) {
  Small small{{1, 1}, {0, 0, 0}, {1, 2, 4}};
  AttentionProblem problem = small.problem();
  problem.score = [](double x, const Point &p) {
    EXPECT_EQ(p.q, p.i + 1);
    // All of row 0 to key 2, all of row 1 to key 0.
    return x + (p.k == (p.i == 0 ? 2 : 0) ? 0.0 : -INFINITY);
  };
  problem.numThreads = 1;
  AttentionResult result = attention(problem);
  EXPECT_EQ(result.out, (std::vector<double>{4, 1}));
  problem.score = [](double, const Point &) { return -INFINITY; };
  result = attention(problem);
  EXPECT_EQ(result.out, (std::vector<double>{0, 0}));
  EXPECT_EQ(result.lse[0], -INFINITY);
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  Small small{{1}, {1e5, 1e5 + std::log(3.0)}, {1, 5}};
  AttentionResult result = attention(small.problem());
  EXPECT_NEAR(result.out[0], 4.0, 1e-9);
  EXPECT_NEAR(result.lse[0], 1e5 + std::log(4.0), 1e-9);
}

TEST(AttentionTest, AVisibleNaNSpoilsItsRowsOnly) {
  Small small{{1, 1}, {0, 1, NAN}, {1, 2, 3}};
  AttentionProblem problem = small.problem();
  problem.mask = causal();
  AttentionResult result = attention(problem);
  EXPECT_FALSE(std::isnan(result.out[0]));
  EXPECT_TRUE(std::isnan(result.out[1]));
  EXPECT_TRUE(std::isnan(result.lse[1]));
}

TEST(AttentionTest, EmptySizes) {
  Inputs inputs;
  auto sizes = [&](int64_t batch, int64_t rows, int64_t keys, int64_t headSize,
                   int64_t outSize) {
    inputs.batch = batch;
    inputs.rows = rows;
    inputs.keys = keys;
    inputs.headSize = headSize;
    inputs.outSize = outSize;
    inputs.fill(1);
    return attention(inputs.problem());
  };
  EXPECT_TRUE(sizes(0, 7, 11, 5, 3).out.empty());
  EXPECT_TRUE(sizes(2, 0, 11, 5, 3).lse.empty());
  AttentionResult noKeys = sizes(2, 7, 0, 5, 3);
  ASSERT_TRUE(noKeys.ok());
  for (double x : noKeys.out) {
    EXPECT_EQ(x, 0);
  }
  for (double x : noKeys.lse) {
    EXPECT_EQ(x, -INFINITY);
  }
  AttentionResult noHead = sizes(2, 7, 11, 0, 3);
  ASSERT_TRUE(noHead.ok());
  EXPECT_DOUBLE_EQ(noHead.lse[0], std::log(11.0));
  AttentionResult noOut = sizes(2, 7, 11, 5, 0);
  EXPECT_TRUE(noOut.out.empty());
  EXPECT_EQ(noOut.lse.size(), 2u * 4 * 7);
}

TEST(AttentionTest, PlainFormRoundsWhereItSays) {
  // S = 0 and 1 + 2^-9, which bf16 rounds to 1.
  Small small{{1}, {0, 1 + 0x1p-7}, {1, 2}};
  AttentionProblem problem = small.problem();
  problem.scale = (1 + 0x1p-9) / (1 + 0x1p-7);
  AttentionResult plain = plainAttention(problem, Precision::kBF16);
  double p0 = roundTo(Precision::kBF16, 1 / (1 + std::exp(1.0f)));
  double p1 = roundTo(Precision::kBF16, std::exp(1.0f) / (1 + std::exp(1.0f)));
  EXPECT_EQ(plain.out[0], roundTo(Precision::kBF16, p0 + 2 * p1));
  EXPECT_NEAR(plain.lse[0], std::log(1 + std::exp(1.0)), 1e-6);
  // The input itself is rounded too.
  Small other{{1}, {0}, {1 + 0x1p-9}};
  EXPECT_EQ(plainAttention(other.problem(), Precision::kBF16).out[0], 1.0);
  EXPECT_EQ(plainAttention(other.problem(), Precision::kF16).out[0],
            1 + 0x1p-9);
}

TEST(AttentionTest, PlainFormIsClose) {
  Inputs inputs;
  AttentionProblem problem = inputs.problem();
  problem.mask = causal();
  AttentionResult exact = attention(problem);
  for (Precision precision :
       {Precision::kF64, Precision::kF32, Precision::kF16, Precision::kBF16}) {
    AttentionResult plain = plainAttention(problem, precision);
    double worst = 0;
    for (size_t i = 0; i < exact.out.size(); ++i) {
      worst = std::max(worst, std::fabs(exact.out[i] - plain.out[i]));
    }
    EXPECT_LE(worst, 20 * unitRoundoff(precision));
    EXPECT_EQ(worst == 0, precision == Precision::kF64);
  }
}

TEST(AttentionTest, Errors) {
  Inputs inputs;
  auto errorOf = [](const AttentionProblem &problem) {
    return attention(problem).error;
  };
  AttentionProblem problem = inputs.problem();
  problem.k = View::contiguous(inputs.k.data(), {2, 2, 11, 4});
  EXPECT_EQ(errorOf(problem), "the shapes of q, k and v do not fit together");
  problem = inputs.problem();
  problem.q = View::contiguous(inputs.q.data(), {2, 3, 7, 5});
  EXPECT_EQ(errorOf(problem),
            "expected the query heads (3) to be a multiple of the key heads "
            "(2)");
  problem = inputs.problem();
  problem.kvLengths = {3, 12};
  EXPECT_EQ(errorOf(problem), "kv length 12 of batch 1 is not in 0..11");
  problem.kvLengths = {3};
  EXPECT_EQ(errorOf(problem), "expected one kv length per batch");
  problem = inputs.problem();
  problem.sinks = {1};
  EXPECT_EQ(errorOf(problem), "expected one sink per query head");
  problem = inputs.problem();
  problem.layout = Layout::kThd;
  EXPECT_EQ(errorOf(problem), "expected q, k and v of rank 3");
  problem.q = View::contiguous(inputs.q.data(), {14, 4, 5});
  problem.k = View::contiguous(inputs.k.data(), {22, 2, 5});
  problem.v = View::contiguous(inputs.v.data(), {22, 2, 3});
  problem.cuSeqlensQ = {0, 9, 14};
  problem.cuSeqlensK = {0, 25, 22};
  EXPECT_EQ(errorOf(problem), "expected cuSeqlensK to ascend from 0 to 22");
}

} // namespace
