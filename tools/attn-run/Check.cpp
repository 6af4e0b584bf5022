//===- Check.cpp - compare results with the oracle ------------------------===//

#include "Check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

using namespace attn;
using namespace attn::run;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

std::string format(const char *text, double a) {
  a = std::isnan(a) ? NAN : a; // without its sign
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), text, a);
  return buffer;
}

/// "[0, 3, 17, 5]".
std::string indexText(int64_t index, const rt::Shape &shape) {
  std::string text = "]";
  for (size_t d = shape.size(); d-- > 0;) {
    text = std::to_string(index % shape[d]) + text;
    index /= shape[d];
    if (d > 0) {
      text = ", " + text;
    }
  }
  return "[" + text;
}

/// The error of one element; infinite where special values do not match.
double errorOf(double got, double expected) {
  if (std::isfinite(got) && std::isfinite(expected)) {
    return std::abs(got - expected);
  }
  bool same = std::isnan(expected) ? std::isnan(got) : got == expected;
  return same ? 0 : INFINITY;
}

/// Calls `apply(index, got, expected)` for all elements.
template <typename Function>
void forEachPair(const Tensor &got, const Tensor &expected, Function apply) {
  constexpr int64_t kChunk = 1024;
  double a[kChunk], b[kChunk];
  auto at = [](const Tensor &tensor, int64_t index) {
    return static_cast<const char *>(tensor.data()) +
           index * rt::sizeOf(tensor.dtype());
  };
  for (int64_t start = 0; start < got.numElements(); start += kChunk) {
    int64_t count = std::min(kChunk, got.numElements() - start);
    rt::toDoubles(got.dtype(), at(got, start), a, count);
    rt::toDoubles(expected.dtype(), at(expected, start), b, count);
    for (int64_t i = 0; i < count; ++i) {
      apply(start + i, a[i], b[i]);
    }
  }
}

/// The unit roundoff of a format, and half its smallest subnormal.
struct Precision {
  double roundoff, tiny;
};

Precision precisionOf(DType type) {
  switch (type) {
  case DType::kF64:
    return {std::ldexp(1, -53), std::ldexp(1, -1074)};
  case DType::kF32:
    return {std::ldexp(1, -24), std::ldexp(1, -150)};
  case DType::kF16:
    return {std::ldexp(1, -11), std::ldexp(1, -25)};
  case DType::kBF16:
    return {std::ldexp(1, -8), std::ldexp(1, -134)};
  default:
    return {0, 0};
  }
}

/// The attention op whose result has the shape of `tensor`, if there is one.
const Work *findWork(const Tensor &tensor, const std::vector<Work> &work) {
  for (const Work &op : work) {
    rt::Shape shape = {op.batch, op.queryHeads, op.queries, op.valueSize};
    if (op.layout == "bshd") {
      std::swap(shape[1], shape[2]);
    } else if (op.layout == "thd") {
      shape = {op.queries, op.queryHeads, op.valueSize};
    }
    if (op.known && tensor.shape() == shape) {
      return &op;
    }
  }
  return nullptr;
}

/// The position of `row` (an index without the last dimension) in its sequence.
int64_t queryOf(int64_t row, const Work &work) {
  return work.layout == "bhsd" ? row % work.queries
                               : row / work.queryHeads % work.queries;
}

} // namespace

// The oracle is not rounded, so half a unit in the last place is the rounding
// of the result. The rest is what accumulation may add. For the 16-bit types
// that is little, but weights are rounded, each on its own, which averages out.
// Sums of n terms in the type of the result have errors that grow like the
// square root of n, while the sums of random values do not.
Bound attn::run::boundFor(DType type, int64_t keys, double tolerance) {
  Precision precision = precisionOf(type);
  double growth = std::sqrt(std::max(1.0, double(keys) / 1024));
  double maxAbs = 4, l2 = 2;
  if (type == DType::kF32) {
    maxAbs = 64 * growth;
    l2 = 16 * growth;
  } else if (type == DType::kF64) {
    maxAbs = 256 * growth;
    l2 = 64 * growth;
  }
  return {tolerance * maxAbs * precision.roundoff,
          tolerance * l2 * precision.roundoff, precision.tiny};
}

Comparison attn::run::compare(const std::string &name, const Tensor &got,
                              const Tensor &expected, int64_t keys,
                              double tolerance) {
  Comparison result;
  if (got.shape() != expected.shape()) {
    result.ok = false;
    result.text = name + ": got shape " + rt::toString(got.shape()) +
                  ", expected " + rt::toString(expected.shape());
    return result;
  }
  double largest = 0, errors = 0, squares = 0;
  forEachPair(got, expected, [&](int64_t index, double a, double b) {
    double error = errorOf(a, b);
    if (result.worst < 0 || error > result.maxAbs) {
      result.maxAbs = error;
      result.worst = index;
      result.got = a;
      result.expected = b;
    }
    if (std::isfinite(b)) {
      largest = std::max(largest, std::abs(b));
      squares += b * b;
    }
    errors += error * error;
  });
  Bound bound = boundFor(got.dtype(), keys, tolerance);
  double norm = std::sqrt(squares);
  result.maxAbsBound = bound.maxAbs * largest + bound.tiny;
  result.l2Bound =
      bound.l2 +
      (norm > 0 ? bound.tiny * std::sqrt(double(got.numElements())) / norm : 0);
  result.l2 = norm > 0 ? std::sqrt(errors) / norm : 0;
  result.ok =
      result.maxAbs <= result.maxAbsBound && result.l2 <= result.l2Bound;
  result.text = name + ": " + (result.ok ? "ok" : "MISMATCH") +
                format(", max error %.3g", result.maxAbs) +
                format(" (bound %.3g)", result.maxAbsBound) +
                format(", relative L2 %.3g", result.l2) +
                format(" (bound %.3g)", result.l2Bound);
  if (result.worst >= 0) {
    result.text += ", worst at " + indexText(result.worst, got.shape()) +
                   format(": got %.9g", result.got) +
                   format(", expected %.9g", result.expected);
  }
  return result;
}

std::string attn::run::traceNumerics(const std::string &name, const Tensor &got,
                                     const Tensor &expected,
                                     const Comparison &comparison,
                                     const std::vector<Work> &work) {
  if (got.shape() != expected.shape()) {
    return name + ": no trace, the shapes differ";
  }
  int64_t width = std::max<int64_t>(got.rank() ? got.shape().back() : 1, 1);
  const Work *op = findWork(got, work);
  int64_t first = -1, bad = 0, firstColumn = 0;
  double firstError = 0;
  int64_t lastBad = -1;
  std::map<int64_t, int64_t> tiles; // bad rows by tile of the sequence
  forEachPair(got, expected, [&](int64_t index, double a, double b) {
    double error = errorOf(a, b);
    int64_t row = index / width;
    if (error <= comparison.maxAbsBound) {
      return;
    }
    if (first < 0 || (row == first && error > firstError)) {
      first = row;
      firstColumn = index % width;
      firstError = error;
    }
    if (row != lastBad) {
      lastBad = row;
      ++bad;
      if (op && op->tiles.rows > 0) {
        ++tiles[queryOf(row, *op) / op->tiles.rows];
      }
    }
  });
  if (first < 0) {
    return name + ": no row is beyond the bound";
  }
  std::string text = name + ": first row beyond the bound at " +
                     indexText(first * width + firstColumn, got.shape()) +
                     format(", error %.3g", firstError) + "; " +
                     std::to_string(bad) + " of " +
                     std::to_string(got.numElements() / width) + " rows";
  if (op && op->tiles.rows > 0) {
    int64_t query = queryOf(first, *op);
    text += "\n  " + op->op + " at " + op->location + ": query " +
            std::to_string(query) + " is row " +
            std::to_string(query % op->tiles.rows) + " of tile " +
            std::to_string(query / op->tiles.rows) + " (" +
            std::to_string(op->tiles.rows) + " rows, steps of " +
            std::to_string(op->tiles.keys) + " keys)\n  rows beyond by tile:";
    int shown = 0;
    for (auto [tile, rows] : tiles) {
      if (++shown > 8) {
        text += " ...";
        break;
      }
      text += " " + std::to_string(tile) + ":" + std::to_string(rows);
    }
  }
  return text;
}
