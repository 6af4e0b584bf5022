//===- Recurrence.cpp - state spaces and linear attention -----------------===//

#include "attn/Reference/Recurrence.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attn::ref;

namespace {

double dot(const double *x, const double *y, int64_t size) {
  double sum = 0;
  for (int64_t n = 0; n < size; ++n) {
    sum += x[n] * y[n];
  }
  return sum;
}

/// A square matrix of complex numbers.
struct Matrix {
  int64_t n;
  std::vector<Complex> m;
  Complex &at(int64_t row, int64_t column) { return m[row * n + column]; }

  std::vector<Complex> times(const std::vector<Complex> &x) const {
    std::vector<Complex> y(n);
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = 0; c < n; ++c) {
        y[r] += m[r * n + c] * x[c];
      }
    }
    return y;
  }
};

/// Solves m y = x by elimination with pivots.
std::vector<Complex> solve(Matrix m, std::vector<Complex> x) {
  for (int64_t k = 0; k < m.n; ++k) {
    int64_t pivot = k;
    for (int64_t r = k + 1; r < m.n; ++r) {
      if (std::abs(m.at(r, k)) > std::abs(m.at(pivot, k))) {
        pivot = r;
      }
    }
    for (int64_t c = 0; c < m.n; ++c) {
      std::swap(m.at(k, c), m.at(pivot, c));
    }
    std::swap(x[k], x[pivot]);
    for (int64_t r = k + 1; r < m.n; ++r) {
      Complex factor = m.at(r, k) / m.at(k, k);
      for (int64_t c = k; c < m.n; ++c) {
        m.at(r, c) -= factor * m.at(k, c);
      }
      x[r] -= factor * x[k];
    }
  }
  for (int64_t k = m.n - 1; k >= 0; --k) {
    for (int64_t c = k + 1; c < m.n; ++c) {
      x[k] -= m.at(k, c) * x[c];
    }
    x[k] /= m.at(k, k);
  }
  return x;
}

/// The numbers, and the conjugates that they stand for too.
std::vector<Complex> all(const std::vector<Complex> &numbers, bool pairs) {
  std::vector<Complex> result = numbers;
  for (size_t n = 0; pairs && n < numbers.size(); ++n) {
    result.push_back(std::conj(numbers[n]));
  }
  return result;
}

/// A = diag(a) - sum p q^*.
Matrix dense(const StateSpace &space) {
  std::vector<Complex> a = all(space.a, space.pairs);
  auto n = static_cast<int64_t>(a.size());
  Matrix m{n, std::vector<Complex>(n * n)};
  for (int64_t r = 0; r < n; ++r) {
    m.at(r, r) = a[r];
  }
  for (size_t k = 0; k < space.p.size(); ++k) {
    std::vector<Complex> p = all(space.p[k], space.pairs);
    std::vector<Complex> q = all(space.q[k], space.pairs);
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = 0; c < n; ++c) {
        m.at(r, c) -= p[r] * std::conj(q[c]);
      }
    }
  }
  return m;
}

/// 1 + factor A.
Matrix onePlus(double factor, Matrix a) {
  for (Complex &x : a.m) {
    x *= factor;
  }
  for (int64_t n = 0; n < a.n; ++n) {
    a.at(n, n) += 1;
  }
  return a;
}

double read(const std::vector<Complex> &c, const std::vector<Complex> &x) {
  Complex sum = 0;
  for (size_t n = 0; n < c.size(); ++n) {
    sum += c[n] * x[n];
  }
  return sum.real();
}

Complex held(Complex a, double delta) {
  return a == Complex(0) ? delta : (std::exp(delta * a) - 1.0) / a;
}

} // namespace

std::vector<double> attn::ref::ssd(const Rows &x, const std::vector<double> &dt,
                                   double a, const Rows &b, const Rows &c) {
  return weightedSums(x, [&](int64_t t, int64_t s) {
    double kept = 0;
    for (int64_t n = s + 1; n <= t; ++n) {
      kept += dt[n] * a;
    }
    return std::exp(kept) * dt[s] * dot(c[t], b[s], b.columns);
  });
}

std::vector<double> attn::ref::favorAttention(const Rows &q, const Rows &k,
                                              const Rows &v, const Rows &w,
                                              double featureEpsilon,
                                              double epsilon) {
  int64_t size = q.columns, number = w.size();
  double scale = std::pow(static_cast<double>(size), -0.25);
  auto exponents = [&](const double *x) {
    std::vector<double> e(number);
    for (int64_t i = 0; i < number; ++i) {
      e[i] = scale * dot(w[i], x, size) - scale * scale * dot(x, x, size) / 2;
    }
    return e;
  };
  // Exponents of keys, and the largest one up to each.
  std::vector<std::vector<double>> ofKeys;
  std::vector<double> most;
  double now = -std::numeric_limits<double>::infinity();
  for (int64_t s = 0; s < k.size(); ++s) {
    ofKeys.push_back(exponents(k[s]));
    now = std::max(now, *std::max_element(ofKeys[s].begin(), ofKeys[s].end()));
    most.push_back(now);
  }
  std::vector<double> norms(q.size());
  std::vector<std::vector<double>> ofQueries;
  for (int64_t t = 0; t < q.size(); ++t) {
    ofQueries.push_back(exponents(q[t]));
  }
  std::vector<double> out = weightedSums(v, [&](int64_t t, int64_t s) {
    const std::vector<double> &e = ofQueries[t];
    double largest = *std::max_element(e.begin(), e.end()), sum = 0;
    for (int64_t i = 0; i < number; ++i) {
      sum += (std::exp(e[i] - largest) + featureEpsilon) *
             (std::exp(ofKeys[s][i] - most[s]) + featureEpsilon);
    }
    sum *= std::exp(most[s] - most[t]) / static_cast<double>(number);
    norms[t] += sum;
    return sum;
  });
  for (size_t n = 0; epsilon >= 0 && n < out.size(); ++n) {
    out[n] /= norms[static_cast<int64_t>(n) / v.columns] + epsilon;
  }
  return out;
}

std::vector<double> attn::ref::kernelAttention(const Rows &q, const Rows &k,
                                               const Rows &v) {
  std::vector<double> norms(q.size());
  std::vector<double> out = weightedSums(v, [&](int64_t t, int64_t s) {
    double size = static_cast<double>(q.columns);
    double w = std::exp(dot(q[t], k[s], q.columns) / std::sqrt(size));
    norms[t] += w;
    return w;
  });
  for (size_t n = 0; n < out.size(); ++n) {
    out[n] /= norms[static_cast<int64_t>(n) / v.columns];
  }
  return out;
}

std::vector<double> attn::ref::impulseResponse(const StateSpace &space,
                                               int64_t taps, bool bilinear) {
  std::vector<Complex> a = all(space.a, space.pairs),
                       x = all(space.b, space.pairs),
                       c = all(space.c, space.pairs);
  Matrix m = dense(space);
  auto next = [&](const std::vector<Complex> &state) {
    if (bilinear) {
      return solve(onePlus(-space.delta / 2, m),
                   onePlus(space.delta / 2, m).times(state));
    }
    std::vector<Complex> result = state;
    for (size_t n = 0; n < a.size(); ++n) {
      result[n] *= std::exp(space.delta * a[n]);
    }
    return result;
  };
  for (size_t n = 0; n < x.size(); ++n) {
    x[n] *= bilinear ? space.delta : held(a[n], space.delta);
  }
  if (bilinear) {
    x = solve(onePlus(-space.delta / 2, m), x);
  }
  std::vector<double> response;
  for (int64_t l = 0; l < taps; ++l) {
    response.push_back(read(c, x));
    x = next(x);
  }
  return response;
}

double attn::ref::stepState(const StateSpace &space, double u, bool zoh,
                            std::vector<Complex> &state) {
  double sum = 0;
  for (size_t n = 0; n < space.a.size(); ++n) {
    Complex weight = zoh ? held(space.a[n], space.delta) : space.delta;
    state[n] =
        std::exp(space.delta * space.a[n]) * state[n] + weight * space.b[n] * u;
    sum += (space.pairs ? 2 : 1) * (space.c[n] * state[n]).real();
  }
  return sum;
}
