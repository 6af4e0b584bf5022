//===- RecurrenceTest.cpp - recurrences against other forms of them -------===//
// Compiled in f64, so that what differs is the method and not the rounding:
// sums over pairs of tokens for scans, dense matrices for kernels, and kernels
// of convolutions for scans.
//===----------------------------------------------------------------------===//

#include "CallText.h"

#include "attn/Reference/Hippo.h"
#include "attn/Reference/Recurrence.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace attn;
using attn::ref::Complex;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

std::vector<double> random(int64_t count, uint64_t stream, double scale = 1) {
  std::vector<double> x = randomTensor({count}, stream).toDoubles();
  for (double &value : x) {
    value *= scale;
  }
  return x;
}

Tensor tensor(rt::Shape shape, const std::vector<double> &values,
              DType type = DType::kF64) {
  return *Tensor::fromValues(type, std::move(shape), values);
}

/// Replaces each NAME of `text` by its number.
std::string
with(std::string text,
     std::initializer_list<std::pair<const char *, int64_t>> sizes) {
  for (const auto &[name, size] : sizes) {
    std::string key = std::string("$") + name;
    for (size_t at; (at = text.find(key)) != std::string::npos;) {
      text.replace(at, key.size(), std::to_string(size));
    }
  }
  return text;
}

void expectClose(const std::vector<double> &got,
                 const std::vector<double> &expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  double most = 0, error = 0;
  for (size_t n = 0; n < got.size(); ++n) {
    most = std::max(most, std::abs(expected[n]));
    error = std::max(error, std::abs(got[n] - expected[n]));
    ASSERT_FALSE(std::isnan(got[n])) << n;
  }
  EXPECT_LE(error, tolerance * most);
}

//===----------------------------------------------------------------------===//
// Random features
//===----------------------------------------------------------------------===//

/// Rows in blocks of orthogonal ones, as long as rows of normal numbers are.
std::vector<double> orthogonal(int64_t rows, int64_t size, uint64_t stream) {
  std::vector<double> w = random(rows * size, stream);
  std::vector<double> lengths = random(rows * size, stream + 1000);
  for (int64_t r = 0; r < rows; ++r) {
    double *x = w.data() + r * size;
    auto dot = [&](const double *y) {
      double sum = 0;
      for (int64_t d = 0; d < size; ++d) {
        sum += x[d] * y[d];
      }
      return sum;
    };
    auto scale = [&](double factor) {
      for (int64_t d = 0; d < size; ++d) {
        x[d] *= factor;
      }
    };
    for (int64_t k = r / size * size; k < r; ++k) {
      const double *y = w.data() + k * size;
      double share = dot(y);
      for (int64_t d = 0; d < size; ++d) {
        x[d] -= share * y[d];
      }
    }
    scale(1 / std::sqrt(dot(x)));
  }
  // Only now, since the rows above are taken as unit vectors.
  for (int64_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (int64_t d = 0; d < size; ++d) {
      squares += lengths[r * size + d] * lengths[r * size + d];
    }
    for (int64_t d = 0; d < size; ++d) {
      w[r * size + d] *= std::sqrt(squares);
    }
  }
  return w;
}

constexpr int64_t kTokens = 70, kSize = 16, kValues = 8;

std::string favorText(int64_t features, const std::string &attributes) {
  return with(R"(
func.func @f(%q: tensor<1x1x$Tx$Dxf64>, %k: tensor<1x1x$Tx$Dxf64>, %v: tensor<1x1x$Tx$Vxf64>, %w: tensor<$Mx$Dxf64>) -> tensor<1x1x$Tx$Vxf64> {
  %init = tensor.empty() : tensor<1x1x$Tx$Vxf64>
  %y = attn.linear_attention ins(%q, %k, %v : tensor<1x1x$Tx$Dxf64>, tensor<1x1x$Tx$Dxf64>, tensor<1x1x$Tx$Vxf64>) favor(%w : tensor<$Mx$Dxf64>)
      outs(%init : tensor<1x1x$Tx$Vxf64>) {chunk = 32 : i64, )" +
                  attributes +
                  R"(} -> tensor<1x1x$Tx$Vxf64>
  return %y : tensor<1x1x$Tx$Vxf64>
})",
              {{"T", kTokens}, {"D", kSize}, {"V", kValues}, {"M", features}});
}

std::vector<double> favor(const std::string &text, const std::vector<double> &q,
                          const std::vector<double> &k,
                          const std::vector<double> &v,
                          const std::vector<double> &w) {
  auto features = static_cast<int64_t>(w.size()) / kSize;
  std::vector<Tensor> out =
      call(text, tensor({1, 1, kTokens, kSize}, q),
           tensor({1, 1, kTokens, kSize}, k),
           tensor({1, 1, kTokens, kValues}, v), tensor({features, kSize}, w));
  return out.empty() ? std::vector<double>() : out[0].toDoubles();
}

TEST(Recurrence, FavorIsASumOverPairs) {
  constexpr int64_t kFeatures = 40;
  std::vector<double> q = random(kTokens * kSize, 1, 0.7),
                      k = random(kTokens * kSize, 2, 0.7),
                      v = random(kTokens * kValues, 3),
                      w = orthogonal(kFeatures, kSize, 4);
  expectClose(favor(favorText(kFeatures, "normalized"), q, k, v, w),
              ref::favorAttention({kSize, q}, {kSize, k}, {kValues, v},
                                  {kSize, w}, 1e-4, 1e-6),
              1e-12);
  expectClose(
      favor(favorText(kFeatures, "feature_epsilon = 0.01 : f64"), q, k, v, w),
      ref::favorAttention({kSize, q}, {kSize, k}, {kValues, v}, {kSize, w},
                          1e-2, -1),
      1e-12);
}

TEST(Recurrence, FavorDoesNotSeeTheFuture) {
  constexpr int64_t kFeatures = 40, kChanged = 45;
  for (const char *kind : {"normalized", "normalized, exact"}) {
    std::string text = favorText(kFeatures, kind);
    if (std::strstr(kind, "exact")) {
      text.erase(text.find("chunk = 32 : i64, "), 18);
    }
    std::vector<double> q = random(kTokens * kSize, 1),
                        k = random(kTokens * kSize, 2),
                        v = random(kTokens * kValues, 3),
                        w = orthogonal(kFeatures, kSize, 4);
    std::vector<double> before = favor(text, q, k, v, w);
    for (int64_t d = 0; d < kSize; ++d) {
      k[kChanged * kSize + d] *= 30; // an exponent far above all others
    }
    std::vector<double> after = favor(text, q, k, v, w);
    ASSERT_EQ(before.size(), after.size());
    for (int64_t n = 0; n < kChanged * kValues; ++n) {
      EXPECT_EQ(before[n], after[n]) << kind << " " << n / kValues;
    }
    EXPECT_NE(before[kChanged * kValues], after[kChanged * kValues]);
  }
}

// The error falls with 1 / sqrt(M): by 4 from M to 16 M.
TEST(Recurrence, FavorConverges) {
  constexpr int64_t kSeeds = 6;
  std::vector<double> q = random(kTokens * kSize, 1, 0.3),
                      k = random(kTokens * kSize, 2, 0.3),
                      v = random(kTokens * kValues, 3);
  std::vector<double> expected =
      ref::kernelAttention({kSize, q}, {kSize, k}, {kValues, v});
  auto error = [&](int64_t features) {
    std::string text =
        favorText(features, "normalized, feature_epsilon = 1.0e-12 : f64");
    double sum = 0;
    for (int64_t seed = 0; seed < kSeeds; ++seed) {
      std::vector<double> got =
          favor(text, q, k, v, orthogonal(features, kSize, 100 + seed));
      for (size_t n = 0; n < got.size(); ++n) {
        sum += (got[n] - expected[n]) * (got[n] - expected[n]);
      }
    }
    return std::sqrt(sum);
  };
  double few = error(16), many = error(256);
  EXPECT_GT(few / many, 2.8);
  EXPECT_LT(few / many, 5.7);
}

//===----------------------------------------------------------------------===//
// State spaces
//===----------------------------------------------------------------------===//

// Heads that share b and c, in a number that is no multiple of those of a task.
TEST(Recurrence, SSDIsASumOverPairs) {
  constexpr int64_t kLength = 130, kHeads = 6, kRows = 5, kStates = 7;
  std::string text =
      with(R"(
func.func @f(%x: tensor<1x$Tx$Hx$Pxf64>, %dt: tensor<1x$Tx$Hxf64>, %a: tensor<$Hxf64>, %b: tensor<1x$Tx1x$Nxf64>, %c: tensor<1x$Tx1x$Nxf64>) -> tensor<1x$Tx$Hx$Pxf64> {
  %init = tensor.empty() : tensor<1x$Tx$Hx$Pxf64>
  %y = attn.ssd ins(%x, %dt, %a, %b, %c : tensor<1x$Tx$Hx$Pxf64>, tensor<1x$Tx$Hxf64>, tensor<$Hxf64>, tensor<1x$Tx1x$Nxf64>, tensor<1x$Tx1x$Nxf64>)
      outs(%init : tensor<1x$Tx$Hx$Pxf64>) -> tensor<1x$Tx$Hx$Pxf64>
  return %y : tensor<1x$Tx$Hx$Pxf64>
})",
           {{"T", kLength}, {"H", kHeads}, {"P", kRows}, {"N", kStates}});
  std::vector<double> x = random(kLength * kHeads * kRows, 1),
                      dt = random(kLength * kHeads, 2, 0.2),
                      a = random(kHeads, 3), b = random(kLength * kStates, 4),
                      c = random(kLength * kStates, 5);
  for (double &step : dt) {
    step = std::abs(step);
  }
  for (double &rate : a) {
    rate = -std::abs(rate);
  }
  std::vector<Tensor> out = call(
      text, tensor({1, kLength, kHeads, kRows}, x),
      tensor({1, kLength, kHeads}, dt), tensor({kHeads}, a),
      tensor({1, kLength, 1, kStates}, b), tensor({1, kLength, 1, kStates}, c));
  ASSERT_EQ(out.size(), 1u);
  for (int64_t h = 0; h < kHeads; ++h) {
    std::vector<double> ofHead, steps, got;
    for (int64_t t = 0; t < kLength; ++t) {
      steps.push_back(dt[t * kHeads + h]);
      for (int64_t p = 0; p < kRows; ++p) {
        ofHead.push_back(x[(t * kHeads + h) * kRows + p]);
        got.push_back(out[0].get((t * kHeads + h) * kRows + p));
      }
    }
    expectClose(
        got, ref::ssd({kRows, ofHead}, steps, a[h], {kStates, b}, {kStates, c}),
        1e-12);
  }
}

// Channels with other parameters at each token.
TEST(Recurrence, ComplexStatesStepByStep) {
  constexpr int64_t kLength = 37, kChannels = 11, kStates = 5;
  for (const char *zoh : {"", ", zoh"}) {
    std::string text = with(R"(
func.func @f(%u: tensor<1x$Tx$Cxf64>, %delta: tensor<1x$Tx$Cxf64>, %a: tensor<$Cx$Nx2xf64>, %b: tensor<1x$Tx1x$Nx2xf64>, %c: tensor<1x$Tx1x$Nx2xf64>) -> tensor<1x$Tx$Cxf64> {
  %init = tensor.empty() : tensor<1x$Tx$Cxf64>
  %y = attn.ssm_scan ins(%u, %delta, %a, %b, %c : tensor<1x$Tx$Cxf64>, tensor<1x$Tx$Cxf64>, tensor<$Cx$Nx2xf64>, tensor<1x$Tx1x$Nx2xf64>, tensor<1x$Tx1x$Nx2xf64>)
      outs(%init : tensor<1x$Tx$Cxf64>) {complex)" +
                                std::string(zoh) +
                                R"(} -> tensor<1x$Tx$Cxf64>
  return %y : tensor<1x$Tx$Cxf64>
})",
                            {{"T", kLength}, {"C", kChannels}, {"N", kStates}});
    std::vector<double> u = random(kLength * kChannels, 1),
                        delta = random(kLength * kChannels, 2, 0.3),
                        a = random(kChannels * kStates * 2, 3, 4),
                        b = random(kLength * kStates * 2, 4),
                        c = random(kLength * kStates * 2, 5);
    for (int64_t n = 0; n < kChannels * kStates; ++n) {
      a[2 * n] = -std::abs(a[2 * n]);
    }
    a[0] = a[1] = 0; // whose weight is delta
    auto numbers = [&](const std::vector<double> &of, int64_t row) {
      std::vector<Complex> result;
      for (int64_t n = 0; n < kStates; ++n) {
        const double *x = of.data() + (row * kStates + n) * 2;
        result.emplace_back(x[0], x[1]);
      }
      return result;
    };
    std::vector<double> expected(kLength * kChannels);
    for (int64_t d = 0; d < kChannels; ++d) {
      std::vector<Complex> state(kStates);
      for (int64_t t = 0; t < kLength; ++t) {
        int64_t at = t * kChannels + d;
        ref::StateSpace space{delta[at], numbers(a, d), numbers(b, t),
                              numbers(c, t)};
        expected[at] = ref::stepState(space, u[at], *zoh, state);
      }
    }
    std::vector<Tensor> out = call(text, tensor({1, kLength, kChannels}, u),
                                   tensor({1, kLength, kChannels}, delta),
                                   tensor({kChannels, kStates, 2}, a),
                                   tensor({1, kLength, 1, kStates, 2}, b),
                                   tensor({1, kLength, 1, kStates, 2}, c));
    ASSERT_EQ(out.size(), 1u);
    expectClose(out[0].toDoubles(), expected, 1e-12);
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

// What a state space with the matrices of HiPPO answers, by those of N x N and
// by the diagonal form that is compiled.
TEST(Recurrence, KernelsOfHippoAreThoseOfDenseMatrices) {
  constexpr int64_t kStates = 16, kTaps = 100;
  const std::pair<const char *, ref::Hippo> measures[] = {
      {"legs", ref::Hippo::kLegS},
      {"legt", ref::Hippo::kLegT},
      {"fout", ref::Hippo::kFouT}};
  for (const auto &[name, measure] : measures) {
    std::string text =
        with(R"(
func.func @f(%delta: tensor<1xf64>) -> tensor<1x$Lxf64> {
  %l, %p, %b = attn.hippo )" +
                 std::string(name) +
                 R"( : tensor<$Mx2xf64>, tensor<$Rx$Mx2xf64>, tensor<$Mx2xf64>
  %l1 = tensor.expand_shape %l [[0, 1], [2]] output_shape [1, $M, 2] : tensor<$Mx2xf64> into tensor<1x$Mx2xf64>
  %p1 = tensor.expand_shape %p [[0, 1], [2], [3]] output_shape [1, $R, $M, 2] : tensor<$Rx$Mx2xf64> into tensor<1x$Rx$Mx2xf64>
  %b1 = tensor.expand_shape %b [[0, 1], [2]] output_shape [1, $M, 2] : tensor<$Mx2xf64> into tensor<1x$Mx2xf64>
  %init = tensor.empty() : tensor<1x$Lxf64>
  %k = attn.s4_kernel ins(%delta, %l1, %b1, %b1 : tensor<1xf64>, tensor<1x$Mx2xf64>, tensor<1x$Mx2xf64>, tensor<1x$Mx2xf64>)
      low_rank(%p1, %p1 : tensor<1x$Rx$Mx2xf64>, tensor<1x$Rx$Mx2xf64>) outs(%init : tensor<1x$Lxf64>) {bilinear, complex} -> tensor<1x$Lxf64>
  return %k : tensor<1x$Lxf64>
})",
             {{"L", kTaps},
              {"M", kStates / 2},
              {"R", measure == ref::Hippo::kLegT ? 2 : 1}});
    ref::HippoMatrices m = ref::hippoMatrices(measure, kStates);
    // b is real in the basis of eigenvectors, so that reading by b there is
    // reading by b here. A is minus a sum of its columns.
    ref::StateSpace dense{0.02, std::vector<Complex>(kStates), {}, {}};
    dense.pairs = false;
    dense.b.assign(m.b.begin(), m.b.end());
    dense.c = dense.b;
    for (int64_t k = 0; k < kStates; ++k) {
      std::vector<Complex> column(kStates), unit(kStates);
      for (int64_t n = 0; n < kStates; ++n) {
        column[n] = -m.a[n * kStates + k];
      }
      unit[k] = 1;
      dense.p.push_back(column);
      dense.q.push_back(unit);
    }
    std::vector<Tensor> out = call(text, tensor({1}, {0.02}));
    ASSERT_EQ(out.size(), 1u);
    expectClose(out[0].toDoubles(),
                ref::impulseResponse(dense, kTaps, /*bilinear=*/true), 1e-11);
  }
}

TEST(Recurrence, DiagonalKernels) {
  constexpr int64_t kChannels = 10, kStates = 6, kTaps = 65;
  for (const char *bilinear : {"", ", bilinear"}) {
    std::string text = with(R"(
func.func @f(%delta: tensor<$Cxf64>, %a: tensor<$Cx$Nx2xf64>, %b: tensor<$Cx$Nx2xf64>, %c: tensor<$Cx$Nx2xf64>) -> tensor<$Cx$Lxf64> {
  %init = tensor.empty() : tensor<$Cx$Lxf64>
  %k = attn.s4_kernel ins(%delta, %a, %b, %c : tensor<$Cxf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>)
      outs(%init : tensor<$Cx$Lxf64>) {complex)" +
                                std::string(bilinear) +
                                R"(} -> tensor<$Cx$Lxf64>
  return %k : tensor<$Cx$Lxf64>
})",
                            {{"C", kChannels}, {"N", kStates}, {"L", kTaps}});
    std::vector<double> delta = random(kChannels, 1, 0.1),
                        a = random(kChannels * kStates * 2, 2, 5),
                        b = random(kChannels * kStates * 2, 3),
                        c = random(kChannels * kStates * 2, 4);
    for (double &step : delta) {
      step = std::abs(step);
    }
    for (int64_t n = 0; n < kChannels * kStates; ++n) {
      a[2 * n] = -std::abs(a[2 * n]);
    }
    a[0] = a[1] = 0;
    std::vector<double> expected;
    for (int64_t d = 0; d < kChannels; ++d) {
      ref::StateSpace space{delta[d], {}, {}, {}};
      for (int64_t n = 0; n < kStates; ++n) {
        int64_t at = (d * kStates + n) * 2;
        space.a.emplace_back(a[at], a[at + 1]);
        space.b.emplace_back(b[at], b[at + 1]);
        space.c.emplace_back(c[at], c[at + 1]);
      }
      std::vector<double> row =
          ref::impulseResponse(space, kTaps, *bilinear != 0);
      expected.insert(expected.end(), row.begin(), row.end());
    }
    std::vector<Tensor> out = call(
        text, tensor({kChannels}, delta), tensor({kChannels, kStates, 2}, a),
        tensor({kChannels, kStates, 2}, b), tensor({kChannels, kStates, 2}, c));
    ASSERT_EQ(out.size(), 1u);
    expectClose(out[0].toDoubles(), expected, 1e-12);
  }
}

// A convolution with the kernel is the scan.
TEST(Recurrence, ConvolutionIsTheRecurrence) {
  constexpr int64_t kChannels = 9, kStates = 4;
  for (int64_t length : {1, 2, 63, 4097}) {
    std::string text = with(R"(
func.func @f(%u: tensor<2x$Lx$Cxf64>, %delta: tensor<$Cxf64>, %a: tensor<$Cx$Nx2xf64>, %b: tensor<$Cx$Nx2xf64>, %c: tensor<$Cx$Nx2xf64>, %d: tensor<$Cxf64>)
    -> (tensor<2x$Lx$Cxf64>, tensor<2x$Lx$Cxf64>) {
  %e = tensor.empty() : tensor<$Cx$Lxf64>
  %k = attn.s4_kernel ins(%delta, %a, %b, %c : tensor<$Cxf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>)
      outs(%e : tensor<$Cx$Lxf64>) {complex} -> tensor<$Cx$Lxf64>
  %i = tensor.empty() : tensor<2x$Lx$Cxf64>
  %x = attn.fft_conv ins(%u, %k : tensor<2x$Lx$Cxf64>, tensor<$Cx$Lxf64>) skip(%d : tensor<$Cxf64>) outs(%i : tensor<2x$Lx$Cxf64>) -> tensor<2x$Lx$Cxf64>
  %y = attn.ssm_scan ins(%u, %delta, %a, %b, %c : tensor<2x$Lx$Cxf64>, tensor<$Cxf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>, tensor<$Cx$Nx2xf64>)
      skip(%d : tensor<$Cxf64>) outs(%i : tensor<2x$Lx$Cxf64>) {complex, zoh} -> tensor<2x$Lx$Cxf64>
  return %x, %y : tensor<2x$Lx$Cxf64>, tensor<2x$Lx$Cxf64>
})",
                            {{"L", length}, {"C", kChannels}, {"N", kStates}});
    std::vector<double> delta = random(kChannels, 1, 0.05),
                        a = random(kChannels * kStates * 2, 2, 3),
                        b = random(kChannels * kStates * 2, 3),
                        c = random(kChannels * kStates * 2, 4),
                        d = random(kChannels, 5);
    for (double &step : delta) {
      step = std::abs(step);
    }
    for (int64_t n = 0; n < kChannels * kStates; ++n) {
      a[2 * n] = -std::abs(a[2 * n]) - 0.1;
    }
    rt::Shape numbers{kChannels, kStates, 2};
    std::vector<Tensor> out = call(
        text, tensor({2, length, kChannels}, random(2 * length * kChannels, 6)),
        tensor({kChannels}, delta), tensor(numbers, a), tensor(numbers, b),
        tensor(numbers, c), tensor({kChannels}, d));
    ASSERT_EQ(out.size(), 2u);
    expectClose(out[0].toDoubles(), out[1].toDoubles(), 1e-10);
  }
}

} // namespace
