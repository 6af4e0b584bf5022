//===- Attention.cpp - scalar reference of attention ----------------------===//
// One row at a time, so that the result does not depend on the threads. The
// same loop computes the definition and the plain form: they differ in the type
// of the arithmetic and in the roundings.
//===----------------------------------------------------------------------===//

#include "attn/Reference/Attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

using namespace attn::ref;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// One sequence: where its rows lie in the batch, and its lengths.
struct Sequence {
  int64_t batch;        // index into the batch dimension, 0 for thd
  int64_t firstQ, numQ; // rows
  int64_t firstK, numK; // keys in use
  int64_t offset;
};

/// The problem in the form [B, H, S, D], with its sequences.
struct Plan {
  View q, k, v;
  std::vector<Sequence> sequences;
  int64_t group = 1;
  double scale = 1;
};

std::string text(int64_t n) { return std::to_string(n); }

std::string checkCuSeqlens(const char *name, const std::vector<int64_t> &values,
                           int64_t total) {
  if (values.empty() || values.front() != 0 || values.back() != total ||
      !std::is_sorted(values.begin(), values.end())) {
    return std::string("expected ") + name + " to ascend from 0 to " +
           text(total);
  }
  return "";
}

/// Empty on success, else what is wrong.
std::string makePlan(const AttentionProblem &problem, Plan &plan) {
  bool ragged = problem.layout == Layout::kThd;
  int64_t rank = ragged ? 3 : 4;
  for (const View *view : {&problem.q, &problem.k, &problem.v}) {
    if (view->rank() != rank || view->strides.size() != view->shape.size()) {
      return "expected q, k and v of rank " + text(rank);
    }
  }
  auto toBhsd = [&](View view) {
    if (problem.layout == Layout::kBhsd) {
      return view;
    }
    if (problem.layout == Layout::kBshd) {
      return view.permuted({0, 2, 1, 3});
    }
    view.shape.insert(view.shape.begin(), 1);
    view.strides.insert(view.strides.begin(), 0);
    return view.permuted({0, 2, 1, 3});
  };
  plan.q = toBhsd(problem.q);
  plan.k = toBhsd(problem.k);
  plan.v = toBhsd(problem.v);

  const auto &q = plan.q.shape, &k = plan.k.shape, &v = plan.v.shape;
  if (q[0] != k[0] || k[0] != v[0] || k[1] != v[1] || k[2] != v[2] ||
      q[3] != k[3]) {
    return "the shapes of q, k and v do not fit together";
  }
  if (q[1] != 0 && (k[1] == 0 || q[1] % k[1] != 0)) {
    return "expected the query heads (" + text(q[1]) +
           ") to be a multiple of the key heads (" + text(k[1]) + ")";
  }
  plan.group = q[1] == 0 ? 1 : q[1] / k[1];
  plan.scale = problem.scale.value_or(
      q[3] == 0 ? 1.0 : 1.0 / std::sqrt(static_cast<double>(q[3])));
  if (!problem.sinks.empty() &&
      static_cast<int64_t>(problem.sinks.size()) != q[1]) {
    return "expected one sink per query head";
  }

  if (ragged) {
    std::string wrong = checkCuSeqlens("cuSeqlensQ", problem.cuSeqlensQ, q[2]);
    if (wrong.empty()) {
      wrong = checkCuSeqlens("cuSeqlensK", problem.cuSeqlensK, k[2]);
    }
    if (wrong.empty() &&
        problem.cuSeqlensQ.size() != problem.cuSeqlensK.size()) {
      wrong = "expected cuSeqlensQ and cuSeqlensK of equal length";
    }
    if (!wrong.empty()) {
      return wrong;
    }
  }
  int64_t numSequences =
      ragged ? static_cast<int64_t>(problem.cuSeqlensQ.size()) - 1 : q[0];
  auto count = static_cast<size_t>(numSequences);
  if (!problem.kvLengths.empty() && problem.kvLengths.size() != count) {
    return "expected one kv length per batch";
  }
  if (problem.offsets.size() > 1 && problem.offsets.size() != count) {
    return "expected one offset, or one per batch";
  }
  for (size_t b = 0; b < count; ++b) {
    Sequence sequence{static_cast<int64_t>(b), 0, q[2], 0, k[2], 0};
    if (ragged) {
      sequence.batch = 0;
      sequence.firstQ = problem.cuSeqlensQ[b];
      sequence.numQ = problem.cuSeqlensQ[b + 1] - sequence.firstQ;
      sequence.firstK = problem.cuSeqlensK[b];
      sequence.numK = problem.cuSeqlensK[b + 1] - sequence.firstK;
    }
    if (!problem.kvLengths.empty()) {
      int64_t length = problem.kvLengths[b];
      if (length < 0 || length > sequence.numK) {
        return "kv length " + text(length) + " of batch " +
               text(static_cast<int64_t>(b)) + " is not in 0.." +
               text(sequence.numK);
      }
      sequence.numK = length;
    }
    sequence.offset = sequence.numK - sequence.numQ;
    if (!problem.offsets.empty()) {
      sequence.offset = problem.offsets[problem.offsets.size() > 1 ? b : 0];
    }
    plan.sequences.push_back(sequence);
  }
  return "";
}

/// body(row) for row in [0, count), on `numThreads` threads.
template <typename Body>
void parallelFor(int64_t count, int numThreads, Body body) {
  auto threads = static_cast<int64_t>(numThreads);
  if (threads <= 0) {
    threads = std::max(1u, std::thread::hardware_concurrency());
  }
  threads = std::min(threads, count);
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t row; (row = next.fetch_add(1)) < count;) {
      body(row);
    }
  };
  std::vector<std::thread> pool;
  for (int64_t i = 1; i < threads; ++i) {
    pool.emplace_back(work);
  }
  work();
  for (std::thread &thread : pool) {
    thread.join();
  }
}

/// The inputs, rounded and packed for loops over contiguous memory: q as
/// [B, H, S, D], k as [B, H, D, S] so that the dot products of one query with
/// all keys proceed side by side, v as [B, H, S, Dv].
template <typename T> struct Packed {
  std::vector<T> q, k, v;
};

template <typename T, typename Round>
std::vector<T> pack(const View &view, Round round) {
  const auto &n = view.shape, &s = view.strides;
  std::vector<T> packed;
  packed.reserve(static_cast<size_t>(n[0] * n[1] * n[2] * n[3]));
  for (int64_t b = 0; b < n[0]; ++b) {
    for (int64_t h = 0; h < n[1]; ++h) {
      for (int64_t i = 0; i < n[2]; ++i) {
        int64_t row = b * s[0] + h * s[1] + i * s[2];
        for (int64_t d = 0; d < n[3]; ++d) {
          packed.push_back(static_cast<T>(round(view.data[row + d * s[3]])));
        }
      }
    }
  }
  return packed;
}

/// Computes the row `i` of head `h` of a sequence. T is the type of products,
/// sums and exponentials; scores and probabilities pass through `round`.
template <typename T, typename Round>
void attendRow(const AttentionProblem &problem, const Plan &plan,
               const Packed<T> &packed, int64_t b, int64_t h, int64_t i,
               Round round, double *out, double *lse) {
  const Sequence &sequence = plan.sequences[static_cast<size_t>(b)];
  const auto &qn = plan.q.shape, &vn = plan.v.shape;
  int64_t headSize = qn[3], outSize = vn[3], allKeys = vn[2];
  int64_t kvHead = sequence.batch * vn[1] + h / plan.group;
  // Positions and not pointers, which would be null for empty inputs.
  int64_t q =
      ((sequence.batch * qn[1] + h) * qn[2] + sequence.firstQ + i) * headSize;
  int64_t k = kvHead * headSize * allKeys + sequence.firstK;
  int64_t v = (kvHead * allKeys + sequence.firstK) * outSize;

  std::vector<T> dots(static_cast<size_t>(sequence.numK), T(0));
  for (int64_t d = 0; d < headSize; ++d) {
    T factor = packed.q[static_cast<size_t>(q + d)];
    const T *column = packed.k.data() + k + d * allKeys;
    for (int64_t j = 0; j < sequence.numK; ++j) {
      dots[static_cast<size_t>(j)] += factor * column[j];
    }
  }

  std::vector<int64_t> keys;
  std::vector<T> scores;
  bool anyNaN = false;
  T maximum = -std::numeric_limits<T>::infinity();
  Point point{b, h, i + sequence.offset, 0, i};
  for (int64_t j = 0; j < sequence.numK; ++j) {
    point.k = j;
    if (problem.mask && !problem.mask(point)) {
      continue;
    }
    T scaled = static_cast<T>(plan.scale) * dots[static_cast<size_t>(j)];
    double x = round(static_cast<double>(scaled));
    if (problem.score) {
      x = round(problem.score(x, point));
    }
    keys.push_back(j);
    scores.push_back(static_cast<T>(x));
    // std::max would lose a NaN.
    anyNaN |= std::isnan(x);
    maximum = std::max(maximum, scores.back());
  }

  bool hasSink = !problem.sinks.empty();
  T sink = hasSink ? static_cast<T>(problem.sinks[static_cast<size_t>(h)])
                   : -std::numeric_limits<T>::infinity();
  T top = std::max(maximum, sink);
  std::fill(out, out + outSize, 0.0);
  *lse = -kInf;
  if (anyNaN || std::isnan(sink)) {
    std::fill(out, out + outSize, std::nan(""));
    *lse = std::nan("");
    return;
  }
  if (top == -std::numeric_limits<T>::infinity()) {
    return;
  }
  T denominator = 0;
  for (T &score : scores) {
    score = std::exp(score - top);
    denominator += score;
  }
  denominator += hasSink ? std::exp(sink - top) : T(0);
  *lse = static_cast<double>(top + std::log(denominator));
  std::vector<T> sums(static_cast<size_t>(outSize), T(0));
  for (size_t n = 0; n < keys.size(); ++n) {
    T p = static_cast<T>(round(static_cast<double>(scores[n] / denominator)));
    const T *row = packed.v.data() + v + keys[n] * outSize;
    for (int64_t d = 0; d < outSize; ++d) {
      sums[static_cast<size_t>(d)] += p * row[d];
    }
  }
  for (int64_t d = 0; d < outSize; ++d) {
    out[d] = round(static_cast<double>(sums[static_cast<size_t>(d)]));
  }
}

template <typename T, typename Round>
AttentionResult run(const AttentionProblem &problem, Round round) {
  AttentionResult result;
  Plan plan;
  result.error = makePlan(problem, plan);
  if (!result.ok()) {
    return result;
  }
  result.lseShape = problem.q.shape;
  result.lseShape.pop_back();
  result.outShape = result.lseShape;
  result.outShape.push_back(plan.v.shape[3]);

  int64_t numHeads = plan.q.shape[1], numRows = plan.q.shape[2];
  int64_t outSize = plan.v.shape[3];
  size_t numLse = 1;
  for (int64_t size : result.lseShape) {
    numLse *= static_cast<size_t>(size);
  }
  result.lse.assign(numLse, 0.0);
  result.out.assign(numLse * static_cast<size_t>(outSize), 0.0);

  Packed<T> packed{pack<T>(plan.q, round),
                   pack<T>(plan.k.permuted({0, 1, 3, 2}), round),
                   pack<T>(plan.v, round)};

  // Rows of all sequences, heads outermost so that a task is one row.
  std::vector<int64_t> firstTask;
  int64_t numTasks = 0;
  for (const Sequence &sequence : plan.sequences) {
    firstTask.push_back(numTasks);
    numTasks += sequence.numQ * numHeads;
  }
  parallelFor(numTasks, problem.numThreads, [&](int64_t task) {
    auto found = std::upper_bound(firstTask.begin(), firstTask.end(), task);
    int64_t b = found - firstTask.begin() - 1;
    const Sequence &sequence = plan.sequences[static_cast<size_t>(b)];
    int64_t local = task - firstTask[static_cast<size_t>(b)];
    int64_t h = local / sequence.numQ, i = local % sequence.numQ;
    int64_t s = sequence.firstQ + i;
    int64_t row = problem.layout == Layout::kBhsd
                      ? (sequence.batch * numHeads + h) * numRows + s
                      : (sequence.batch * numRows + s) * numHeads + h;
    attendRow<T>(problem, plan, packed, b, h, i, round,
                 result.out.data() + row * outSize, result.lse.data() + row);
  });
  return result;
}

} // namespace

AttentionResult attn::ref::attention(const AttentionProblem &problem) {
  return run<double>(problem, [](double x) { return x; });
}

AttentionResult attn::ref::plainAttention(const AttentionProblem &problem,
                                          Precision precision) {
  if (precision == Precision::kF64) {
    return attention(problem);
  }
  return run<float>(problem,
                    [precision](double x) { return roundTo(precision, x); });
}

State attn::ref::mergeStates(const std::vector<State> &parts) {
  State merged;
  if (parts.empty()) {
    return merged;
  }
  merged = parts.front();
  size_t numRows = merged.lse.size();
  size_t size = numRows ? merged.o.size() / numRows : 0;
  for (size_t row = 0; row < numRows; ++row) {
    double top = -kInf;
    bool anyNaN = false;
    for (const State &part : parts) {
      top = std::max(top, part.lse[row]);
      anyNaN |= std::isnan(part.lse[row]);
    }
    double sum = 0;
    std::vector<double> o(size, 0.0);
    for (const State &part : parts) {
      double weight = part.lse[row] == -kInf && !anyNaN
                          ? 0.0
                          : std::exp(part.lse[row] - top);
      sum += weight;
      // Not weight 0 times o: that is NaN where o is not finite.
      for (size_t d = 0; d < size && weight != 0; ++d) {
        o[d] += weight * part.o[row * size + d];
      }
    }
    double lse = anyNaN         ? std::nan("")
                 : top == -kInf ? -kInf
                                : top + std::log(sum);
    merged.lse[row] = lse;
    for (size_t d = 0; d < size; ++d) {
      merged.o[row * size + d] = anyNaN       ? std::nan("")
                                 : sum == 0.0 ? 0.0
                                              : o[d] / sum;
    }
  }
  return merged;
}
