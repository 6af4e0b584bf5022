//===- Inputs.h - random problems -------------------------------*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_REFERENCE_INPUTS_H
#define ATTN_TEST_UNIT_REFERENCE_INPUTS_H

#include "attn/Reference/Attention.h"

#include <random>
#include <vector>

namespace attn::ref::test {

inline std::vector<double> randomValues(int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<size_t>(count));
  for (double &value : values) {
    value = normal(engine);
  }
  return values;
}

/// A random bhsd problem that owns its data.
struct Inputs {
  int64_t batch = 2, heads = 4, kvHeads = 2, rows = 7, keys = 11, headSize = 5,
          outSize = 3;
  std::vector<double> q, k, v;

  explicit Inputs(unsigned seed = 1) { fill(seed); }

  void fill(unsigned seed) {
    q = randomValues(batch * heads * rows * headSize, seed);
    k = randomValues(batch * kvHeads * keys * headSize, seed + 1000);
    v = randomValues(batch * kvHeads * keys * outSize, seed + 2000);
  }

  AttentionProblem problem() const {
    AttentionProblem problem;
    problem.q = View::contiguous(q.data(), {batch, heads, rows, headSize});
    problem.k = View::contiguous(k.data(), {batch, kvHeads, keys, headSize});
    problem.v = View::contiguous(v.data(), {batch, kvHeads, keys, outSize});
    return problem;
  }
};

} // namespace attn::ref::test

#endif // ATTN_TEST_UNIT_REFERENCE_INPUTS_H
