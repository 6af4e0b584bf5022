//===- PropertyTest.cpp - what must not change a result -------------------===//
// Relations between runs, bit by bit where the design promises that, and the
// sizes that a sample of small cases does not reach.
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <dlfcn.h>

using namespace attn;
using namespace attn::sweep;
using attn::ref::Layout;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

Lengths same(int64_t batch, int64_t queries, int64_t keys) {
  auto count = static_cast<size_t>(batch);
  return {std::vector<int64_t>(count, queries),
          std::vector<int64_t>(count, keys)};
}

Case makeCase(const std::string &mask, const Lengths &lengths) {
  Case c;
  c.seed = 7;
  c.mask = mask;
  c.launches = {lengths};
  c.shapes = Shapes::kDynamicLengths;
  return c;
}

/// Runs `c` on `data`; fails the test where that fails.
Values run(const Case &c, const Data &data) {
  std::string error;
  Values values;
  std::unique_ptr<Program> program = Program::make(c, error);
  if (program) {
    error = program->run(data, values);
  }
  EXPECT_TRUE(error.empty()) << error << "\n"
                             << c.describe() << "\n"
                             << moduleText(c);
  return values;
}

/// Equality of bits: NaN equals NaN, 0 does not equal -0.
testing::AssertionResult sameBits(const std::vector<double> &x,
                                  const std::vector<double> &y) {
  if (x.size() != y.size()) {
    return testing::AssertionFailure()
           << x.size() << " elements against " << y.size();
  }
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::memcmp(&x[i], &y[i], sizeof(double)) != 0) {
      return testing::AssertionFailure()
             << "element " << i << ": " << x[i] << " against " << y[i];
    }
  }
  return testing::AssertionSuccess();
}

void expectSame(const Case &c, const Values &x, const Values &y) {
  EXPECT_TRUE(sameBits(x.out, y.out)) << c.describe() << "\n" << moduleText(c);
  EXPECT_TRUE(sameBits(x.lse, y.lse)) << c.describe() << "\n" << moduleText(c);
}

void expectCorrect(const Case &c) {
  std::string failure = check(c);
  EXPECT_TRUE(failure.empty()) << failure;
}

/// A copy of `tensor` whose entry b of the first dimension is entry order[b].
Tensor permuted(const Tensor &tensor, const std::vector<int64_t> &order) {
  Tensor copy = *Tensor::create(tensor.dtype(), tensor.shape());
  int64_t bytes = tensor.numBytes() / tensor.shape().front();
  for (size_t b = 0; b < order.size(); ++b) {
    std::memcpy(copy.dataAs<char>() + static_cast<int64_t>(b) * bytes,
                tensor.dataAs<char>() + order[b] * bytes,
                static_cast<size_t>(bytes));
  }
  return copy;
}

/// The forms that a reduction takes: prefill, decode with splits, ragged rows.
std::vector<Case> manyForms() {
  std::vector<Case> cases;
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    Case prefill = makeCase("#attn.causal", same(3, 300, 300));
    prefill.heads = 6;
    prefill.keyHeads = 3;
    cases.push_back(prefill);
    Case decode = makeCase("", same(3, 1, 3000));
    decode.heads = 8;
    decode.keyHeads = 2;
    decode.options.split = 512;
    cases.push_back(decode);
    Case ragged =
        makeCase("#attn.window<127, 64>", {{5, 0, 130}, {70, 9, 130}});
    ragged.layout = Layout::kThd;
    cases.push_back(ragged);
    for (size_t i = cases.size() - 3; i < cases.size(); ++i) {
      cases[i].dtype = cases[i].outType = dtype;
    }
  }
  return cases;
}

// Hidden keys between visible ones cannot be skipped as a range, and their
// weight of 0 must not meet their NaN.
TEST(Property, HiddenKeysMayHoldNaNBetweenVisibleOnes) {
  for (int64_t heads : {2, 32}) { // few rows, and as many as make lanes
    Case c = makeCase("#attn.dilated<3>", same(2, 2, 500));
    c.launches.push_back(same(2, 1, 500));
    c.heads = heads;
    c.keyHeads = 1;
    c.poison = Poison::kHidden;
    expectCorrect(c);
  }
}

TEST(Property, ThreadsDoNotChangeBits) {
  ASSERT_TRUE(rt::loadOpenMP().ok());
  auto set = reinterpret_cast<void (*)(int)>(
      ::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  auto most =
      reinterpret_cast<int (*)()>(::dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  ASSERT_TRUE(set && most);
  int threads = most();
  for (const Case &c : manyForms()) {
    Data data = makeData(c, c.launches.front());
    std::string error;
    std::unique_ptr<Program> program = Program::make(c, error);
    ASSERT_TRUE(program) << error;
    Values one, many;
    set(1);
    ASSERT_EQ(program->run(data, one), "");
    for (int count : {2, 3, 7}) {
      set(count);
      ASSERT_EQ(program->run(data, many), "");
      expectSame(c, one, many);
    }
    // Nor does the form without threads.
    Case serial = c;
    serial.options.openmp = false;
    expectSame(serial, one, run(serial, data));
  }
  set(threads);
}

TEST(Property, RunsRepeatBitByBit) {
  for (const Case &c : manyForms()) {
    Data data = makeData(c, c.launches.front());
    std::string error;
    std::unique_ptr<Program> program = Program::make(c, error);
    ASSERT_TRUE(program) << error;
    Values first, again;
    ASSERT_EQ(program->run(data, first), "");
    for (int n = 0; n < 5; ++n) {
      ASSERT_EQ(program->run(data, again), "");
      expectSame(c, first, again);
    }
  }
}

TEST(Property, BatchOrderDoesNotChangeBits) {
  const std::vector<int64_t> order = {2, 0, 1};
  for (Case c : manyForms()) {
    if (c.ragged()) {
      continue;
    }
    c.kvLens = KvLens::kSome;
    Data data = makeData(c, c.launches.front());
    Data other = makeData(c, c.launches.front());
    other.q = permuted(data.q, order);
    other.k = permuted(data.k, order);
    other.v = permuted(data.v, order);
    for (size_t b = 0; b < order.size(); ++b) {
      other.kvLens[b] = data.kvLens[static_cast<size_t>(order[b])];
    }
    Values x = run(c, data), y = run(c, other), expected = x;
    for (auto part : {&Values::out, &Values::lse}) {
      size_t each = (x.*part).size() / order.size();
      for (size_t b = 0; b < order.size(); ++b) {
        std::copy_n(
            (x.*part).begin() +
                static_cast<int64_t>(static_cast<size_t>(order[b]) * each),
            each, (expected.*part).begin() + static_cast<int64_t>(b * each));
      }
    }
    expectSame(c, expected, y);
  }
}

TEST(Property, WhatOtherSequencesHoldDoesNotMatter) {
  // A sequence gives the same bits alone as in a batch with longer ones.
  Case c = makeCase("#attn.causal", {{100, 1, 257}, {100, 40, 300}});
  c.layout = Layout::kThd;
  Data all = makeData(c, c.launches.front());
  Values together = run(c, all);
  Lengths firstAlone = {{100}, {100}};
  Data alone = makeData(c, firstAlone);
  for (auto [part, whole] : {std::pair<Tensor *, Tensor *>{&alone.q, &all.q},
                             {&alone.k, &all.k},
                             {&alone.v, &all.v}}) {
    std::memcpy(part->data(), whole->data(),
                static_cast<size_t>(part->numBytes()));
  }
  Values single = run(c, alone);
  together.out.resize(single.out.size());
  EXPECT_TRUE(sameBits(together.out, single.out));
}

TEST(Property, GroupsEqualRepeatedKeys) {
  for (int64_t queries : {1, 200}) {
    Case grouped = makeCase("#attn.causal", same(2, queries, 200));
    grouped.heads = 8;
    grouped.keyHeads = 2;
    Case repeated = grouped;
    repeated.keyHeads = 8;
    Data data = makeData(grouped, grouped.launches.front());
    Data wide = makeData(repeated, repeated.launches.front());
    wide.q = data.q.share();
    int64_t each = 200 * grouped.size;
    for (auto [to, from] : {std::pair<Tensor *, Tensor *>{&wide.k, &data.k},
                            {&wide.v, &data.v}}) {
      for (int64_t b = 0; b < 2; ++b) {
        for (int64_t h = 0; h < 8; ++h) {
          std::copy_n(from->dataAs<float>() + (b * 2 + h / 4) * each, each,
                      to->dataAs<float>() + (b * 8 + h) * each);
        }
      }
    }
    Values x = run(grouped, data), y = run(repeated, wide);
    // Prefill takes one head a tile either way; decode tiles differ.
    if (queries > 1) {
      expectSame(grouped, x, y);
    }
    std::string failure = compare(grouped, data, y);
    EXPECT_TRUE(failure.empty()) << failure;
  }
}

TEST(Property, WideWindowIsNoMask) {
  for (int64_t queries : {1, 150}) {
    Case none = makeCase("", same(2, queries, 150));
    Data data = makeData(none, none.launches.front());
    Case window = none;
    window.mask = "#attn.window<-1, -1>";
    expectSame(window, run(none, data), run(window, data));
  }
}

TEST(Property, SplitsAgree) {
  Case c = makeCase("", same(2, 1, 4097));
  c.heads = 8;
  c.keyHeads = 2;
  Data data = makeData(c, c.launches.front());
  for (int64_t split : {64, 100, 1000, 4096, 5000}) {
    c.options.split = split;
    std::string failure = compare(c, data, run(c, data));
    EXPECT_TRUE(failure.empty()) << failure << "\nsplit " << split;
  }
}

TEST(Property, RowsWithoutKeysAreZeroAndMinusInfinity) {
  // More queries than keys: the first ones see nothing.
  Case c = makeCase("#attn.causal", same(2, 100, 30));
  Values values = run(c, makeData(c, c.launches.front()));
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t h = 0; h < c.heads; ++h) {
      for (int64_t i = 0; i < 70; ++i) {
        auto row = static_cast<size_t>((b * c.heads + h) * 100 + i);
        ASSERT_TRUE(std::isinf(values.lse[row]) && values.lse[row] < 0) << i;
        for (int64_t d = 0; d < c.valueSize; ++d) {
          ASSERT_EQ(values.out[row * static_cast<size_t>(c.valueSize) +
                               static_cast<size_t>(d)],
                    0.0)
              << i;
        }
      }
    }
  }
}

TEST(Property, EveryHeadSize) {
  // One program each; a size beside every multiple of a vector up to 65, then
  // some of those that models have.
  std::vector<int64_t> sizes = {1,  2,  3,  7,  8,  9,  15,  17,  24,  31,
                                32, 33, 48, 63, 65, 72, 112, 160, 320, 575};
  for (int64_t size : sizes) {
    Case c = makeCase("#attn.causal", same(1, 33, 40));
    c.heads = c.keyHeads = 1;
    c.size = c.valueSize = size;
    c.launches.push_back(same(1, 1, 130));
    expectCorrect(c);
  }
}

TEST(Property, EveryLengthAroundTiles) {
  // All lengths of one program, so that every tail is met.
  for (const char *mask : {"", "#attn.causal", "#attn.window<15, 0>"}) {
    Case c = makeCase(mask, same(1, 1, 1));
    c.heads = 2;
    c.keyHeads = 1;
    c.size = 16;
    c.valueSize = 24;
    c.options.rows = 32;
    c.options.keys = 32;
    c.options.split = 64;
    c.launches.clear();
    for (int64_t n = 0; n < 70; ++n) {
      c.launches.push_back(same(1, n, n));
      c.launches.push_back(same(1, 1 + n % 3, 2 * n));
    }
    expectCorrect(c);
  }
}

TEST(Property, LongSequences) {
  Case prefill = makeCase("#attn.causal", same(1, 4097, 4097));
  prefill.heads = prefill.keyHeads = 1;
  prefill.size = prefill.valueSize = 16;
  expectCorrect(prefill);
  Case decode = makeCase("#attn.or<#attn.sink<4>, #attn.window<31, 0>>",
                         same(1, 1, 20001));
  decode.heads = 8;
  decode.keyHeads = 1;
  expectCorrect(decode);
}

} // namespace
