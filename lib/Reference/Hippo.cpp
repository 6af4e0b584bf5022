//===- Hippo.cpp - matrices of HiPPO --------------------------------------===//
// The normal part is d + S with a number d and S real and skew, so that -iS is
// Hermitian: Jacobi's rotations find its eigenvectors to the last digits.
//===----------------------------------------------------------------------===//

#include "attn/Reference/Hippo.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace attn::ref;

namespace {

using Complex = std::complex<double>;
constexpr double kPi = 3.14159265358979323846;

/// Eigenvalues of a Hermitian matrix, and its eigenvectors as columns of `v`.
class Jacobi {
public:
  Jacobi(int64_t size, std::vector<Complex> matrix)
      : n(size), h(std::move(matrix)), v(n * n) {
    for (int64_t k = 0; k < n; ++k) {
      vector(k, k) = 1;
    }
    constexpr int kMostSweeps = 60;
    for (int sweep = 0; sweep < kMostSweeps && offDiagonal() > 0; ++sweep) {
      for (int64_t p = 0; p < n; ++p) {
        for (int64_t q = p + 1; q < n; ++q) {
          rotate(p, q);
        }
      }
    }
  }

  double value(int64_t k) const { return h[k * n + k].real(); }
  Complex &vector(int64_t row, int64_t k) { return v[row * n + k]; }

private:
  int64_t n;
  std::vector<Complex> h, v;

  // What is above the rounding of the diagonal.
  double offDiagonal() const {
    double off = 0, diagonal = 0;
    for (int64_t p = 0; p < n; ++p) {
      diagonal = std::max(diagonal, std::abs(value(p)));
      for (int64_t q = p + 1; q < n; ++q) {
        off = std::max(off, std::abs(h[p * n + q]));
      }
    }
    return off > 1e-17 * diagonal ? off : 0;
  }

  void rotate(int64_t p, int64_t q) {
    double size = std::abs(h[p * n + q]);
    if (size == 0) {
      return;
    }
    Complex phase = h[p * n + q] / size;
    double tau = (value(q) - value(p)) / (2 * size);
    double t = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::sqrt(1 + tau * tau));
    double c = 1 / std::sqrt(1 + t * t), s = t * c;
    // Columns p and q of m, then rows: m <- R^* m R.
    auto columns = [&](std::vector<Complex> &m) {
      for (int64_t k = 0; k < n; ++k) {
        Complex x = m[k * n + p], y = m[k * n + q];
        m[k * n + p] = c * x - s * std::conj(phase) * y;
        m[k * n + q] = s * phase * x + c * y;
      }
    };
    columns(h);
    columns(v);
    for (int64_t k = 0; k < n; ++k) {
      Complex x = h[p * n + k], y = h[q * n + k];
      h[p * n + k] = c * x - s * phase * y;
      h[q * n + k] = s * std::conj(phase) * x + c * y;
    }
    h[p * n + q] = h[q * n + p] = 0;
  }
};

} // namespace

HippoMatrices attn::ref::hippoMatrices(Hippo measure, int64_t states) {
  HippoMatrices m;
  m.states = states;
  m.a.resize(states * states);
  m.b.resize(states);
  auto root = [](int64_t k) { return std::sqrt(2.0 * k + 1); };
  if (measure == Hippo::kFouT) {
    for (int64_t k = 0; k < states; k += 2) {
      m.b[k] = k == 0 ? 1 : std::sqrt(2.0);
    }
    m.low = {m.b};
    for (int64_t n = 0; n < states; ++n) {
      for (int64_t k = 0; k < states; ++k) {
        m.a[n * states + k] = -m.b[n] * m.b[k];
      }
    }
    for (int64_t k = 0; k + 1 < states; k += 2) {
      double wave = kPi * static_cast<double>(k / 2);
      m.a[k * states + k + 1] -= wave;
      m.a[(k + 1) * states + k] += wave;
    }
    return m;
  }
  bool translated = measure == Hippo::kLegT;
  m.low.assign(translated ? 2 : 1, std::vector<double>(states));
  for (int64_t n = 0; n < states; ++n) {
    m.b[n] = translated ? root(n) / 2 : root(n);
    if (translated) {
      m.low[n % 2][n] = root(n) / std::sqrt(2.0);
    } else {
      m.low[0][n] = std::sqrt(n + 0.5);
    }
    for (int64_t k = 0; k < states; ++k) {
      double product = root(n) * root(k);
      double &a = m.a[n * states + k];
      if (translated) {
        a = n < k && (k - n) % 2 != 0 ? product / 2 : -product / 2;
      } else {
        a = n > k ? -product : n == k ? -static_cast<double>(n + 1) : 0;
      }
    }
  }
  return m;
}

HippoDiagonal attn::ref::hippoDiagonal(Hippo measure, int64_t states) {
  HippoMatrices m = hippoMatrices(measure, states);
  HippoDiagonal result;
  result.p.resize(m.low.size());
  // Adds what eigenvector `vector` of d + i mu makes of b and of `low`.
  auto add = [&](double d, double mu, std::vector<Complex> vector) {
    auto product = [&](const std::vector<double> &x) {
      Complex sum = 0;
      for (int64_t n = 0; n < states; ++n) {
        sum += std::conj(vector[n]) * x[n];
      }
      return sum;
    };
    Complex b = product(m.b);
    double size = std::abs(b);
    for (Complex &x : vector) {
      x *= size > 0 ? b / size : 1;
    }
    result.lambda.emplace_back(d, mu);
    result.b.emplace_back(size);
    for (size_t r = 0; r < m.low.size(); ++r) {
      result.p[r].push_back(product(m.low[r]));
    }
  };
  if (measure == Hippo::kFouT) {
    for (int64_t k = 0; k + 1 < states; k += 2) {
      std::vector<Complex> vector(states);
      vector[k] = 1 / std::sqrt(2.0);
      vector[k + 1] = {0, -1 / std::sqrt(2.0)};
      add(0, kPi * static_cast<double>(k / 2), std::move(vector));
    }
    return result;
  }
  double d = measure == Hippo::kLegS ? -0.5 : 0;
  std::vector<Complex> hermitian(states * states);
  for (int64_t n = 0; n < states; ++n) {
    for (int64_t k = 0; k < states; ++k) {
      double skew = m.a[n * states + k];
      for (const std::vector<double> &low : m.low) {
        skew += low[n] * low[k];
      }
      hermitian[n * states + k] = n == k ? Complex(0) : Complex(0, -skew);
    }
  }
  Jacobi eigen(states, std::move(hermitian));
  std::vector<int64_t> order(states);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t x, int64_t y) {
    return eigen.value(x) < eigen.value(y);
  });
  for (int64_t k = states / 2; k < states; ++k) {
    std::vector<Complex> vector(states);
    for (int64_t n = 0; n < states; ++n) {
      vector[n] = eigen.vector(n, order[k]);
    }
    add(d, eigen.value(order[k]), std::move(vector));
  }
  return result;
}
