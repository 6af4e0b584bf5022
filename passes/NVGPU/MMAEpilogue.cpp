//===- MMAEpilogue.cpp - from the state of a tile to its results ----------===//
// Warps that share rows (few rows, keys split between warps) first join their
// states through shared memory, in the order of the warps.
//===----------------------------------------------------------------------===//

#include "MMATile.h"
#include "RowFinish.h"
#include "attn/Passes/IndexBuilder.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace attn {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

LogicalResult MMATile::epilogue(State state) {
  // The sum of a row is spread over the lanes that share it.
  for (RowValues *sums : {&state.sum, &state.shift}) {
    for (auto &pair : *sums) {
      for (Value &sum : pair) {
        sum = acrossRow(sum, [&](Value a, Value b) { return warp.fadd(a, b); });
      }
    }
  }
  addRest(state);
  if (kernel.keyWarps > 1) {
    mergeWarps(state);
    storeShared();
    return success();
  }
  RowValues lses;
  finishRows(state, lses);
  storeFragments(state, lses);
  return success();
}

std::pair<Value, Value> MMATile::finish(Value max, Value sum, Value row) {
  return finishRow(warp, program, rows, sink,
                   warp.fmul(max, warp.f(program.log2Unit())), sum, row);
}

void MMATile::finishRows(State &state, RowValues &lses) {
  lses.resize(kernel.rowBlocks);
  forEachRow([&](int64_t block, int64_t half) {
    auto [inverse, value] = finish(state.max[block][half],
                                   state.sum[block][half], row(block, half));
    lses[block][half] = value;
    for (Fragment &fragment : state.accumulator[block]) {
      for (int64_t i = 2 * half; i < 2 * half + 2; ++i) {
        fragment[i] = unscaled(
            fragment[i],
            state.shift.empty() ? Value() : state.shift[block][half], inverse);
      }
    }
  });
}

// The result of a sum of weights times values.
Value MMATile::unscaled(Value sum, Value shift, Value inverse) {
  if (valueFactor() != 1) {
    sum = warp.fmul(sum, warp.f(1 / valueFactor()));
  }
  return warp.fmul(shift ? warp.fadd(sum, shift) : sum, inverse);
}

// Element index of (row, column of the slice); `column` is i32.
Value MMATile::outIndex(Value row, Value column) {
  IndexBuilder index(warp.builder, warp.loc);
  if (slice) {
    column = warp.add(column, warp.mul(slice, kernel.valueSlice));
  }
  Value at = rows.offset(warp, row, out, outHeadDim, outQueryDim);
  return index.add(
      at, index.mul(warp.toIndex(column), out.dims[outSizeDim].stride));
}

void MMATile::storeLse(Value value, Value row) {
  if (!lse.pointer) {
    return;
  }
  Value first = warp.equal(warp.andi(lane, 3), warp.c(0));
  if (slice) {
    first = warp.both(first, warp.equal(slice, warp.c(0)));
  }
  warp.guarded(first, [&] {
    warp.store(warp.convert(value, lse.element),
               warp.globalAddress(lse.pointer,
                                  rows.offset(warp, row, lse, 0, 1),
                                  lse.element));
  });
}

void MMATile::storeFragments(const State &state, const RowValues &lses) {
  Type type = out.element;
  int64_t bits = type.getIntOrFloatBitWidth();
  TensorView view = out;
  std::rotate(view.dims.begin() + outSizeDim,
              view.dims.begin() + outSizeDim + 1, view.dims.end());
  bool pairs = matchPattern(view.dims.back().stride, m_One()) &&
               view.alignment() >= bits / 4 && program.valueSize % 2 == 0 &&
               !valueCodes && (bits == 32 || type.isF16() || type.isBF16());
  Value quad = firstColumn();
  forEachRow([&](int64_t block, int64_t half) {
    Value number = row(block, half);
    warp.guarded(warp.less(number, rows.count), [&] {
      Value start = outIndex(number, quad);
      IndexBuilder index(warp.builder, warp.loc);
      for (int64_t n = 0; n < columnBlocks(); ++n) {
        auto at = [&](int64_t offset) {
          Value elements =
              index.add(start, index.mul(index.constant(column(n, offset)),
                                         out.dims[outSizeDim].stride));
          return warp.globalAddress(out.pointer, elements, type);
        };
        Value low = state.accumulator[block][n][2 * half];
        Value high = state.accumulator[block][n][2 * half + 1];
        auto inside = [&](int64_t offset, llvm::function_ref<void()> body) {
          // Columns of padding are dropped.
          if (!slice && !valueCodes && (n + 1) * 8 <= program.valueSize) {
            return body();
          }
          warp.guarded(warp.less(warp.add(quad, column(n, offset)), columns),
                       body);
        };
        if (!pairs) {
          inside(0, [&] { warp.store(warp.convert(low, type), at(0)); });
          inside(1, [&] { warp.store(warp.convert(high, type), at(1)); });
          continue;
        }
        inside(0, [&] {
          if (bits == 16) {
            return warp.store(warp.pack(low, high, type), at(0), 4);
          }
          Type vector = VectorType::get(2, warp.f32());
          Value both = LLVM::UndefOp::create(warp.builder, warp.loc, vector);
          for (auto [i, value] : llvm::enumerate(ArrayRef<Value>{low, high})) {
            both = LLVM::InsertElementOp::create(warp.builder, warp.loc, both,
                                                 value, warp.c(i));
          }
          warp.store(both, at(0), 8);
        });
      }
      storeLse(lses[block][half], number);
    });
  });
}

// Shared memory of the merge, behind Q: for each warp along the keys, (max,
// sum) of the rows in 16 bytes, then its accumulators.
static int64_t statsBytes(const MMAKernel &kernel) {
  return kernel.keyWarps * kernel.rows() * 16;
}

void MMATile::mergeWarps(State &state) {
  double unit = program.log2Unit();
  int64_t start = queryTile.bytes();
  warp.waitCopies(0);
  warp.barrier();
  auto stats = [&](Value warpNumber, Value row) {
    return warp.mul(warp.add(warp.mul(warpNumber, kernel.rows()), row), 16);
  };
  Value first = firstOfRow();
  forEachRow([&](int64_t block, int64_t half) {
    warp.guarded(first, [&] {
      Value at = stats(keyWarp, row(block, half));
      warp.store(state.max[block][half], warp.sharedAddress(at, start));
      warp.store(state.sum[block][half], warp.sharedAddress(at, start + 4));
      if (!state.shift.empty()) {
        warp.store(state.shift[block][half], warp.sharedAddress(at, start + 8));
      }
    });
  });
  warp.barrier();
  Value quad = firstColumn();
  forEachRow([&](int64_t block, int64_t half) {
    Value number = row(block, half);
    Value largest = warp.f(kMinusInfinity);
    for (int64_t w = 0; w < kernel.keyWarps; ++w) {
      largest = warp.fmax(
          largest, warp.load(warp.f32(), warp.sharedAddress(
                                             stats(warp.c(w), number), start)));
    }
    Value base = warp.select(warp.isEqual(largest, warp.f(kMinusInfinity)),
                             warp.f(0), warp.fmul(largest, warp.f(-unit)));
    Value factor =
        warp.exp2(warp.fma(state.max[block][half], warp.f(unit), base));
    Value at = warp.mul(
        warp.add(warp.mul(warp.add(warp.mul(keyWarp, kernel.rows()), number),
                          kernel.valueSlice),
                 quad),
        4);
    // Most tiles have far less rows than a warp.
    warp.guarded(warp.less(number, rows.count), [&] {
      for (int64_t n = 0; n < columnBlocks(); ++n) {
        for (int64_t i = 0; i < 2; ++i) {
          warp.store(warp.fmul(state.accumulator[block][n][elementOf(half, i)],
                               factor),
                     warp.sharedAddress(at, start + statsBytes(kernel) +
                                                column(n, i) * 4));
        }
      }
    });
  });
  warp.barrier();
}

// Adds the accumulators of the warps; a thread takes single columns, so that
// rows are written side by side.
void MMATile::storeShared() {
  double unit = program.log2Unit();
  int64_t start = queryTile.bytes();
  int64_t all = kernel.rows() * kernel.valueSlice;
  auto loop = scf::ForOp::create(warp.builder, warp.loc, thread,
                                 warp.mul(rows.count, kernel.valueSlice),
                                 warp.c(kernel.threads()));
  OpBuilder::InsertionGuard guard(warp.builder);
  warp.builder.setInsertionPoint(loop.getBody()->getTerminator());
  Value number = loop.getInductionVar();
  Value line = warp.div(number, kernel.valueSlice);
  Value column = warp.rem(number, kernel.valueSlice);
  warp.guarded(warp.less(column, columns), [&] {
    Value stats = warp.mul(line, 16);
    auto statistic = [&](int64_t w, int64_t which) {
      return warp.load(warp.f32(),
                       warp.sharedAddress(
                           stats, start + w * kernel.rows() * 16 + which * 4));
    };
    Value largest = warp.f(kMinusInfinity), sum = warp.f(0), total = sum;
    bool shifts =
        valueCodes && valueCodes->scalesKeys() && valueCodes->hasZero();
    Value shift = shifts ? sum : Value();
    for (int64_t w = 0; w < kernel.keyWarps; ++w) {
      largest = warp.fmax(largest, statistic(w, 0));
    }
    Value base = warp.select(warp.isEqual(largest, warp.f(kMinusInfinity)),
                             warp.f(0), warp.fmul(largest, warp.f(-unit)));
    for (int64_t w = 0; w < kernel.keyWarps; ++w) {
      Value factor = warp.exp2(warp.fma(statistic(w, 0), warp.f(unit), base));
      sum = warp.fma(statistic(w, 1), factor, sum);
      if (shift) {
        shift = warp.fma(statistic(w, 2), factor, shift);
      }
      total = warp.fadd(
          total,
          warp.load(warp.f32(), warp.sharedAddress(warp.mul(number, 4),
                                                   start + statsBytes(kernel) +
                                                       w * all * 4)));
    }
    std::pair<Value, Value> row = finish(largest, sum, line); // 1 / sum, lse
    warp.store(
        warp.convert(unscaled(total, shift, row.first), out.element),
        warp.globalAddress(out.pointer, outIndex(line, column), out.element));
    if (lse.pointer) {
      Value first = warp.equal(column, warp.c(0));
      if (slice) {
        first = warp.both(first, warp.equal(slice, warp.c(0)));
      }
      warp.guarded(first, [&] {
        warp.store(warp.convert(row.second, lse.element),
                   warp.globalAddress(lse.pointer,
                                      rows.offset(warp, line, lse, 0, 1),
                                      lse.element));
      });
    }
  });
}

} // namespace attn
