//===- Check.cpp - compare results with the oracle ------------------------===//

#include "Check.h"
#include "ComparePairs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

using namespace attn;
using namespace attn::run;
using attn::rt::DType;
using attn::rt::Tensor;

namespace {

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
